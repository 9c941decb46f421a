"""Output files were renamed over devices, pipes and links: `-o /dev/null` as root replaced the device by a file."""

import os
import threading
from pathlib import Path

import pytest

from rtmcli.cli.app import main
from rtmcli.errors import RtmError
from rtmcli.files import write_atomically

RECORD = '{"source":"a.mp4","frame":0,"time":0.0,"width":64,"height":48,"instances":[]}\n'


def test_a_pipe_gets_the_whole_content_and_stays(tmp_path: Path) -> None:
    pipe = tmp_path / "page.html"
    os.mkfifo(pipe)
    received: list[bytes] = []
    reader = threading.Thread(target=lambda: received.append(pipe.read_bytes()))
    reader.start()
    write_atomically(pipe, b"content" * 100_000)
    reader.join(10)
    assert received == [b"content" * 100_000]
    assert pipe.is_fifo() and list(tmp_path.iterdir()) == [pipe]


def test_a_link_stays_and_its_file_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    target, link = tmp_path / "real/page.html", tmp_path / "page.html"
    target.write_text("old")
    link.symlink_to(target)
    write_atomically(link, b"new")
    assert link.is_symlink() and target.read_text() == "new"
    assert list((tmp_path / "real").iterdir()) == [target]


@pytest.mark.skipif(not os.access("/dev/null", os.W_OK), reason="there is no /dev/null")
def test_a_device_stays(tmp_path: Path) -> None:
    records = tmp_path / "a.jsonl"
    records.write_text(RECORD)
    # Through a link, so that a failure of this test leaves the device of the machine alone.
    (tmp_path / "null.html").symlink_to("/dev/null")
    assert main(["view", str(records), "-o", str(tmp_path / "null.html")]) == 0
    assert (tmp_path / "null.html").is_symlink() and (tmp_path / "null.html").is_char_device()


@pytest.mark.parametrize("name", [".", "folder"])
def test_a_folder_is_an_error_with_the_remedy(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("folder").mkdir()
    Path("a.jsonl").write_text(RECORD)
    with pytest.raises(RtmError, match="it is a folder"):
        write_atomically(Path(name), b"")
    assert main(["view", "a.jsonl", "-o", name]) == 1
    assert (
        capfd.readouterr().err.splitlines()[-1]
        == f"rtm view: cannot write {name}: it is a folder; name a file"
    )
