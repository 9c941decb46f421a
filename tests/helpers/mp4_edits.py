"""Edit lists and empty samples written into an mp4, as cameras and editors leave them."""

import struct
from collections.abc import Iterator, Sequence
from pathlib import Path


def boxes(data: bytes, start: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """Kind, offset and size of the boxes between two offsets."""
    while start < end:
        size, kind = struct.unpack_from(">I4s", data, start)
        yield kind, start, size
        start += size


def find_box(data: bytes, *path: bytes) -> tuple[int, int]:
    """Offset and size of a box, named from the top of the file down."""
    start, end = 0, len(data)
    for kind in path:
        at, size = next((at, size) for found, at, size in boxes(data, start, end) if found == kind)
        start, end = at + 8, at + size
    return at, size


def with_edits(path: Path, edits: Sequence[tuple[float, float | None]], copy: Path) -> Path:
    """A copy of an mp4 with its index at the end that shows these parts: (seconds, begin), begin None for a gap."""
    data = bytearray(path.read_bytes())
    trak, mvhd = find_box(data, b"moov", b"trak"), find_box(data, b"moov", b"mvhd")[0]
    movie_ticks = struct.unpack_from(">I", data, mvhd + 20)[0]
    media_ticks = struct.unpack_from(">I", data, find_box(data, b"moov", b"trak", b"mdia", b"mdhd")[0] + 20)[
        0
    ]
    entries = b"".join(
        struct.pack(
            ">IiI", round(length * movie_ticks), -1 if begin is None else round(begin * media_ticks), 1 << 16
        )
        for length, begin in edits
    )
    elst = struct.pack(">I4sII", 16 + len(entries), b"elst", 0, len(edits)) + entries
    edts = struct.pack(">I4s", 8 + len(elst), b"edts") + elst
    moov = find_box(data, b"moov")
    struct.pack_into(">I", data, mvhd + 24, round(sum(length for length, _ in edits) * movie_ticks))
    at, size = find_box(data, b"moov", b"trak", b"edts")
    data[at : at + size] = edts
    for box, old in (trak, moov):
        struct.pack_into(">I", data, box, old + len(edts) - size)
    copy.write_bytes(data)
    return copy


def with_empty_samples(path: Path, numbers: Sequence[int], copy: Path) -> Path:
    """A copy of an mp4 of JPEG frames in which some samples hold nothing; the one before takes their bytes."""
    data = bytearray(path.read_bytes())
    at, _ = find_box(data, b"moov", b"trak", b"mdia", b"minf", b"stbl", b"stsz")
    for number in numbers:
        before, own = struct.unpack_from(">II", data, at + 20 + 4 * (number - 1))
        struct.pack_into(">II", data, at + 20 + 4 * (number - 1), before + own, 0)
    copy.write_bytes(data)
    return copy
