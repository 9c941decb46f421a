"""One image file -> 8-bit BGR, rotated as its EXIF orientation says."""

from pathlib import Path

import numpy as np

from rtmcli.errors import DataError
from rtmcli.media.image_headers import find_damage, image_size

# fmt: off
SUFFIXES = frozenset({
    ".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".bmp", ".dib", ".webp", ".tif", ".tiff",
    ".ppm", ".pgm", ".pbm", ".pnm", ".jp2", ".avif", ".heic", ".heif",
})
# fmt: on

# 16384 x 16384, or 800 MB as BGR; an image that claims more is a decompression bomb, or too large to use.
MAX_PIXELS = 1 << 28


def load_image(path: str | Path) -> np.ndarray:
    """Read an image as (H, W, 3) uint8 BGR.

    Grey, palette, alpha (dropped), CMYK and 16-bit images are converted; the EXIF orientation is applied.

    Raises:
        DataError: the file is missing, unreadable, damaged, too large or not an image.
    """
    from rtmcli.opencv import cv2

    data = read_bytes(path)
    if not data:
        raise DataError(f"{path}: the file is empty")
    size = image_size(data)
    if size is not None and size[0] * size[1] > MAX_PIXELS:
        raise DataError(
            f"{path}: {size[0]} x {size[1]} pixels are more than {MAX_PIXELS >> 20} million; make the image smaller"
        )
    if wrong := find_damage(data):
        raise DataError(f"{path}: the image is {wrong}; get it again or leave it out")
    # Its messages are replaced by the one below.
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    try:
        image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    except cv2.error:
        image = None
    if image is None:
        if data[4:8] == b"ftyp" and data[8:12] in (b"heic", b"heix", b"mif1", b"heif"):
            raise DataError(f"{path}: HEIC images cannot be read; save it as JPEG first (heif-convert)")
        raise DataError(f"{path}: damaged, or not an image; get it again or leave it out")
    return np.asarray(image)


def read_bytes(path: str | Path) -> bytes:
    """The file's bytes. Raises DataError where it is missing or unreadable."""
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise unreadable(path, error) from None


def unreadable(path: str | Path, error: OSError) -> DataError:
    """Why a file cannot be opened, in one sentence."""
    if isinstance(error, FileNotFoundError):
        return DataError(f"{path}: no such file")
    if isinstance(error, PermissionError):
        return DataError(f"{path}: no permission to read it")
    return DataError(f"{path}: cannot be read ({error.strerror or error})")
