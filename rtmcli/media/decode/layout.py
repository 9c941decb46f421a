"""What a file's own structure says about its completeness: fragments of an mp4, chunks of an AVI.

Demuxers do not report these, and the frame counts in headers are not reliable: an mp4's counts frames that an edit list
hides and only the first fragment, an AVI's counts frames that were dropped during capture.
"""

import io
import os
import struct
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any, BinaryIO

from rtmcli.media.remote import RemoteFile

# A larger index would be that of a recording of weeks.
_MAX_INDEX = 256 << 20


@dataclass(frozen=True, slots=True)
class Layout:
    """Structure of an mp4 or AVI; the defaults are those of any other file.

    Attributes:
        fragmented: the index of an mp4 covers the first fragment at most; others follow between the frames.
        last_fragment: byte offset of the last fragment's index, where all of the file could be searched.
        complete: False where the file ends before it should: within a box of a fragmented mp4, or before the end that
            an AVI's header gives. True for an AVI whose frames and index are there. None where that is not known.
    """

    fragmented: bool = False
    last_fragment: int | None = None
    complete: bool | None = None


def read_layout(file: str | BinaryIO | RemoteFile) -> Layout:
    """The structure of a local file (a path), a remote file, a seekable stream, or of the beginning of a pipe."""
    with ExitStack() as stack:
        if isinstance(file, RemoteFile):
            file = stack.enter_context(file.open(whole=False))
        if isinstance(file, str):
            if not os.path.isfile(file):
                return Layout()
            stream: Any = stack.enter_context(open(file, "rb"))
        elif file.seekable():
            stream = file
            stack.callback(file.seek, file.tell())
        else:
            stream = io.BytesIO(getattr(file, "beginning", b""))
        seekable = isinstance(file, str) or file.seekable()
        begin = stream.read(12)
        stream.seek(-len(begin), os.SEEK_CUR)
        if begin[:4] == b"RIFF" and begin[8:12] == b"AVI ":
            return _avi_layout(stream) if seekable else Layout()
        if begin[4:8] in (b"ftyp", b"styp", b"moov", b"moof", b"sidx", b"free", b"wide", b"mdat"):
            return _mp4_layout(stream, seekable)
    return Layout()


def _mp4_layout(stream: Any, seekable: bool) -> Layout:
    """Fragmented where the index has a `mvex` box (ISO/IEC 14496-12, 8.8.1)."""
    fragmented, last, end = False, None, 0
    for kind, at, size in _boxes(stream):
        end = at + size
        if kind == b"moov":
            stream.seek(at)
            fragmented = b"mvex" in stream.read(min(size, _MAX_INDEX))
            if not fragmented:
                break
        elif kind == b"moof":
            last = at
    if not (fragmented and seekable):
        return Layout(fragmented=fragmented)
    cut = end > stream.seek(0, os.SEEK_END)
    return Layout(fragmented=True, last_fragment=last, complete=False if cut else None)


def _boxes(stream: Any) -> Iterator[tuple[bytes, int, int]]:
    """Kind, offset and size of the boxes at the top of an mp4."""
    at = stream.tell()
    end = stream.seek(0, os.SEEK_END)
    while at + 8 <= end:
        stream.seek(at)
        size, kind = struct.unpack(">I4s", stream.read(8))
        if size == 1:  # a 64-bit size follows
            large = stream.read(8)
            size = int.from_bytes(large, "big")
        elif size == 0:  # up to the end of the file
            size = end - at
        if size < 8:
            return
        yield kind, at, size
        at += size


def _avi_layout(stream: Any) -> Layout:
    """Walk the chunks of `RIFF size AVI `, and of the further `RIFF size AVIX` that large files have (OpenDML)."""
    at = stream.tell()
    end = stream.seek(0, os.SEEK_END)
    complete: bool | None = None
    while at + 12 <= end:
        stream.seek(at)
        riff, size, _ = struct.unpack("<4sI4s", stream.read(12))
        if riff != b"RIFF":
            break
        if at == 0:
            complete = _first_riff_complete(stream, end)
        elif at + 8 + size > end:
            return Layout(complete=False)
        at += 8 + size + size % 2
    return Layout(complete=complete)


def _first_riff_complete(stream: Any, end: int) -> bool | None:
    """Whether the list of frames (LIST movi) ends within the file, with an index behind it."""
    at = 12
    while at + 12 <= end:
        stream.seek(at)
        kind, size, of = struct.unpack("<4sI4s", stream.read(12))
        after = at + 8 + size + size % 2
        if kind == b"LIST" and of == b"movi":
            if not 4 < size < 0xFFFFFFF0:  # written to a pipe: the size was not known
                return None
            if after > end:
                return False
            stream.seek(after)
            following = stream.read(4)
            if following in (b"idx1", b"JUNK"):
                return True
            # Without an index the demuxer does not know how many frames there are. Anything else means lost bytes.
            return None if following in (b"", b"LIST", b"RIFF") else False
        at = after
    return None
