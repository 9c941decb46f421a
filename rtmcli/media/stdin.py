"""What comes through a pipe: read as it arrives, or copied first where its reader has to seek in it."""

import shutil
import tempfile
from collections.abc import Callable
from typing import Any, BinaryIO

from rtmcli.media.image_frames import begins_several

# Boxes of an mp4 that may come before the index and hold no frames.
_BEFORE_INDEX = frozenset({b"ftyp", b"styp", b"free", b"skip", b"wide", b"uuid", b"pnot", b"sidx"})
# An index larger than this is not looked into.
_MAX_INDEX = 64 << 20
# A chunk before the image data of a PNG is smaller than this; colour profiles are the largest.
_MAX_PNG_CHUNK = 1 << 24


def read_pipe(stream: BinaryIO) -> BinaryIO | bytes:
    """What a demuxer can read from its beginning, or the bytes of a TIFF or WebP, which may hold several images.

    Most cameras write the index of an mp4 behind the frames. A demuxer has to seek there, which a pipe cannot do, so
    such a stream is copied to disk before it is opened; an animated PNG as well.
    """
    if stream.seekable():
        begin = stream.read(12)
        stream.seek(-len(begin), 1)
        return stream.read() if begins_several(begin) else stream
    begin = stream.read(12)
    if begins_several(begin):
        return begin + stream.read()
    needs_seek = False
    if begin.startswith(b"\x89PNG"):
        begin, needs_seek = _read_png_head(begin, stream)
    elif begin[4:8] in _BEFORE_INDEX | {b"moov", b"mdat"}:
        begin, needs_seek = _read_mp4_head(begin, stream)
    if not needs_seek:
        return Pipe(begin, stream)  # type: ignore[return-value]  # all of BinaryIO that a demuxer uses
    # It has no name in the file system, and vanishes with the last reference to it.
    copy: Any = tempfile.TemporaryFile(prefix="rtm-")  # noqa: SIM115  returned open
    copy.write(begin)
    shutil.copyfileobj(stream, copy, 1 << 20)
    copy.seek(0)
    result: BinaryIO = copy
    return result


class Pipe:
    """Bytes that were read already, then the stream itself; it cannot seek.

    Attributes:
        beginning: the bytes that were read already.
    """

    def __init__(self, beginning: bytes, stream: Any) -> None:
        self.beginning = beginning
        self._left, self._stream = beginning, stream

    def read(self, size: int = -1) -> bytes:
        if self._left:
            size = len(self._left) if size < 0 else size
            part, self._left = self._left[:size], self._left[size:]
            return part
        # read1 returns what has arrived; read would wait for `size` bytes of a live stream.
        reader: Callable[[int], bytes] = getattr(self._stream, "read1", self._stream.read)
        return reader(size)

    def seekable(self) -> bool:
        return False


def _read_png_head(begin: bytes, stream: BinaryIO) -> tuple[bytes, bool]:
    """The first bytes of a PNG, and whether it is animated."""
    chunk_end = 8
    while True:
        begin += stream.read(max(0, chunk_end + 8 - len(begin)))
        size, kind = (
            int.from_bytes(begin[chunk_end : chunk_end + 4], "big"),
            begin[chunk_end + 4 : chunk_end + 8],
        )
        if len(kind) < 4 or kind in (b"IDAT", b"acTL") or size > _MAX_PNG_CHUNK:
            return begin, kind == b"acTL"
        chunk_end += 12 + size


def _read_mp4_head(begin: bytes, stream: BinaryIO) -> tuple[bytes, bool]:
    """The first bytes of an mp4 with its index, where that comes first; and whether its frames come before it."""
    at = 0
    while len(begin) >= at + 8:
        size, kind = int.from_bytes(begin[at : at + 4], "big"), begin[at + 4 : at + 8]
        if kind not in _BEFORE_INDEX or not 8 <= size <= 1 << 20:
            if kind == b"moov" and size <= _MAX_INDEX:
                begin += stream.read(max(0, at + size - len(begin)))
            return begin, kind == b"mdat"
        # The rest of this box, and the header of the next.
        begin += stream.read(max(0, at + size + 8 - len(begin)))
        at += size
    return begin, False
