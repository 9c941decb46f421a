"""Names of files: colons are no protocol, bytes that are not UTF-8 lead back to the file."""

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import cv2
import pytest

from rtmcli.errors import DataError
from rtmcli.media import open_media, open_writer
from rtmcli.media.names import file_path, is_address, record_name
from tests.helpers.clips import numbered

CLIP = Path(__file__).with_name("data") / "edit_list_trimmed.mp4"
Shell = Callable[..., subprocess.CompletedProcess[bytes]]
LATIN_1 = os.fsdecode(b"caf\xe9.mp4")


@pytest.mark.parametrize(
    "name",
    ["2026-11-26T10:20:30.mp4", "http:x.mp4", "pipe:0.mp4", "concat:a|b.mp4", "data:x.mp4", "file:x.mp4",
     "a%20b.mp4", "x?y.mp4", "a[1].mp4", 'q"uote.mp4', "line\nbreak.mp4", "caf\u00e9.mp4", LATIN_1],
)  # fmt: skip
def test_any_name_is_read_and_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.chdir(tmp_path)
    shutil.copy(CLIP, name)
    pictures = list(open_media(name))
    assert len(pictures) == 30 and {p.source for p in pictures} == {record_name(name)}
    assert len(list(open_media(pictures[0].source))) == 30
    with open_writer(f"out:{name}") as writer:
        writer.write(numbered(3))
    assert len(list(open_media(f"out:{name}"))) == 1


def test_addresses_are_told_from_paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert is_address("rtsp://host/path") and is_address("https://host/a.mp4")
    assert not is_address("http:x.mp4") and not is_address("c:/a.mp4") and not is_address("a://b"[1:])
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError, match="no such file"):
        open_media("http:nothing.mp4")


def test_a_name_in_a_record_is_the_same_in_every_locale() -> None:
    assert record_name(os.fsdecode("caf\u00e9".encode())) == "caf\u00e9"
    assert record_name("caf\udcc3\udca9") == "caf\u00e9"  # as Python reads it where the locale is ASCII
    assert record_name(LATIN_1) == r"caf\xe9.mp4"


def test_an_escaped_name_leads_to_the_file_and_a_file_of_that_very_name_has_precedence(
    tmp_path: Path,
) -> None:
    (tmp_path / LATIN_1).write_bytes(b"latin")
    escaped = f"{tmp_path}/caf\\xe9.mp4"
    assert Path(file_path(escaped)).read_bytes() == b"latin"
    (tmp_path / r"caf\xe9.mp4").write_bytes(b"literal")
    assert Path(file_path(escaped)).read_bytes() == b"literal"


@pytest.mark.parametrize("locale", [{}, {"LC_ALL": "C", "PYTHONUTF8": "0"}], ids=["utf-8", "ascii"])
def test_names_survive_the_whole_pipeline(sh: Shell, tmp_path: Path, locale: dict[str, str]) -> None:
    for name in (LATIN_1, "\u00fc.mp4"):
        shutil.copy(CLIP, os.path.join(os.fsencode(tmp_path), os.fsencode(name)))
        prefix = " ".join(f"{key}={value}" for key, value in locale.items())
        glob = "caf*.mp4" if name == LATIN_1 else "*[!49].mp4"
        done = sh(
            f"{prefix} rtm detect {glob} --max-frames 2 > a.jsonl && {prefix} rtm pose < a.jsonl > b.jsonl && "
            f"{prefix} rtm draw b.jsonl -o drawn && cat b.jsonl"
        )
        assert done.returncode == 0, done.stderr
        assert {json.loads(line)["source"] for line in done.stdout.splitlines()} == {record_name(name)}
        assert len(os.listdir(tmp_path / "drawn")) == 2
        shutil.rmtree(tmp_path / "drawn")
        os.unlink(os.path.join(os.fsencode(tmp_path), os.fsencode(name)))


def test_a_folder_with_such_names_and_a_folder_named_like_a_video(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "walk.mp4").mkdir()
    (tmp_path / os.fsdecode(b"b\xe9.jpg")).write_bytes(b"broken")
    shutil.copy(CLIP, tmp_path / LATIN_1)
    (tmp_path / os.fsdecode(b"s\xe9.png")).write_bytes(bytes(cv2.imencode(".png", numbered(5))[1]))
    with pytest.raises(DataError, match=r"b\\xe9\.jpg"):
        list(open_media(tmp_path))
    pictures = list(open_media(tmp_path, on_error="skip"))
    assert len(pictures) == 31 and pictures[-1].source == f"{tmp_path}/s\\xe9.png"
    told = capsys.readouterr().err
    assert "walk.mp4: a folder, not a file; skipped" in told and r"b\xe9.jpg" in told


def test_a_list_may_hold_names_that_are_not_utf_8(tmp_path: Path) -> None:
    shutil.copy(CLIP, tmp_path / LATIN_1)
    (tmp_path / "list.txt").write_bytes(b"caf\xe9.mp4\n")
    assert len(list(open_media(tmp_path / "list.txt"))) == 30
