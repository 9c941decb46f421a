"""Videos and streams at http and https addresses that a demuxer cannot open by itself."""

import shutil
from http.client import HTTPException, HTTPResponse
from pathlib import PurePosixPath
from tempfile import gettempdir
from typing import BinaryIO, cast
from urllib.parse import urlsplit

from rtmcli.errors import DataError
from rtmcli.media.http import request
from rtmcli.media.names import record_name
from rtmcli.media.stdin import Pipe, read_pipe

# How a JPEG begins and ends, and the most that is read of one to see whether another follows.
_JPEG, _JPEG_END, _MAX_JPEG = b"\xff\xd8\xff", b"\xff\xd9", 32 << 20
# Bytes of one reading at the beginning.
_BEGIN = 1 << 16
# What a copy leaves free on the disk.
_LEFT_FREE = 1 << 30


def open_endless(address: str, *, insecure: bool, stall: float) -> "tuple[WebStream, str | None] | None":
    """What a server sends without stating a size, and the demuxer for it where that is known; None for anything else.

    It is read through the connection on which the server was asked: some cameras have one for each user. Of images one
    behind the other a demuxer would look through megabytes before it knew what they are.

    Args:
        stall: seconds without data after which reading from the stream is an error.

    Raises:
        DataError: it cannot be opened.
    """
    import av

    response = request(address, insecure=insecure, timeout=stall)
    if response.headers.get_content_maintype() == "multipart":
        return WebStream(b"", response), "mpjpeg"
    stream = WebStream(b"", response)
    try:
        begin = stream.read(_BEGIN) if response.length is None else b""
        # What a playlist names is found by its address. An mp4 may have to be read from behind.
        if not begin or begin.startswith((b"#EXTM3U", b"<")) or begin[4:8] == b"ftyp":
            response.close()
            return None
        while begin.startswith(_JPEG) and _JPEG_END + _JPEG not in begin and len(begin) < _MAX_JPEG:
            part = stream.read(_BEGIN)
            if not part:
                break
            begin += part
    except av.error.ExitError:
        response.close()
        raise DataError(
            f"{record_name(address)}: cannot be opened (no data came for {stall:g} s); check the address"
        ) from None
    return WebStream(begin, response), "mjpeg" if _JPEG_END + _JPEG in begin else None


class WebStream(Pipe):
    """What a server sends, as a stream that cannot seek; it ends where the connection breaks."""

    def read(self, size: int = -1) -> bytes:
        import av

        try:
            return super().read(size)
        except TimeoutError:
            # As a demuxer's own time limit.
            raise av.error.ExitError(0, "no data came any more") from None
        except (OSError, HTTPException):
            return b""


def copy_if_needed(address: str, *, insecure: bool) -> BinaryIO | None:
    """A temporary copy of an mp4 whose index is at its end, from a server that cannot send parts of files.

    None for any other: it can be read where it is. The copy has no name, and vanishes when it is closed.

    Raises:
        DataError: it cannot be read, or is larger than the disk has room for.
    """
    name = record_name(address)
    with request(address, insecure=insecure, headers={"Range": "bytes=0-"}) as response:
        if response.status == 206:
            return None
        free = max(0, shutil.disk_usage(gettempdir()).free - _LEFT_FREE)
        if (response.length or 0) > free:
            raise _too_large(name)
        limited = _Limited(response, name, free)
        copied = read_pipe(cast(BinaryIO, limited))
    is_copy = not isinstance(copied, bytes) and copied.seekable()
    return cast(BinaryIO, copied) if is_copy else None


def has_suffix(address: str, suffixes: frozenset[str]) -> bool:
    """Whether the path of an address ends in one of these."""
    return PurePosixPath(urlsplit(address).path).suffix.lower() in suffixes


class _Limited:
    """An answer that is read up to a limit; the errors of its connection are DataErrors."""

    def __init__(self, response: HTTPResponse, name: str, limit: int) -> None:
        self._response, self._name, self._left = response, name, limit

    def read(self, size: int = -1) -> bytes:
        try:
            part = self._response.read(size if size >= 0 else None)
        except (OSError, HTTPException) as error:
            raise DataError(f"{self._name}: cannot be read to its end ({error}); get it again") from None
        self._left -= len(part)
        if self._left < 0:
            raise _too_large(self._name)
        return part

    def seekable(self) -> bool:
        return False


def _too_large(name: str) -> DataError:
    return DataError(
        f"{name}: its index is at the end and the server sends no parts of files, so it has to be copied, but there is "
        f"no room for it in {gettempdir()}; set TMPDIR to a larger disk"
    )
