"""What an image file's header says before it is decoded: its size in pixels, and whether its end is there.

Decoders differ in what they do with half a file (an exception, a half-grey image, a line on stderr), so an image that
was truncated or that decompresses to gigabytes is recognised here.
"""

import struct
import zlib

# TIFF and BigTIFF, both byte orders.
_TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")


def is_image(head: bytes) -> bool:
    """Whether these first bytes (32 or more) begin a still image."""
    return (
        head.startswith((b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", *_TIFF))
        or (head[:4] == b"RIFF" and head[8:12] == b"WEBP")
        or (head[:2] == b"BM" and head[14:18] in (b"\x0c\0\0\0", b"\x28\0\0\0", b"\x6c\0\0\0", b"\x7c\0\0\0"))
    )


def image_size(data: bytes) -> tuple[int, int] | None:
    """Width and height in pixels before any rotation; None where the kind is not known or the header is broken."""
    try:
        if data.startswith(b"\x89PNG\r\n\x1a\n"):
            return struct.unpack_from(">II", data, 16)
        if data.startswith(b"\xff\xd8"):
            return _jpeg(data)[0]
        if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
            return _webp(data)
        if data[:2] == b"BM":
            width, height = struct.unpack_from("<ii", data, 18)
            return abs(width), abs(height)
        if data[:4] in _TIFF:
            return _tiff(data)
    except struct.error:
        pass
    return None


def find_damage(data: bytes) -> str | None:
    """What is wrong with a PNG, JPEG or WebP file, in words; None where no damage is found."""
    try:
        if data.startswith(b"\x89PNG\r\n\x1a\n"):
            return _png_damage(data)
        if data.startswith(b"\xff\xd8"):
            _, scan = _jpeg(data)
            return None if scan and data.rfind(b"\xff\xd9") > scan else "truncated"
        if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
            return "truncated" if struct.unpack_from("<I", data, 4)[0] + 8 > len(data) + 1 else None
    except struct.error:
        return "truncated"
    return None


def _png_damage(data: bytes) -> str | None:
    """Check all chunks: each carries a checksum, and the last is IEND (PNG specification, section 5)."""
    at = 8
    while True:
        length, kind = struct.unpack_from(">I4s", data, at)
        if at + 12 + length > len(data):
            return "truncated"
        (checksum,) = struct.unpack_from(">I", data, at + 8 + length)
        if zlib.crc32(memoryview(data)[at + 4 : at + 8 + length]) != checksum and kind[:1].isupper():
            return "damaged (wrong checksum)"
        if kind == b"IEND":
            return None
        at += 12 + length


def _jpeg(data: bytes) -> tuple[tuple[int, int] | None, int]:
    """Size, and where the first scan begins (0 where none does)."""
    at, size = 2, None
    while True:
        # Some writers leave bytes before a marker, and decoders pass over them.
        at = max(data.find(b"\xff", at), at)
        marker, length = struct.unpack_from(">HH", data, at)
        if marker in (0xFF00, 0xFFFF):  # fill bytes
            at += 1
            continue
        if not 0xFFC0 <= marker <= 0xFFFE:
            return size, 0
        if 0xFFC0 <= marker <= 0xFFCF and marker not in (0xFFC4, 0xFFC8, 0xFFCC):  # start of frame
            height, width = struct.unpack_from(">HH", data, at + 5)
            size = (width, height)
        if marker == 0xFFDA:
            return size, at
        at += 2 + length


def _webp(data: bytes) -> tuple[int, int] | None:
    kind = data[12:16]
    if kind == b"VP8 ":
        width, height = struct.unpack_from("<HH", data, 26)
        return width & 0x3FFF, height & 0x3FFF
    if kind == b"VP8L":
        (bits,) = struct.unpack_from("<I", data, 21)
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if kind == b"VP8X":
        return 1 + int.from_bytes(data[24:27], "little"), 1 + int.from_bytes(data[27:30], "little")
    return None


def webp_durations(data: bytes) -> list[int]:
    """Milliseconds that each frame of an animated WebP is shown; empty for one that is not animated."""
    if data[12:16] != b"VP8X" or not data[20] & 2:
        return []
    durations, at = [], 12
    while at + 8 <= len(data):
        kind, size = struct.unpack_from("<4sI", data, at)
        if kind == b"ANMF" and at + 23 <= len(data):
            durations.append(int.from_bytes(data[at + 20 : at + 23], "little"))
        at += 8 + size + size % 2
    return durations


def tiff_pages(data: bytes) -> list[int]:
    """Byte offsets of a TIFF's pages: without reduced images and masks (TIFF 6.0, NewSubfileType)."""
    pages: list[int] = []
    seen: set[int] = set()
    try:
        layout = _TiffLayout.of(data)
        (at,) = struct.unpack_from(layout.offset, data, 8 if layout.big else 4)
        while at and at not in seen:
            seen.add(at)
            entries, following = layout.entries(data, at)
            if not entries.get(254, 0) & 5:  # NewSubfileType
                pages.append(at)
            at = following
    except struct.error:
        # The file ends before this directory; the pages before it are there.
        pass
    return pages


class _TiffLayout:
    """Byte order and width of the numbers in a TIFF or BigTIFF."""

    def __init__(self, order: str, big: bool) -> None:
        self.order, self.big = order, big
        self.offset = order + ("Q" if big else "I")

    @classmethod
    def of(cls, data: bytes) -> "_TiffLayout":
        return cls("<" if data[:2] == b"II" else ">", data[2:4] in (b"+\0", b"\0+"))

    def entries(self, data: bytes, at: int) -> tuple[dict[int, int], int]:
        """The tags of a directory with one short or long number each, and the offset of the next directory."""
        count_format, entry_size, value_at = ("Q", 20, 12) if self.big else ("H", 12, 8)
        (count,) = struct.unpack_from(self.order + count_format, data, at)
        at += struct.calcsize(self.order + count_format)
        found: dict[int, int] = {}
        for entry in range(at, at + entry_size * count, entry_size):
            tag, kind = struct.unpack_from(self.order + "HH", data, entry)
            if kind in (3, 4):  # SHORT, LONG
                (found[tag],) = struct.unpack_from(self.order + "HI"[kind - 3], data, entry + value_at)
        (following,) = struct.unpack_from(self.offset, data, at + entry_size * count)
        return found, following


def _tiff(data: bytes) -> tuple[int, int] | None:
    layout = _TiffLayout.of(data)
    (at,) = struct.unpack_from(layout.offset, data, 8 if layout.big else 4)
    entries, _ = layout.entries(data, at)
    width, height = entries.get(256), entries.get(257)  # ImageWidth, ImageLength
    return (width, height) if width and height else None
