"""`--max-frames` counts for each source, also for the videos of a folder; a lone broken image can be skipped."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from rtmcli import open_media
from rtmcli.cli.app import main
from tests.helpers.clips import write_clip


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three images and two videos of ten frames, whose names alternate."""
    for name in ("a.png", "c.png", "e.png"):
        cv2.imwrite(str(tmp_path / name), np.zeros((48, 64, 3), np.uint8))
    for name in ("b.mp4", "d.mp4"):
        write_clip(tmp_path / name, 10, size=(64, 48))
    return tmp_path


def frames(folder: Path, **options: int) -> list[tuple[str, int]]:
    return [(Path(picture.source).name, picture.frame) for picture in open_media(folder, **options)]


def test_each_video_of_a_folder_gives_so_many_frames_and_the_images_together(folder: Path) -> None:
    assert frames(folder, max_frames=2) == [
        ("a.png", 0), ("b.mp4", 0), ("b.mp4", 1), ("c.png", 0), ("d.mp4", 0), ("d.mp4", 1),
    ]  # fmt: skip


def test_every_and_max_frames_count_alike(folder: Path) -> None:
    assert frames(folder, every=2, max_frames=1) == [("a.png", 0), ("b.mp4", 0), ("d.mp4", 0)]


def test_several_sources_on_the_command_line_give_so_many_frames_each(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["detect", str(folder / "b.mp4"), str(folder / "d.mp4"), "--max-frames", "3"]) == 0
    found = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert sorted((Path(frame["source"]).name, frame["frame"]) for frame in found) == [
        (name, number) for name in ("b.mp4", "d.mp4") for number in range(3)
    ]


def test_a_broken_image_among_several_sources_is_skipped(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "a.png").write_bytes((folder / "a.png").read_bytes()[:40])
    images = [str(folder / name) for name in ("a.png", "c.png")]
    assert main(["detect", *images]) == 3
    capsys.readouterr()
    assert main(["detect", *images, "--on-error", "skip"]) == 0
    out, err = capsys.readouterr()
    assert [json.loads(line)["source"] for line in out.splitlines()] == images[1:]
    assert "a.png" in err and "skipped" in err
