"""What an image file's header says before it is decoded: its size in pixels, and whether its end is there.

Decoders differ in what they do with half a file (an exception, a half-grey image, a line on stderr), so an image that
was truncated or that decompresses to gigabytes is recognised here.
"""

import struct
import zlib


def is_image(head: bytes) -> bool:
    """Whether these first bytes (32 or more) begin a still image."""
    return (
        head.startswith((b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"II*\0", b"MM\0*"))
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
        if data[:4] in (b"II*\0", b"MM\0*"):
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
        marker, length = struct.unpack_from(">HH", data, at)
        if marker == 0xFFFF:  # fill byte
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


def _tiff(data: bytes) -> tuple[int, int] | None:
    order = "<" if data[:2] == b"II" else ">"
    (at,) = struct.unpack_from(order + "I", data, 4)
    (entries,) = struct.unpack_from(order + "H", data, at)
    found: dict[int, int] = {}
    for entry in range(at + 2, at + 2 + 12 * entries, 12):
        tag, kind = struct.unpack_from(order + "HH", data, entry)
        if tag in (256, 257):  # ImageWidth, ImageLength
            (found[tag],) = struct.unpack_from(order + ("H" if kind == 3 else "I"), data, entry + 8)
    return (found[256], found[257]) if len(found) == 2 else None
