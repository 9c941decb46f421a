"""A container on a pipe: read as it arrives, or copied to a temporary file first where its index is at its end."""

import shutil
import tempfile
from typing import Any, BinaryIO

# Boxes of an mp4 that may come before the index and hold no frames.
_BEFORE_INDEX = frozenset({b"ftyp", b"styp", b"free", b"skip", b"wide", b"uuid", b"pnot", b"sidx"})


def demuxable(stream: BinaryIO) -> BinaryIO:
    """What a demuxer can read from the front: `stream` itself, its bytes in a temporary file, or a wrapper.

    Most cameras write the index of an mp4 behind the frames. A demuxer has to seek there, which a pipe cannot do, so
    such a stream is copied to disk before it is opened.
    """
    if stream.seekable():
        return stream
    begin, index_at_end = _peek(stream)
    if not index_at_end:
        return Pipe(begin, stream)  # type: ignore[return-value]
    # It has no name in the file system, and vanishes with the last reference to it.
    copy: Any = tempfile.TemporaryFile(prefix="rtm-")  # noqa: SIM115
    copy.write(begin)
    shutil.copyfileobj(stream, copy, 1 << 20)
    copy.seek(0)
    result: BinaryIO = copy
    return result


class Pipe:
    """Bytes that were read already, then the stream itself; it cannot seek."""

    def __init__(self, begin: bytes, stream: BinaryIO) -> None:
        self._begin, self._stream = begin, stream

    def read(self, size: int = -1) -> bytes:
        if self._begin:
            size = len(self._begin) if size < 0 else size
            part, self._begin = self._begin[:size], self._begin[size:]
            return part
        # read1 returns what has arrived; read would wait for `size` bytes of a live stream.
        reader = getattr(self._stream, "read1", self._stream.read)
        return reader(size)

    def seekable(self) -> bool:
        return False


def _peek(stream: BinaryIO) -> tuple[bytes, bool]:
    """The first bytes of a stream, and whether they begin an mp4 whose frames come before its index."""
    begin = stream.read(8)
    if begin[4:8] not in _BEFORE_INDEX | {b"moov", b"mdat"}:
        return begin, False
    at = 0
    while len(begin) >= at + 8:
        size, kind = int.from_bytes(begin[at : at + 4], "big"), begin[at + 4 : at + 8]
        if kind not in _BEFORE_INDEX or not 8 <= size <= 1 << 20:
            return begin, kind == b"mdat"
        begin += stream.read(size)  # the rest of this box, and the header of the next
        at += size
    return begin, False
