"""Image files that hold several images give all of them, from a file, a folder and a pipe."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from rtmcli.errors import DataError, UsageError
from rtmcli.media import open_media
from tests.helpers.clips import block_number, number_in, numbered, write_clip
from tests.helpers.local_server import serve

DATA = Path(__file__).with_name("data")
Shell = Callable[..., subprocess.CompletedProcess[bytes]]
# File, frames, seconds from frame to frame (None: pages have no times).
FILES = [("raw_stream.mjpeg", 12, 0.04), ("animated.webp", 60, 1 / 30), ("three_pages.tif", 3, None)]

READ = """
import json, sys
from rtmcli.media import open_media
from tests.helpers.clips import block_number
print(json.dumps([(block_number(p.image), p.frame, p.time) for p in open_media("-")]))
"""


@pytest.mark.parametrize(("name", "frames", "step"), FILES)
def test_all_frames_come_from_a_file(name: str, frames: int, step: float | None) -> None:
    media = open_media(DATA / name)
    pictures = list(media)
    assert [block_number(p.image) for p in pictures] == [p.frame for p in pictures] == list(range(frames))
    times = [p.time for p in pictures]
    assert times == ([None] * frames if step is None else pytest.approx(np.arange(frames) * step, abs=1e-3))
    assert media.total in (None, frames) and {p.frames for p in pictures} <= {None, frames}
    # The colour bars begin with red and blue (BGR).
    assert np.abs(pictures[0].image[200, 20].astype(int) - (0, 0, 255)).max() < 60
    assert np.abs(pictures[0].image[200, 100].astype(int) - (255, 0, 0)).max() < 60


@pytest.mark.parametrize(("name", "frames", "step"), FILES)
def test_all_frames_come_from_a_folder_and_a_pipe(
    tmp_path: Path, name: str, frames: int, step: float | None
) -> None:
    shutil.copy(DATA / name, tmp_path)
    cv2.imwrite(str(tmp_path / "z.png"), numbered(5))
    pictures = list(open_media(tmp_path))
    assert [p.frame for p in pictures] == [*range(frames), 0]
    data = (DATA / name).read_bytes()
    piped = subprocess.run([sys.executable, "-c", READ], input=data, capture_output=True, timeout=60)
    came = json.loads(piped.stdout)
    assert [shown for shown, _, _ in came] == [number for _, number, _ in came] == list(range(frames))
    assert (came[0][2] is None) == (step is None)


@pytest.mark.parametrize(("name", "frames", "step"), FILES)
def test_all_frames_come_from_an_address(name: str, frames: int, step: float | None) -> None:
    with serve(DATA) as address:
        pictures = list(open_media(f"{address}/{name}"))
        assert [block_number(p.image) for p in pictures] == list(range(frames))
        assert (pictures[-1].time is None) == (step is None)
        with pytest.raises(DataError, match="404"):
            open_media(f"{address}/nothing.webp")


@pytest.mark.parametrize("name", ["a.mjpg", "plain"])
def test_raw_mjpeg_has_many_names(tmp_path: Path, name: str) -> None:
    shutil.copy(DATA / "raw_stream.mjpeg", tmp_path / name)
    assert [block_number(p.image) for p in open_media(tmp_path / name)] == list(range(12))


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".bmp"])
def test_images_one_behind_the_other_are_a_video(tmp_path: Path, suffix: str) -> None:
    images = [bytes(cv2.imencode(suffix, numbered(number))[1]) for number in range(7)]
    (tmp_path / "plain").write_bytes(b"".join(images))
    pictures = list(open_media(tmp_path / "plain"))
    assert [number_in(p.image) for p in pictures] == [p.frame for p in pictures] == list(range(7))


def test_a_multipart_stream_of_a_network_camera_is_read_to_its_end(tmp_path: Path) -> None:
    parts = [
        b"--camera\r\nContent-type: image/jpeg\r\n\r\n"
        + bytes(cv2.imencode(".jpg", numbered(number))[1])
        + b"\r\n"
        for number in range(7)
    ]
    (tmp_path / "a.mjpeg").write_bytes(b"".join(parts))
    assert [number_in(p.image) for p in open_media(tmp_path / "a.mjpeg")] == list(range(7))


@pytest.mark.parametrize("name", ["a.png", "a.apng", "plain"])
def test_an_animated_png_is_a_video(tmp_path: Path, name: str) -> None:
    path = write_clip(tmp_path / "a.apng", 8, codec="apng", pixels="rgb24", fps=10, ticks=100)
    path.rename(tmp_path / name)
    pictures = list(open_media(tmp_path / name))
    assert [number_in(p.image) for p in pictures] == list(range(8))
    assert [p.time for p in pictures] == pytest.approx(np.arange(8) / 10)
    piped = subprocess.run(
        [sys.executable, "-c", READ], input=(tmp_path / name).read_bytes(), capture_output=True, timeout=60
    )
    assert len(json.loads(piped.stdout)) == 8


def test_an_avif_sequence_is_a_video(tmp_path: Path) -> None:
    options = {"preset": "12", "crf": "30"}
    path = write_clip(tmp_path / "a.avif", 8, codec="libsvtav1", fps=10, ticks=100, **options)
    pictures = list(open_media(path))
    assert [number_in(p.image) for p in pictures] == list(range(8))
    assert [p.time for p in pictures] == pytest.approx(np.arange(8) / 10)


def test_pages_of_every_form_are_read_and_reduced_copies_are_not(tmp_path: Path) -> None:
    sizes = [(96, 64), (64, 96), (96, 64)]
    pages = [numbered(number, size) for number, size in enumerate(sizes)]
    _, data = cv2.imencodemulti(".tif", pages)
    path = tmp_path / "pages.tif"
    path.write_bytes(data.tobytes())
    assert [(p.frame, p.width, p.height) for p in open_media(path)] == [
        (number, *size) for number, size in enumerate(sizes)
    ]
    assert [p.frame for p in open_media(path, every=2)] == [0, 2]
    with pytest.raises(UsageError, match="--start"):
        open_media(path, start=1)


def test_a_window_of_an_animated_webp_is_chosen_by_time() -> None:
    pictures = list(open_media(DATA / "animated.webp", start=1.0, end=1.5, every=5))
    assert [p.frame for p in pictures] == [30, 35, 40] and [block_number(p.image) for p in pictures] == [
        30,
        35,
        40,
    ]


def test_a_broken_page_is_named_after_the_pages_before_it(tmp_path: Path) -> None:
    _, data = cv2.imencodemulti(
        ".tif", [numbered(number) for number in range(3)], [cv2.IMWRITE_TIFF_COMPRESSION, 8]
    )
    whole = data.tobytes()
    (tmp_path / "a.tif").write_bytes(_with_zeros(whole, len(whole) // 2, len(whole) // 2 + 40))
    came = []
    with pytest.raises(DataError, match="page"):
        for picture in open_media(tmp_path / "a.tif"):
            came.append(picture.frame)
    assert came == list(range(len(came))) and len(came) < 3
    skipped = [p.frame for p in open_media(tmp_path / "a.tif", on_error="skip")]
    assert skipped[: len(came)] == came and len(skipped) == 2


def _with_zeros(data: bytes, start: int, end: int) -> bytes:
    return data[:start] + bytes(end - start) + data[end:]


def test_a_photo_with_a_second_image_appended_stays_one_image(tmp_path: Path) -> None:
    photo, preview = (bytes(cv2.imencode(".jpg", numbered(n))[1]) for n in (3, 4))
    (tmp_path / "photo.jpg").write_bytes(photo + preview)
    assert [number_in(p.image) for p in open_media(tmp_path / "photo.jpg")] == [3]
    # The marker of a multi-picture file: its images are versions of one.
    marker = b"\xff\xe2\x00\x08MPF\x00II"
    (tmp_path / "plain").write_bytes(photo[:2] + marker + photo[2:] + preview)
    assert [number_in(p.image) for p in open_media(tmp_path / "plain")] == [3]
