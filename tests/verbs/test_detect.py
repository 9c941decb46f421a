"""`rtm detect`: sources, options, damage and times."""

import json
import shutil
from pathlib import Path

import pytest

from rtmcli import open_media
from rtmcli.cli.app import main
from rtmcli.opencv import cv2
from tests.helpers.clips import half, write_clip
from tests.helpers.shell import PYTHON, Shell
from tests.helpers.shell import records_of as records


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


def test_tiles_find_the_people_of_the_whole_image_too(detect, image: Path) -> None:
    (whole,), (tiled,) = detect(str(image)), detect(str(image), "--tiles", "2x1")
    assert len(tiled["instances"]) >= len(whole["instances"]) > 0


@pytest.mark.parametrize("tiles", ["2", "x2", "0x2", "1x1", "9x9", "axb"])
def test_tiles_that_are_no_grid_are_refused(
    image: Path, tiles: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["detect", str(image), "--tiles", tiles]) == 2
    assert "--tiles 2x2" in capsys.readouterr().err


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


def test_a_file_cut_short_gives_its_frames_and_then_exit_code_3(sh: Shell) -> None:
    make = """
import av, numpy as np
with av.open("whole.mkv", "w") as out:
    stream = out.add_stream("mpeg4", rate=10)
    stream.width, stream.height, stream.pix_fmt, stream.gop_size = 160, 120, "yuv420p", 5
    rng = np.random.default_rng(0)
    for _ in range(40):
        frame = av.VideoFrame.from_ndarray(rng.integers(0, 256, (120, 160, 3), np.uint8), format="bgr24")
        out.mux(stream.encode(frame))
    out.mux(stream.encode())
data = open("whole.mkv", "rb").read()
open("cut.mkv", "wb").write(data[: len(data) // 2])
"""
    done = sh(f"{PYTHON} -c '{make}' && rtm detect cut.mkv")
    assert done.returncode == 3
    assert b"cut.mkv" in done.stderr and done.stderr.count(b"\n") == 1
    assert 10 <= len(records(done.stdout)) < 40
    done = sh("rtm detect cut.mkv --on-error skip")
    assert done.returncode == 0 and 10 <= len(records(done.stdout)) < 40


def test_a_truncated_video_gives_its_lines_then_one_sentence_and_exit_code_3(
    sh: Shell, tmp_path: Path
) -> None:
    whole = write_clip(tmp_path / "a.mkv", 60, noise=40)
    cut = half(whole)
    done = sh(f"rtm detect {cut.name}")
    lines = done.stdout.splitlines()
    assert done.returncode == 3 and done.stderr.count(b"\n") == 1
    assert f"truncated: {len(lines)} of about 60 frames".encode() in done.stderr
    assert [json.loads(line)["frame"] for line in lines] == list(range(len(lines))) and 20 < len(lines) < 45
    skipped = sh(f"rtm detect --on-error skip {cut.name}")
    # A frame behind a hole may come too.
    assert skipped.returncode == 0 and skipped.stdout.splitlines()[: len(lines)] == lines


def test_times_may_be_written_as_clocks_do(sh: Shell, tmp_path: Path) -> None:
    write_clip(tmp_path / "a.mp4", 60, fps=1)
    done = sh("rtm detect a.mp4 --start 0:57 --end 00:00:59")
    assert [json.loads(line)["time"] for line in done.stdout.splitlines()] == [57.0, 58.0]
    wrong = sh("rtm detect a.mp4 --start 1:75")
    assert wrong.returncode == 2 and b"mm:ss" in wrong.stderr and wrong.stderr.count(b"\n") == 1
