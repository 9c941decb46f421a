"""EXIF orientation applies to every way in, and side data that PyAV does not know raises nothing."""

import os
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from rtmcli.media import open_media
from tests.helpers.local_server import serve
from tests.media.test_images import TURNED, corners, encode, quarters, with_orientation

PHOTO = Path(__file__).with_name("data") / "photo_with_exif.jpg"

READ = """
from rtmcli.media import open_media
from tests.media.test_images import corners
print([(p.width, p.height, corners(p.image)) for p in open_media("-")])
"""


def photo(orientation: int) -> bytes:
    return with_orientation(encode(".jpg", quarters()), orientation)


def test_a_photo_is_upright_from_a_file_a_pipe_and_an_address() -> None:
    from_file = next(iter(open_media(PHOTO))).image
    assert from_file.shape == (320, 240, 3)
    piped = subprocess.run(
        [sys.executable, "-c", READ], stdin=PHOTO.open("rb"), capture_output=True, timeout=60
    )
    assert piped.stdout.startswith(b"[(240, 320,"), piped.stderr
    with serve(PHOTO.parent) as address:
        fetched = next(iter(open_media(f"{address}/{PHOTO.name}"))).image
    assert fetched.shape == from_file.shape and np.abs(fetched.astype(int) - from_file).mean() < 3


@pytest.mark.parametrize("orientation", TURNED)
def test_all_orientations_apply_in_a_pipe(orientation: int) -> None:
    piped = subprocess.run(
        [sys.executable, "-c", READ], input=photo(orientation), capture_output=True, timeout=60
    )
    assert str(TURNED[orientation]) in piped.stdout.decode(), piped.stderr


@pytest.mark.parametrize(
    "exif", [b"garbage", b"II*\0\x08\0\0\0\x05\0", b"MM\0*\0\0\0\x08\0\x01\x87\x69\0\x04\0\0\0\x01\0\0\0\x08\0\0\0\0"]
)  # fmt: skip
def test_broken_exif_data_is_no_damage(tmp_path: Path, exif: bytes) -> None:
    jpeg = encode(".jpg", quarters())
    segment = b"Exif\0\0" + exif
    broken = jpeg[:2] + b"\xff\xe1" + (len(segment) + 2).to_bytes(2, "big") + segment + jpeg[2:]
    (tmp_path / "a.jpg").write_bytes(broken)
    (tmp_path / "a.mjpeg").write_bytes(broken * 3)
    os.mkfifo(tmp_path / "pipe")
    threading.Thread(target=(tmp_path / "pipe").write_bytes, args=(broken,), daemon=True).start()
    for name, frames in (("a.jpg", 1), ("a.mjpeg", 3), ("pipe", 1)):
        assert [corners(p.image) for p in open_media(tmp_path / name)] == [TURNED[1]] * frames


@pytest.mark.parametrize("suffix", [".avif", ".webp", ".png", ".tif"])
@pytest.mark.parametrize("orientation", [6, 7])
def test_the_orientation_of_other_formats_applies_to_a_file_and_a_pipe(
    tmp_path: Path, suffix: str, orientation: int
) -> None:
    path = PHOTO.with_name(f"orientation_{orientation}{suffix}")
    os.mkfifo(tmp_path / "pipe")
    threading.Thread(target=(tmp_path / "pipe").write_bytes, args=(path.read_bytes(),), daemon=True).start()
    for source in (path, tmp_path / "pipe"):
        assert [corners(p.image) for p in open_media(source)] == [TURNED[orientation]]


def test_frames_of_an_mjpeg_stream_are_turned_each_by_its_own_orientation(tmp_path: Path) -> None:
    order = [1, 6, 6, 3, 1, 8]
    (tmp_path / "a.mjpeg").write_bytes(b"".join(photo(orientation) for orientation in order))
    assert [corners(p.image) for p in open_media(tmp_path / "a.mjpeg")] == [TURNED[o] for o in order]
