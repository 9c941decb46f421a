"""Verbs that write at their end read all input first, then failed because the folder of -o did not exist."""

import importlib.util
from pathlib import Path

import pytest

from rtmcli.cli.app import main


def needs(module: str, *command: str) -> object:
    missing = importlib.util.find_spec(module) is None
    return pytest.param(command, marks=pytest.mark.skipif(missing, reason=f"{module} is not installed"))


@pytest.mark.parametrize(
    "command",
    [
        ("view", "-o", "none/page.html"),
        ("draw", "-o", "none/out.mp4"),
        ("track", "--offline", "-o", "none/out.jsonl"),
        ("smooth", "--offline", "-o", "none/out.jsonl"),
        ("angles", "--csv", "none/angles.csv"),
        needs("matplotlib", "angles", "--plot", "none/angles.png"),
        ("convert", "--to", "csv", "-o", "none/out.csv"),
        ("convert", "--to", "coco", "-o", "none/out.json"),
        ("convert", "--to", "posetrack", "-o", "none/out.json"),
        ("convert", "--to", "trc", "--pixels", "-o", "none/out.trc"),
        ("convert", "--to", "dlc", "-o", "none/out.csv"),
        ("convert", "--to", "openpose", "-o", "file/out"),
        ("convert", "--to", "yolo", "-o", "file/out"),
        ("convert", "--to", "posetrack", "-o", "file/out"),
        ("convert", "--to", "trc", "--pixels", "-o", "file/out"),
        ("convert", "--to", "opensim-mot", "-o", "file/out"),
        ("convert", "--to", "label-studio", "-o", "file/out"),
        needs("ezc3d", "convert", "--to", "c3d", "--pixels", "-o", "none/out.c3d"),
        needs("sleap_io", "convert", "--to", "sleap", "-o", "none/out.slp"),
        needs("ndx_pose", "convert", "--to", "nwb", "-o", "none/out.nwb"),
        needs("tables", "convert", "--to", "dlc", "-o", "none/out.h5"),
        needs("pyarrow", "convert", "--to", "parquet", "-o", "none/out.parquet"),
    ],
    ids=" ".join,
)
def test_an_output_that_cannot_be_written_is_noticed_before_the_records_are_read(
    command: tuple[str, ...],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("file").touch()
    Path("damaged.jsonl").write_text("{damaged\n")
    assert main([*command, "damaged.jsonl"]) == 1
    said = capfd.readouterr().err
    assert said.startswith(f"rtm {command[0]}: cannot ") and command[-1].rstrip("/") in said
    assert sorted(path.name for path in tmp_path.iterdir()) == ["damaged.jsonl", "file"]


@pytest.mark.parametrize(
    "command",
    [("draw", "-o", "out.mp4"), ("draw", "-o", "folder"), ("draw", "-o", "sheet.png", "--every", "2"),
     ("view", "-o", "out.html")],
    ids=" ".join,
)  # fmt: skip
def test_a_stream_without_records_is_bad_data_to_what_shows_them(
    command: tuple[str, ...],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("empty.jsonl").touch()
    assert main([*command, "empty.jsonl"]) == 3
    expected = "no records: expected one JSON object per line, as 'rtm pose' writes them"
    assert capfd.readouterr().err == f"rtm {command[0]}: {expected}\n"
    assert [path.name for path in tmp_path.iterdir()] == ["empty.jsonl"]
