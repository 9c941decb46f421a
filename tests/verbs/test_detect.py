"""`rtm detect` through its own command line, on the demo clip and its first image."""

import json
import shutil
from pathlib import Path

import pytest

from rtmcli import open_media
from rtmcli.cli.app import main
from rtmcli.opencv import cv2


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The first frame of the demo clip as a file."""
    file = tmp_path_factory.mktemp("image") / "first.png"
    (picture,) = open_media("demo", max_frames=1)
    cv2.imwrite(str(file), picture.image)
    return file


@pytest.fixture
def detect(capsys: pytest.CaptureFixture[str]):
    """Run `rtm detect` and return the frames that come out."""

    def run(*arguments: str) -> list[dict]:
        assert main(["detect", *arguments]) == 0
        return [json.loads(line) for line in capsys.readouterr().out.splitlines()]

    return run


def test_an_image_gives_one_line_with_a_box_for_each_person(detect, image: Path) -> None:
    (frame,) = detect(str(image))
    assert (frame["source"], frame["frame"], frame["frames"]) == (str(image), 0, 1)
    assert frame["model"] == "rtmdet-nano" and "skeleton" not in frame
    for person in frame["instances"]:
        x1, y1, x2, y2 = person["box"]
        assert (
            person["label"] == "person" and 0 <= x1 < x2 <= frame["width"] and 0 <= y1 < y2 <= frame["height"]
        )


def test_a_higher_score_threshold_keeps_a_part_of_the_boxes(detect, image: Path) -> None:
    (weak,), (strong,) = detect(str(image), "--score", "0.05"), detect(str(image), "--score", "0.6")
    assert 0 < len(strong["instances"]) < len(weak["instances"])
    assert all(person["score"] > 0.6 for person in strong["instances"])


def test_every_takes_each_nth_frame_and_keeps_the_numbers(detect) -> None:
    assert [frame["frame"] for frame in detect("demo", "--every", "4", "--max-frames", "3")] == [0, 4, 8]


def test_a_folder_read_as_a_clip_is_one_source_with_times(detect, image: Path, tmp_path: Path) -> None:
    for name in ("1.png", "2.png"):
        shutil.copy(image, tmp_path / name)
    frames = detect(str(tmp_path), "--fps", "10")
    assert [(frame["source"], frame["frame"], frame["time"]) for frame in frames] == [
        (str(tmp_path), 0, 0.0),
        (str(tmp_path), 1, 0.1),
    ]
    assert [Path(frame["file"]).name for frame in frames] == ["1.png", "2.png"]


def test_a_class_that_the_detector_does_not_have_is_an_error_that_lists_its_classes(
    capsys, image: Path
) -> None:
    assert main(["detect", str(image), "--classes", "martian"]) == 2
    message = capsys.readouterr().err
    assert "martian" in message and "person" in message
