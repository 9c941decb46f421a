"""Messages of image libraries carry the file's name; a floating-point TIFF is read or refused with its reason."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from rtmcli.errors import DataError
from rtmcli.media import open_media
from tests.helpers.clips import number_in, numbered


def write_image(path: Path, image: np.ndarray) -> Path:
    path.write_bytes(bytes(cv2.imencode(path.suffix, image)[1]))
    return path


def test_a_message_of_libjpeg_names_the_file(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = write_image(tmp_path / "a.jpg", np.random.default_rng(0).integers(0, 255, (90, 90, 3), np.uint8))
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2] + b"\xff\xd9")  # its end marker is there, half of its data is not
    assert next(iter(open_media(path))).image.shape == (90, 90, 3)
    lines = capfd.readouterr().err.splitlines()
    assert lines and all(line.startswith(f"rtm: {path}: ") for line in lines)
    assert "premature end" in lines[0]


def test_bytes_before_a_marker_are_no_damage(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = write_image(tmp_path / "a.jpg", numbered(37))
    data = path.read_bytes()
    path.write_bytes(data[:20] + b"\0\x11\x22" + data[20:])
    assert number_in(next(iter(open_media(path))).image) == 37
    assert capfd.readouterr().err.startswith(f"rtm: {path}: ")


@pytest.mark.parametrize("damage", ["cut", "scrambled", "directory"])
def test_a_broken_tiff_is_one_sentence_and_nothing_else(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], damage: str
) -> None:
    path = write_image(tmp_path / "a.tif", np.random.default_rng(0).integers(0, 255, (90, 90, 3), np.uint8))
    data = bytearray(path.read_bytes())
    if damage == "cut":
        data = data[: len(data) // 2]
    elif damage == "scrambled":
        data[100:2000] = bytes(1900)
    else:
        data[4:8] = (8).to_bytes(4, "little")
    path.write_bytes(data)
    try:
        list(open_media(path))
    except DataError as error:
        assert str(path) in str(error)
    assert all(line.startswith(f"rtm: {path}: ") for line in capfd.readouterr().err.splitlines())


@pytest.mark.parametrize("kind", [np.float32, np.float64])
@pytest.mark.parametrize("grey", [False, True])
def test_a_floating_point_tiff_is_read(tmp_path: Path, kind: type, grey: bool) -> None:
    image = numbered(37)[..., 0] if grey else numbered(37)
    came = next(iter(open_media(write_image(tmp_path / "a.tif", image.astype(kind) / 255)))).image
    assert came.dtype == np.uint8 and came.shape == (64, 96, 3)
    assert np.abs(came.astype(int) - (image[..., None] if grey else image)).max() <= 1


@pytest.mark.parametrize(
    ("image", "reason"),
    [
        (np.full((8, 9), 300.5, np.float32), "between 0 and 1; these go from 300.5 to 300.5"),
        (np.full((8, 9), np.nan, np.float32), "between 0 and 1"),
        (np.full((8, 9), 7, np.int32), "int32 samples"),
    ],
)
def test_another_tiff_is_refused_with_the_reason(tmp_path: Path, image: np.ndarray, reason: str) -> None:
    with pytest.raises(DataError, match=reason):
        list(open_media(write_image(tmp_path / "a.tif", image)))
