"""A list of cameras stands for its lines, each with a name or without."""

import json
from pathlib import Path

import pytest

from rtmcli import ListedSource, expand_sources, open_media
from rtmcli.cli.app import main
from rtmcli.errors import DataError, UsageError
from tests.helpers.clips import write_clip
from tests.helpers.jobs import Runner

CAMERAS = """# the hall
door = rtsp://user:secret@10.0.0.3/stream?channel=1
back yard = 0

https://host/a.m3u8?token=secret
"""


def listing(folder: Path, text: str) -> str:
    (folder / "cams.txt").write_text(text)
    return str(folder / "cams.txt")


def test_lines_have_names_addresses_and_numbers(tmp_path: Path) -> None:
    assert expand_sources(["a.mp4", listing(tmp_path, CAMERAS), "1"]) == [
        ListedSource("a.mp4"),
        ListedSource("rtsp://user:secret@10.0.0.3/stream?channel=1", "door"),
        ListedSource("0", "back yard"),
        ListedSource("https://host/a.m3u8?token=secret"),
        ListedSource("1"),
    ]


def test_a_list_of_files_is_one_source_also_where_a_file_has_an_equals_sign(tmp_path: Path) -> None:
    for name in ("b.mp4", "a = b.mp4"):
        write_clip(tmp_path / name, 2)
    for text in ("b.mp4\n", "a = b.mp4\n", "s3://bucket/a.mp4\n"):
        cams = listing(tmp_path, text)
        assert expand_sources([cams]) == [ListedSource(cams)]
    assert [picture.frame for picture in open_media(listing(tmp_path, "a = b.mp4\nb.mp4\n"))] == [0, 1, 0, 1]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("= a.mp4", "line 1: expected NAME = SOURCE"),
        ("# two\ndoor =", "line 2: expected NAME = SOURCE"),
        ("door = a.mp4\ndoor = b.mp4", "line 2: the name door is used twice"),
        ("door = shots", "line 1: door names a folder, glob or list; name single sources"),
        ("door = *.mp4", "file matches"),
    ],
)
def test_what_is_wrong_with_a_line_is_said_with_its_number(tmp_path: Path, text: str, reason: str) -> None:
    (tmp_path / "shots").mkdir()
    (tmp_path / "shots/a.png").touch()
    with pytest.raises(DataError, match=reason):
        expand_sources([listing(tmp_path, text)])


def test_a_list_of_cameras_is_not_one_source_in_python(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="lists several sources; open each one of expand_sources"):
        open_media(listing(tmp_path, "door = a.mp4"))


def test_records_and_the_report_call_a_source_by_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run = Runner(capsys)
    write_clip(tmp_path / "a.mp4", 4)
    write_clip(tmp_path / "b.mp4", 2)
    cams = listing(tmp_path, "door = a.mp4\nback yard = b.mp4\n")  # beside the list
    assert run("detect", cams, "--report", tmp_path / "r.jsonl") == 0
    assert [(line["source"], line["frame"]) for line in run.lines] == [
        ("door", 0), ("back yard", 0), ("door", 1), ("back yard", 1), ("door", 2), ("door", 3)
    ]  # fmt: skip
    report = [json.loads(line) for line in (tmp_path / "r.jsonl").read_text().splitlines()]
    assert [(line["source"], line["frames"]) for line in report] == [("door", 4), ("back yard", 2)]


def test_an_error_names_the_source_and_its_name(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = Runner(capsys)
    whole = write_clip(tmp_path / "whole.mkv", 60, noise=20).read_bytes()
    (tmp_path / "a.mkv").write_bytes(whole[: len(whole) // 2])
    assert run("detect", listing(tmp_path, "door = a.mkv\n")) == 3
    assert f"rtm detect: door: {tmp_path}/a.mkv: " in run.error


def test_a_folder_of_results_takes_a_list_of_addresses_but_no_names(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = Runner(capsys)
    out = tmp_path / "out"
    assert run("detect", listing(tmp_path, "door = a.mp4\n"), "-o", out) == 2
    assert "names files after their sources, not as a list does; use --name" in run.error
    assert run("detect", listing(tmp_path, "rtsp://user:secret@10.0.0.3/stream\n"), "-o", out) == 2
    assert "the live stream rtsp://10.0.0.3/stream" in run.error and "secret" not in run.error
    assert main(["detect", listing(tmp_path, "a.mp4\n"), "-o", str(out)]) == 3  # as before: a list of paths
