"""Images of every kind become 8-bit BGR; what is not an image is one sentence."""

import struct
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest

from rtmcli.errors import DataError
from rtmcli.media import open_media
from rtmcli.media.image_headers import find_damage, image_size, is_image
from rtmcli.media.images import load_image

BLUE, GREEN, RED, WHITE = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)


def quarters() -> np.ndarray:
    """(40, 60, 3): blue and green above, red and white below."""
    image = np.zeros((40, 60, 3), np.uint8)
    image[:20, :30], image[:20, 30:], image[20:, :30], image[20:, 30:] = BLUE, GREEN, RED, WHITE
    return image


def corners(image: np.ndarray) -> list[tuple[int, ...]]:
    """The colours of the corners, clockwise from the upper left, as 0 or 255."""
    h, w = image.shape[:2]
    spots = [(h // 4, w // 4), (h // 4, 3 * w // 4), (3 * h // 4, 3 * w // 4), (3 * h // 4, w // 4)]
    return [tuple(int(v > 127) * 255 for v in image[spot]) for spot in spots]


def encode(suffix: str, image: np.ndarray, *options: int) -> bytes:
    done, data = cv2.imencode(suffix, image, options)
    assert done
    return bytes(data)


def with_orientation(jpeg: bytes, orientation: int) -> bytes:
    """The JPEG with an EXIF block that holds nothing but the orientation."""
    entry = struct.pack(">HHIHH", 0x112, 3, 1, orientation, 0)
    exif = b"Exif\0\0MM\0*" + struct.pack(">IH", 8, 1) + entry + struct.pack(">I", 0)
    return jpeg[:2] + b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif + jpeg[2:]


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".bmp", ".webp", ".tif", ".ppm"])
def test_every_format_gives_the_same_colours(tmp_path: Path, suffix: str) -> None:
    (tmp_path / f"a{suffix}").write_bytes(encode(suffix, quarters()))
    picture = next(iter(open_media(tmp_path / f"a{suffix}")))
    assert corners(picture.image) == [BLUE, GREEN, WHITE, RED]
    assert (picture.frame, picture.frames, picture.time, picture.file) == (0, 1, None, None)
    assert (picture.width, picture.height) == (60, 40)


# What each value of the tag makes of the corners (Exif 2.3, 4.6.4): clockwise from the upper left.
TURNED = {
    1: [BLUE, GREEN, WHITE, RED], 2: [GREEN, BLUE, RED, WHITE], 3: [WHITE, RED, BLUE, GREEN],
    4: [RED, WHITE, GREEN, BLUE], 5: [BLUE, RED, WHITE, GREEN], 6: [RED, BLUE, GREEN, WHITE],
    7: [WHITE, GREEN, BLUE, RED], 8: [GREEN, WHITE, RED, BLUE],
}  # fmt: skip


@pytest.mark.parametrize("orientation", TURNED)
def test_the_exif_orientation_is_applied(tmp_path: Path, orientation: int) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(with_orientation(encode(".jpg", quarters()), orientation))
    image = load_image(path)
    assert image.shape == ((40, 60, 3) if orientation < 5 else (60, 40, 3))
    assert corners(image) == TURNED[orientation]


@pytest.mark.parametrize(
    "image",
    [
        np.full((8, 9), 200, np.uint8),
        np.full((8, 9, 4), 200, np.uint8),
        np.full((8, 9, 3), 200 * 257, np.uint16),
        np.full((8, 9), 200 * 257, np.uint16),
        np.full((8, 9, 4), 200 * 257, np.uint16),
    ],
    ids=["grey", "alpha", "16 bit", "16-bit grey", "16-bit alpha"],
)
def test_grey_alpha_and_16_bit_become_8_bit_bgr(tmp_path: Path, image: np.ndarray) -> None:
    (tmp_path / "a.png").write_bytes(encode(".png", image))
    loaded = load_image(tmp_path / "a.png")
    assert loaded.shape == (8, 9, 3) and loaded.dtype == np.uint8 and (loaded == 200).all()


def test_cmyk_becomes_bgr() -> None:
    # All cyan, with inverted values, as picture editors write it.
    image = load_image(Path(__file__).with_name("cmyk.jpg"))
    assert image.shape == (16, 16, 3) and image.mean((0, 1)) == pytest.approx((255, 255, 0), abs=40)


def test_the_real_variants_are_upright_and_three_channels(data_dir: Path) -> None:
    folder = data_dir / "pictures"
    upright = load_image(folder / "skier.jpg")
    turned = load_image(folder / "skier_exif_orientation6.jpg")
    assert turned.shape == upright.shape and np.abs(turned.astype(int) - upright).mean() < 3
    for name in ("close_up_phone_alpha.png", "pitcher_grey.webp"):
        assert load_image(folder / name).shape[2] == 3
    assert len(list(open_media(folder))) == 13


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp"])
def test_a_picture_cut_in_half_is_an_error_that_names_it(tmp_path: Path, suffix: str) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (90, 90, 3), np.uint8)
    data = encode(suffix, noise)
    (tmp_path / f"a{suffix}").write_bytes(data[: len(data) // 2])
    with pytest.raises(DataError, match="truncated") as caught:
        load_image(tmp_path / f"a{suffix}")
    assert str(tmp_path) in str(caught.value) and "\n" not in str(caught.value)


def test_a_flipped_bit_in_a_png_is_found_by_its_checksum() -> None:
    data = bytearray(encode(".png", quarters()))
    assert find_damage(bytes(data)) is None
    data[data.index(b"IDAT") + 8] ^= 4
    assert "checksum" in str(find_damage(bytes(data)))


def test_a_decompression_bomb_is_refused_by_its_header(tmp_path: Path) -> None:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", 60000, 60000, 1, 0, 0, 0, 0)
    body = zlib.compress(bytes(7501) * 60, 9)
    data = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", body) + chunk(b"IEND", b"")
    (tmp_path / "bomb.png").write_bytes(data)
    with pytest.raises(DataError, match="60000 x 60000"):
        load_image(tmp_path / "bomb.png")


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".bmp", ".webp", ".tif"])
def test_sizes_are_read_from_headers(suffix: str) -> None:
    data = encode(suffix, quarters())
    assert image_size(data) == (60, 40)
    assert is_image(data[:32])
    for end in range(0, len(data), 7):  # a broken header is never an exception
        image_size(data[:end])
        find_damage(data[:end])


def test_lossless_webp_has_its_size_in_bits() -> None:
    assert image_size(encode(".webp", quarters(), cv2.IMWRITE_WEBP_QUALITY, 101)) == (60, 40)


@pytest.mark.parametrize(
    ("name", "data", "reason"),
    [
        ("a.png", b"", "empty"),
        ("a.jpg", b"no picture at all", "not an image"),
        ("a.heic", b"\0\0\0\x18ftypheic" + bytes(40), "HEIC"),
    ],
)
def test_what_is_no_picture_says_why(tmp_path: Path, name: str, data: bytes, reason: str) -> None:
    (tmp_path / name).write_bytes(data)
    with pytest.raises(DataError, match=reason):
        list(open_media(tmp_path / name))
