"""A published model gets to its place whole, proved and with its card, or it does not get there."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from rtmcli.errors import DataError, MissingError
from rtmcli.zoo.catalogue import Entry, RemoteFile
from rtmcli.zoo.download.http import RetryPolicy
from rtmcli.zoo.download.lock import hash_file, lock_path, read_lock
from rtmcli.zoo.install import PullOptions, model_state, pull_model, verify_models
from rtmcli.zoo.metadata import read_card
from rtmcli.zoo.names import find_entry
from rtmcli.zoo.resolve import find_model
from tests.helpers.tiny_models import tiny_onnx
from tests.helpers.zoo_server import Server, first_then, serving, status, whole, zip_bomb, zipped

MODEL = tiny_onnx(outputs=("simcc_x", "simcc_y"))
ZIP = zipped({"20230504/rtmpose_onnx/end2end.onnx": MODEL, "20230504/rtmpose_onnx/deploy.json": b"{}"})


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as running:
        yield running


@pytest.fixture(autouse=True)
def rtm_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("RTM_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def entry_at(*urls: str, sha256: str = "", name: str = "rtmpose-m") -> Entry:
    """A published model whose files are on the server, all with one hash."""
    entry = find_entry(name)
    assert entry is not None
    return replace(entry, remotes=tuple(RemoteFile(url, sha256) for url in urls))


def pull(entry: Entry, said: list[str] | None = None) -> Path:
    options = PullOptions(
        retry=RetryPolicy(timeout=1.0, attempts=2, pause=0.01),
        say=(said if said is not None else []).append,
    )
    return pull_model(entry, options=options)


def nothing_but(home: Path, *names: str) -> bool:
    here = {path.name for path in home.rglob("*") if path.is_file()} if home.exists() else set()
    return here <= {*names, ".lock"}


def test_an_archive_becomes_a_model_that_explains_itself(server: Server, rtm_home: Path) -> None:
    server.answers["/m.zip"] = whole(ZIP)
    said: list[str] = []
    entry = entry_at(server.url("/m.zip"))
    path = pull(entry, said)
    assert path == rtm_home / "models" / "rtmpose-m-coco17-256x192.onnx"
    assert path.read_bytes().startswith(MODEL)
    assert read_card(path) == entry.card()
    assert find_model("rtmpose-m") == path
    assert find_model("rtmpose-m_body7_256x192") == path
    assert "recorded in" in said[0] and "enforced from now on" in said[0]
    assert nothing_but(rtm_home, path.name, "lock.toml")
    onnx = pytest.importorskip("onnxruntime")
    assert onnx.InferenceSession(str(path)).get_modelmeta().custom_metadata_map["rtm.card"]


def test_what_is_here_is_not_fetched_again(server: Server) -> None:
    server.answers["/m.zip"] = whole(ZIP)
    pull(entry_at(server.url("/m.zip")))
    server.asked.clear()
    said: list[str] = []
    pull(entry_at(server.url("/m.zip")), said)
    assert server.asked == []
    assert "is installed" in said[0]


def test_a_file_that_changed_at_its_source_is_refused_ever_after(server: Server, rtm_home: Path) -> None:
    server.answers["/m.zip"] = whole(ZIP)
    path = pull(entry_at(server.url("/m.zip")))
    path.unlink()
    server.answers["/m.zip"] = whole(zipped({"end2end.onnx": tiny_onnx(weight=2.0)}))
    with pytest.raises(
        DataError, match=r"recorded in .*lock.toml; the file was changed at its source or on the way"
    ):
        pull(entry_at(server.url("/m.zip")))
    assert not path.exists()


def test_a_model_that_changed_here_is_found_and_fetched_again(server: Server) -> None:
    server.answers["/m.zip"] = whole(ZIP)
    path = pull(entry_at(server.url("/m.zip")))
    good = path.read_bytes()
    path.write_bytes(good[:-1] + b"!")
    assert model_state(path) == "changed"
    assert [state for _, state in verify_models()] == ["changed"]
    assert pull(entry_at(server.url("/m.zip"))).read_bytes() == good
    path.unlink()
    assert [state for _, state in verify_models()] == ["missing"]


def test_a_checkpoint_is_checked_against_the_publishers_digits(server: Server, tmp_path: Path) -> None:
    content = b"PK weights"
    (tmp_path / "a").write_bytes(content)
    digits = hash_file(tmp_path / "a")[:8]
    server.answers["/m.pth"] = whole(content)
    said: list[str] = []
    path = pull(entry_at(server.url("/m.pth"), sha256=digits), said)
    assert path.name == "rtmpose-m-coco17-256x192.pth" and path.read_bytes() == content
    assert f"agrees with its publisher ({digits})" in said[0]
    assert read_lock()["downloads"][server.url("/m.pth").removeprefix("http://")]["sha256"].startswith(digits)
    path.unlink()
    with pytest.raises(DataError, match="but its publisher's starts with 01234567"):
        pull(entry_at(server.url("/m.pth"), sha256="01234567"))


def test_a_checkpoint_with_a_wrong_hash_comes_from_the_next_address(server: Server, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"right")
    digits = hash_file(tmp_path / "a")[:8]
    server.answers["/one/m.pth"] = whole(b"wrong")
    server.answers["/two/m.pth"] = whole(b"right")
    urls = [server.url(path) for path in ("/one/m.pth", "/two/m.pth")]
    assert pull(entry_at(*urls, sha256=digits)).read_bytes() == b"right"


def test_another_export_is_taken_where_the_first_is_gone(server: Server) -> None:
    server.answers["/other.onnx"] = whole(MODEL)
    said: list[str] = []
    path = pull(entry_at(server.url("/m.zip"), server.url("/other.onnx")), said)
    assert path.read_bytes().startswith(MODEL)
    assert "answered 404" in said[0] and "trying" in said[0]


def test_the_checkpoint_is_taken_where_no_file_to_run_is_to_be_had(server: Server, rtm_home: Path) -> None:
    server.answers["/m.pth"] = whole(b"weights")
    said: list[str] = []
    path = pull(entry_at(*map(server.url, ("/m.pth", "/m.zip", "/m.onnx"))), said)
    assert path == rtm_home / "models" / "rtmpose-m-coco17-256x192.pth"
    assert [asked for asked, _ in server.asked] == ["/m.zip", "/m.onnx", "/m.pth"]
    assert f"comes from {server.url('/m.pth')}" in said[-1]


def test_a_host_that_is_down_is_tried_once(server: Server) -> None:
    with serving() as gone:
        dead = gone.address
    with pytest.raises(MissingError) as error:
        pull(entry_at(f"{dead}/m.zip", server.url("/m.onnx"), f"{dead}/m.pth"))
    assert str(error.value).count("cannot be reached") == 1
    assert [asked for asked, _ in server.asked] == ["/m.onnx"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (zipped({"../end2end.onnx": MODEL}), "is outside of it; nothing was unpacked"),
        (zipped({"end2end.onnx": b"<html>"}), "ONNX model"),
        (zipped({"end2end.onnx": MODEL[: len(MODEL) // 2]}), "ONNX model"),
        (zipped({"readme.txt": b"hello"}), "expected one end2end.onnx, found none"),
        (b"not a zip", "cannot be unpacked"),
    ],
)
def test_a_bad_archive_leaves_nothing(content: bytes, said: str, server: Server, rtm_home: Path) -> None:
    server.answers["/m.zip"] = whole(content)
    with pytest.raises(DataError, match=said):
        pull(entry_at(server.url("/m.zip")))
    assert nothing_but(rtm_home)
    assert read_lock()["downloads"] == {}, "what was no model is not recorded as the truth"


def test_an_archive_of_ten_gigabytes_leaves_nothing(server: Server, tmp_path: Path, rtm_home: Path) -> None:
    zip_bomb(tmp_path / "bomb.zip", "end2end.onnx", 10 << 30)
    server.answers["/m.zip"] = whole((tmp_path / "bomb.zip").read_bytes())
    with pytest.raises(DataError, match="no model is that large"):
        pull(entry_at(server.url("/m.zip")))
    assert nothing_but(rtm_home)


def test_a_mirror_is_asked_first(server: Server) -> None:
    entry = find_entry("rtmpose-m")
    assert entry is not None
    path = entry.files("onnx")[0].url.removeprefix("https://download.openmmlab.com")
    server.answers[f"/mirror{path}"] = whole(ZIP)
    options = PullOptions(mirror=server.url("/mirror/"), trust=True)
    assert pull_model(entry, options=options).is_file()
    assert len(server.asked) == 1


def test_two_pulls_at_once_do_not_meet(server: Server, rtm_home: Path) -> None:
    server.answers["/m.zip"] = whole(ZIP, cut_after=200)
    program = (
        "import sys; sys.path[:0] = sys.argv[2:]; import tests.zoo.test_install as t\n"
        "print(t.pull(t.entry_at(sys.argv[1])))"
    )
    command = [
        sys.executable,
        "-c",
        program,
        server.url("/m.zip"),
        str(Path(__file__).parents[2]),
    ]
    pulls = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    paths = {pull.communicate(timeout=60)[0].strip() for pull in pulls}
    assert [pull.returncode for pull in pulls] == [0, 0]
    assert len(paths) == 1
    assert list(verify_models()) == [(Path(paths.pop()), "ok")]
    assert nothing_but(rtm_home, "rtmpose-m-coco17-256x192.onnx", "lock.toml")


def test_a_pull_that_was_killed_is_gone_on_with(server: Server, rtm_home: Path) -> None:
    content = zipped({"end2end.onnx": MODEL, "other.bin": os.urandom(200_000)})
    server.answers["/m.zip"] = first_then(whole(content, cut_after=150_000, stall=20), whole(content))
    program = (
        "import sys; sys.path[:0] = sys.argv[2:]; import tests.zoo.test_install as t\n"
        "t.pull_model(t.entry_at(sys.argv[1]), options=t.PullOptions(retry=t.RetryPolicy(timeout=30)))"
    )
    root = str(Path(__file__).parents[2])
    killed = subprocess.Popen([sys.executable, "-c", program, server.url("/m.zip"), root])
    for _ in range(300):  # until its part has the bytes that came
        time.sleep(0.05)
        parts = list((rtm_home / "downloads").glob(".m.zip.*.part")) if rtm_home.exists() else []
        if server.asked and parts and list((rtm_home / "downloads").glob("*.json")):
            break
    time.sleep(0.3)
    killed.kill()
    killed.wait()
    path = pull(entry_at(server.url("/m.zip")))
    assert path.read_bytes().startswith(MODEL)
    first, second = (asked for _, asked in server.asked)
    assert first is None and second is not None and int(second.removeprefix("bytes=").rstrip("-")) > 100_000
    assert nothing_but(rtm_home, path.name, "lock.toml")


def test_a_model_that_is_nowhere_says_why_and_what_to_do(server: Server) -> None:
    server.answers["/m.zip"] = status(503)
    with pytest.raises(
        MissingError, match=r"rtmpose-m-coco17-256x192 cannot be downloaded: \S+ answered 503"
    ):
        pull(entry_at(server.url("/m.zip")))


def test_a_damaged_lock_is_said_so(server: Server, rtm_home: Path) -> None:
    rtm_home.mkdir()
    lock_path().write_text("[downloads\n")
    server.answers["/m.zip"] = whole(ZIP)
    with pytest.raises(DataError, match=r"lock.toml is not TOML"):
        pull(entry_at(server.url("/m.zip")))
