"""Frames with pixels that are not square are stretched: records and drawings have the size that is shown."""

import json
import os
import subprocess
import threading
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from rtmcli.media import open_media
from tests.helpers.clips import SIZE, block_number, number_in, numbered, with_matrix

ANAMORPHIC = Path(__file__).with_name("data") / "anamorphic.mp4"
Shell = Callable[..., subprocess.CompletedProcess[bytes]]


def write_stretched(path: Path, pixel: Fraction) -> Path:
    """Thirty numbered frames whose pixels have this ratio of width to height."""
    with av.open(str(path), "w") as out:
        stream = out.add_stream("mpeg4" if path.suffix == ".avi" else "libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = *SIZE, "yuv420p"
        stream.codec_context.sample_aspect_ratio = pixel
        for number in range(30):
            out.mux(stream.encode(av.VideoFrame.from_ndarray(numbered(number), format="bgr24")))
        out.mux(stream.encode())
    return path


def test_an_anamorphic_video_has_the_size_that_is_shown(sh: Shell, tmp_path: Path) -> None:
    pictures = list(open_media(ANAMORPHIC))
    assert {p.image.shape for p in pictures} == {(240, 427, 3)}
    assert [block_number(p.image) for p in pictures] == list(range(60))
    done = sh(f"rtm detect {ANAMORPHIC} --max-frames 2 --draw a.mp4")
    assert [(r["width"], r["height"]) for r in map(json.loads, done.stdout.splitlines())] == [(427, 240)] * 2
    with av.open(str(tmp_path / "a.mp4")) as drawn:
        stream = drawn.streams.video[0]
        assert (stream.width, stream.height) == (428, 240)
        assert stream.sample_aspect_ratio in (None, 0, 1)


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.mov", "a.ts", "a.avi"])
@pytest.mark.parametrize(
    ("pixel", "size"), [(Fraction(4, 3), (128, 64)), (Fraction(8, 9), (96, 72)), (Fraction(2, 1), (192, 64))]
)
def test_the_shorter_side_is_stretched(
    tmp_path: Path, name: str, pixel: Fraction, size: tuple[int, int]
) -> None:
    pictures = list(open_media(write_stretched(tmp_path / name, pixel)))
    assert {(p.width, p.height, *p.image.shape) for p in pictures} == {(*size, size[1], size[0], 3)}
    assert [number_in(p.image) for p in pictures] == list(range(30))


def test_frames_are_stretched_before_they_are_rotated(tmp_path: Path) -> None:
    path = with_matrix(write_stretched(tmp_path / "a.mp4", Fraction(2, 1)), 0, 1, -1, 0)
    picture = next(iter(open_media(path)))
    assert picture.image.shape == (192, 64, 3)
    assert number_in(np.rot90(picture.image, 1)) == 0


@pytest.mark.parametrize("pixel", [Fraction(100, 1), Fraction(1280, 1279)], ids=["error", "rounding"])
def test_a_ratio_that_cannot_be_meant_is_ignored(tmp_path: Path, pixel: Fraction) -> None:
    path = write_stretched(tmp_path / "a.mkv", pixel)
    assert {p.image.shape for p in open_media(path)} == {(64, 96, 3)}


def test_the_print_density_of_a_photo_is_ignored_from_a_file_and_a_pipe(tmp_path: Path) -> None:
    data = bytearray(cv2.imencode(".jpg", numbered(37))[1])
    assert data[6:11] == b"JFIF\0"
    data[13:18] = bytes([0, 0, 1, 0, 2])  # no unit, 1 across and 2 down
    (tmp_path / "a.jpg").write_bytes(data)
    os.mkfifo(tmp_path / "pipe")
    threading.Thread(target=(tmp_path / "pipe").write_bytes, args=(data,), daemon=True).start()
    for name in ("a.jpg", "pipe"):
        assert {p.image.shape for p in open_media(tmp_path / name)} == {(64, 96, 3)}
