"""One image -> 8-bit BGR, rotated as its EXIF orientation says."""

from pathlib import Path
from typing import Any

import numpy as np

from rtmcli.arrays import Image
from rtmcli.errors import DataError
from rtmcli.media.image_headers import find_damage, image_size
from rtmcli.media.names import file_path, record_name
from rtmcli.media.native_messages import native_messages
from rtmcli.media.remote import RemoteFile, is_remote

# fmt: off
SUFFIXES = frozenset({
    ".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".bmp", ".dib", ".webp", ".tif", ".tiff",
    ".ppm", ".pgm", ".pbm", ".pnm", ".jp2", ".avif", ".heic", ".heif",
})
# fmt: on

# 16384 x 16384, or 800 MB as BGR; an image that claims more is a decompression bomb, or too large to use.
MAX_PIXELS = 1 << 28


def load_image(path: str | Path) -> Image:
    """Read an image file as (H, W, 3) uint8 BGR.

    Grey, palette, alpha (dropped), CMYK, 16-bit and floating-point images are converted; the EXIF orientation is
    applied. Of a file with several images the first is read.

    Raises:
        DataError: the file is missing, unreadable, damaged, too large or not an image.
    """
    return decode_image(read_bytes(path), record_name(str(path)))


def decode_image(data: bytes, name: str) -> Image:
    """As `load_image`, of a file's bytes; `name` is for messages."""
    from rtmcli.opencv import cv2

    if not data:
        raise DataError(f"{name}: the file is empty")
    size = image_size(data)
    if size is not None and size[0] * size[1] > MAX_PIXELS:
        raise DataError(
            f"{name}: {size[0]} x {size[1]} pixels are more than {MAX_PIXELS >> 20} million; make the image smaller"
        )
    if wrong := find_damage(data):
        raise DataError(f"{name}: the image is {wrong}; get it again or leave it out")
    image = _imdecode(data, cv2.IMREAD_COLOR, name)
    if image is not None:
        return _turned_avif(np.asarray(image), data) if data[4:8] == b"ftyp" else np.asarray(image)
    if data[:2] in (b"II", b"MM"):
        return _unusual_tiff(data, name)
    if data[4:8] == b"ftyp" and data[8:12] in (b"heic", b"heix", b"mif1", b"heif"):
        raise DataError(f"{name}: HEIC images cannot be read; save it as JPEG first (heif-convert)")
    raise DataError(f"{name}: damaged, or not an image; get it again or leave it out")


def read_bytes(path: str | Path) -> bytes:
    """The file's bytes, also of an object store. Raises DataError where it is missing or unreadable."""
    if is_remote(str(path)):
        return RemoteFile(str(path)).read()
    try:
        return Path(file_path(str(path))).read_bytes()
    except OSError as error:
        raise unreadable(path, error) from None


def unreadable(path: str | Path, error: OSError) -> DataError:
    """Why a file cannot be opened, in one sentence."""
    name = record_name(str(path))
    if isinstance(error, FileNotFoundError):
        return DataError(f"{name}: no such file")
    if isinstance(error, PermissionError):
        return DataError(f"{name}: no permission to read it")
    return DataError(f"{name}: cannot be read ({error.strerror or error})")


def _imdecode(data: bytes, flags: int, name: str) -> Any:
    """What OpenCV makes of an image, or None."""
    from rtmcli.opencv import cv2

    # Its own messages are replaced by ours.
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    with native_messages(name):
        try:
            return cv2.imdecode(np.frombuffer(data, np.uint8), flags)
        except cv2.error:
            return None


def _turned_avif(image: Image, data: bytes) -> Image:
    """The image with an AVIF's rotation and mirroring (ISO/IEC 23008-12, 6.5.10, 6.5.12), which OpenCV ignores."""
    rotation, mirror = (data.find(b"\0\0\0\x09" + kind) + 8 for kind in (b"irot", b"imir"))
    if rotation > 7:
        image = np.rot90(image, data[rotation] & 3)
    if mirror > 7:
        image = image[:, ::-1] if data[mirror] & 1 else image[::-1]
    return np.ascontiguousarray(image)


def _unusual_tiff(data: bytes, name: str) -> Image:
    """A TIFF of floating-point samples in [0, 1]; DataError says why another one cannot be read."""
    from rtmcli.opencv import cv2

    image = _imdecode(data, cv2.IMREAD_UNCHANGED, name)
    if image is None:
        raise DataError(
            f"{name}: the TIFF is damaged, or its compression is unknown; save it again, or as PNG"
        )
    if image.dtype.kind != "f":
        raise DataError(
            f"{name}: a TIFF of {image.dtype} samples cannot be read; save it with 8 or 16 bits a channel"
        )
    if not (np.isfinite(image).all() and image.min() >= 0 and image.max() <= 1):
        raise DataError(
            f"{name}: a TIFF of floating-point samples is read where they lie between 0 and 1; these go from "
            f"{image.min():g} to {image.max():g}. Save it with 8 or 16 bits a channel"
        )
    bytes_of = np.rint(image * 255).astype(np.uint8)  # (H, W) or (H, W, C)
    if bytes_of.ndim == 2:
        return np.asarray(cv2.cvtColor(bytes_of, cv2.COLOR_GRAY2BGR))
    return np.ascontiguousarray(bytes_of[..., :3])
