"""One picture file -> 8-bit BGR, turned as its EXIF orientation says."""

from pathlib import Path

import numpy as np

from rtmcli.errors import DataError

# fmt: off
SUFFIXES = frozenset({
    ".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".bmp", ".dib", ".webp", ".tif", ".tiff",
    ".ppm", ".pgm", ".pbm", ".pnm", ".jp2", ".avif", ".hdr", ".exr",
})
# fmt: on


def load_picture(path: str | Path) -> np.ndarray:
    """Read a picture as (H, W, 3) uint8 BGR.

    Grey, alpha (dropped), CMYK and 16-bit pictures are converted; the EXIF orientation is applied.

    Raises:
        DataError: the file is missing, unreadable or not a picture.
    """
    import cv2

    data = read_bytes(path)
    image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR) if data else None
    if image is None:
        raise DataError(f"{path}: not a picture that can be decoded; check the file or leave it out")
    return np.asarray(image)


def read_bytes(path: str | Path) -> bytes:
    """The file's bytes, its absence and the like told in one sentence."""
    try:
        return Path(path).read_bytes()
    except FileNotFoundError:
        raise DataError(f"{path}: no such file") from None
    except PermissionError:
        raise DataError(f"{path}: no permission to read it") from None
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror})") from None
