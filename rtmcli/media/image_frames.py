"""Image files that hold several images: animated WebP and multi-page TIFF, and those that are videos (APNG, MJPEG)."""

import os
import re
import struct
from collections.abc import Iterator, Sequence
from typing import BinaryIO, Literal

import numpy as np

from rtmcli.arrays import Image
from rtmcli.errors import DataError
from rtmcli.media.image_headers import image_size, tiff_pages, webp_durations
from rtmcli.media.images import MAX_PIXELS, decode_image
from rtmcli.media.native_messages import native_messages

Kind = Literal["image", "frames", "video"]

# Decoded frames of an animation that are in memory at once, in bytes.
_MAX_DECODED = 256 << 20
# A second JPEG or PNG is looked for in this much of a file.
_SEARCHED = 16 << 20
# One JPEG or PNG behind the other; cameras pad frames with zeros.
_NEXT_JPEG = re.compile(rb"\xff\xd9[\0\r\n]{0,64}\xff\xd8\xff")
_NEXT_PNG = b"IEND\xaeB`\x82\x89PNG"


def image_kind(path: str, *, named_image: bool) -> Kind:
    """What a file is whose suffix or first bytes are an image's: one image, several (`frames`), or a video.

    Args:
        named_image: whether the suffix says image. A JPEG so named is one image, whatever is appended to it, such as a
            preview or the video of a moving photo.
    """
    with open(path, "rb") as stream:
        head = stream.read(32)
        stream.seek(0)
        if head.startswith(b"\x89PNG"):
            moves = is_animated_png(stream) or (not named_image and _NEXT_PNG in stream.read(_SEARCHED))
            return "video" if moves else "image"
        if head.startswith(b"\xff\xd8\xff"):
            return "video" if not named_image and _is_jpeg_stream(stream.read(_SEARCHED)) else "image"
        if head.startswith(b"BM"):
            stream.seek(int.from_bytes(head[2:6], "little"))
            return "video" if not named_image and stream.read(2) == b"BM" else "image"
        if head[4:8] == b"ftyp" and b"avis" in head[8:]:
            return "video"
        if begins_several(head):
            return "frames" if len(frame_times(stream.read())) > 1 else "image"
    return "image"


def begins_several(head: bytes) -> bool:
    """Whether these first bytes begin a TIFF or WebP, which may hold several images."""
    return head[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+") or (
        head[:4] == b"RIFF" and head[8:12] == b"WEBP"
    )


def is_animated_png(stream: BinaryIO) -> bool:
    """Whether a PNG has an animation's header, which stands before the image data; the position is kept."""
    at = stream.tell()
    stream.seek(at + 8)
    while len(chunk := stream.read(8)) == 8 and chunk[4:] not in (b"IDAT", b"acTL"):
        stream.seek(int.from_bytes(chunk[:4], "big") + 4, os.SEEK_CUR)
    stream.seek(at)
    return chunk[4:] == b"acTL"


def frame_times(data: bytes) -> Sequence[float | None]:
    """The time in seconds of each image of a TIFF or WebP file; None for pages and for a single image."""
    if data[:4] == b"RIFF":
        durations = webp_durations(data)
        # Browsers, too, do not show a frame for no time at all.
        starts = np.cumsum([0, *(max(1, duration) for duration in durations)])[:-1] / 1000
        return starts.tolist() if len(durations) > 1 else [None]
    return [None] * max(1, len(tiff_pages(data)))


def decode_frames(data: bytes, name: str, numbers: Sequence[int]) -> Iterator[tuple[int, Image | DataError]]:
    """The images with these rising numbers of a TIFF or WebP file, or why one cannot be read."""
    if data[:4] == b"RIFF" and len(webp_durations(data)) > 1:
        yield from _webp_frames(data, name, numbers)
        return
    pages = [] if data[:4] == b"RIFF" else tiff_pages(data)
    for number in numbers:
        try:
            yield number, decode_image(_with_first_page(data, pages[number]) if pages else data, name)
        except DataError as error:
            yield number, DataError(f"{name}: page {number}{str(error).removeprefix(name)}")


def _webp_frames(data: bytes, name: str, numbers: Sequence[int]) -> Iterator[tuple[int, Image | DataError]]:
    """Frames of an animation, which OpenCV decodes from its beginning each time: many at once, within bounds."""
    from rtmcli.opencv import cv2

    width, height = image_size(data) or (1, 1)
    if width * height > MAX_PIXELS:
        raise DataError(f"{name}: {width} x {height} pixels are too many; make the image smaller")
    at_once = max(1, _MAX_DECODED // (4 * width * height))
    first = 0
    frames: Sequence[np.ndarray] = ()
    for number in numbers:
        if not first <= number < first + len(frames):
            first = number
            with native_messages(name):
                _, animation = cv2.imdecodeanimation(np.frombuffer(data, np.uint8), number, at_once)
            frames = [np.asarray(frame) for frame in animation.frames]
        if number - first >= len(frames):
            yield number, DataError(f"{name}: damaged at frame {number}; get it again or leave it out")
            return
        yield number, np.ascontiguousarray(frames[number - first][..., :3])


def _with_first_page(data: bytes, offset: int) -> bytes:
    """The TIFF with the page at an offset as its first, which is the one that a decoder reads."""
    order = "<" if data[:2] == b"II" else ">"
    if data[2:4] in (b"+\0", b"\0+"):  # BigTIFF
        return data[:8] + struct.pack(order + "Q", offset) + data[16:]
    return data[:4] + struct.pack(order + "I", offset) + data[8:]


def _is_jpeg_stream(data: bytes) -> bool:
    """Whether JPEG images follow each other; those of a multi-picture file (MPF) are versions of one."""
    return b"MPF\0" not in data[: 1 << 16] and _NEXT_JPEG.search(data) is not None
