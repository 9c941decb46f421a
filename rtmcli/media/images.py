"""One picture file -> 8-bit BGR, turned as its EXIF orientation says."""

from pathlib import Path

import numpy as np

from rtmcli.errors import DataError
from rtmcli.media import image_headers

# fmt: off
SUFFIXES = frozenset({
    ".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".bmp", ".dib", ".webp", ".tif", ".tiff",
    ".ppm", ".pgm", ".pbm", ".pnm", ".jp2", ".avif", ".heic", ".heif",
})
# fmt: on

# A picture of 16384 x 16384 is 800 MB of pixels; what claims more is a decompression bomb, or too large to use.
MOST_PIXELS = 1 << 28


def load_picture(path: str | Path) -> np.ndarray:
    """Read a picture as (H, W, 3) uint8 BGR.

    Grey, palette, alpha (dropped), CMYK and 16-bit pictures are converted; the EXIF orientation is applied.

    Raises:
        DataError: the file is missing, unreadable, damaged, too large or not a picture.
    """
    from rtmcli.opencv import cv2

    data = read_bytes(path)
    if not data:
        raise DataError(f"{path}: the file is empty")
    size = image_headers.picture_size(data)
    if size is not None and size[0] * size[1] > MOST_PIXELS:
        raise DataError(
            f"{path}: {size[0]} x {size[1]} pixels are more than {MOST_PIXELS >> 20} million; reduce the picture"
        )
    if wrong := image_headers.damage(data):
        raise DataError(f"{path}: the picture is {wrong}; get it again or leave it out")
    cv2.utils.logging.setLogLevel(
        cv2.utils.logging.LOG_LEVEL_SILENT
    )  # what it would print is said in one line below
    try:
        image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    except cv2.error:
        image = None
    if image is None:
        if data[4:8] == b"ftyp" and data[8:12] in (b"heic", b"heix", b"mif1", b"heif"):
            raise DataError(f"{path}: HEIC pictures cannot be read; save it as JPEG first (heif-convert)")
        raise DataError(f"{path}: damaged, or not a picture; get it again or leave it out")
    return np.asarray(image)


def read_bytes(path: str | Path) -> bytes:
    """The file's bytes; its absence and the like told in one sentence."""
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
