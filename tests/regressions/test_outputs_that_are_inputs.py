"""Outputs with the name of an input, of standard output or without a name: sources were replaced by what was drawn."""

import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest

from rtmcli import Frame, write_frames
from rtmcli.cli.app import main
from rtmcli.formats.infer_format import format_of_output
from tests.helpers.clips import write_clip


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A video of three frames and an image, with records of theirs, as the current folder."""
    monkeypatch.chdir(tmp_path)
    write_clip(Path("walk.mp4"), 3)
    write_frames([Frame("walk.mp4", n, 3, n / 25) for n in range(3)], "walk.jsonl")
    Path("images").mkdir()
    cv2.imwrite("images/a.png", np.zeros((40, 60, 3), np.uint8))
    write_frames([Frame("images/a.png", 0, 1)], "a.jsonl")
    shutil.copytree(tmp_path, tmp_path / "copy")
    return tmp_path


@pytest.mark.parametrize(
    "command",
    [
        "draw walk.jsonl -o walk.mp4",
        "draw walk.jsonl -o copy/../walk.mp4",
        "draw walk.jsonl -o copy/walk.mp4 --media copy",
        "draw walk.jsonl -o copy/walk.mp4 --media copy/walk.mp4",
        "draw a.jsonl -o images/a.png",
        "draw a.jsonl -o images",
        "pose walk.mp4 --draw walk.mp4 -o out.jsonl",
        "pose images --draw images -o out.jsonl",
    ],
)
def test_what_is_drawn_does_not_replace_its_source(
    command: str, folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    assert main(command.split()) == 2
    assert "is what is drawn on, and would be replaced; write to another place" in capfd.readouterr().err
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize(
    "command",
    ["draw walk.jsonl -o copy/walk.mp4", "draw a.jsonl -o copy/images", "draw a.jsonl -o .", "draw a.jsonl -o new"],
)  # fmt: skip
def test_an_older_result_of_the_same_name_is_replaced(command: str, folder: Path) -> None:
    assert main(command.split()) == 0


def test_a_page_does_not_replace_its_records(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    before = Path("walk.jsonl").read_bytes()
    assert main(["view", "walk.jsonl", "-o", "walk.jsonl"]) == 2
    assert "is a file of records, which the page would replace" in capfd.readouterr().err
    assert Path("walk.jsonl").read_bytes() == before


def test_a_video_is_not_written_to_standard_output_nor_to_a_folder_called_so(
    folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert main(["draw", "walk.jsonl", "-o", "-"]) == 2
    assert "not written to standard output; name a file or a folder" in capfd.readouterr().err
    assert not Path("-").exists()
    Path("-").mkdir()
    assert format_of_output("-").name == "records"


@pytest.mark.parametrize(
    "command",
    [["draw", "walk.jsonl", "-o", ""], ["convert", "walk.jsonl", "-o", ""], ["track", "walk.jsonl", "--output="],
     ["angles", "walk.jsonl", "--csv", ""], ["pose", "walk.mp4", "--model", ""]],
    ids=" ".join,
)  # fmt: skip
def test_an_option_with_an_empty_value_is_wrong_usage(
    command: list[str], folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    before = sorted(folder.rglob("*"))
    assert main(command) == 2
    assert "is given an empty value; name one, or leave" in capfd.readouterr().err
    assert sorted(folder.rglob("*")) == before


def test_a_value_may_end_with_an_equals_sign(folder: Path) -> None:
    assert main(["track", "walk.jsonl", "--output=a=", "--quiet"]) == 0
    assert Path("a=", "walk.jsonl").exists()


@pytest.mark.parametrize("name", ["out.jsonl.gz", "out.csv", "out.TXT"])
def test_a_folder_is_not_called_like_a_file(
    name: str, folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert main(["track", "walk.jsonl", "-o", name]) == 2
    assert f"-o {name}: expected a file that ends in .jsonl, or a folder" in capfd.readouterr().err
    assert not Path(name).exists()
