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

# Of images one behind the other; looked into to tell them from a single one.
_JPEG_BEGIN, _MAX_JPEG = b"\xff\xd8\xff", 32 << 20
# What a copy leaves free on the disk.
_LEFT_FREE = 1 << 30


def open_jpegs(address: str, *, insecure: bool, stall: float) -> tuple[BinaryIO, str] | None:
    """The stream of a camera that sends JPEG images, and the demuxer for it; None for anything else.

    Multipart images, or images one behind the other without a size, for which a demuxer would look through megabytes.

    Args:
        stall: seconds without data after which reading from the stream is an error.

    Raises:
        DataError: it cannot be opened.
    """
    response = request(address, insecure=insecure, timeout=stall)
    if response.headers.get_content_maintype() == "multipart":
        return cast(BinaryIO, _Images(b"", response)), "mpjpeg"
    begin = b"" if response.length is not None else _first_image(response)
    if begin:
        return cast(BinaryIO, _Images(begin, response)), "mjpeg"
    response.close()
    return None


def _first_image(response: HTTPResponse) -> bytes:
    """What was read of an answer up to its second image; nothing where it is not one image after another."""
    read = b""
    try:
        while len(read) < _MAX_JPEG and read[:3] == _JPEG_BEGIN[: len(read)]:
            part = response.read1(1 << 16)
            read += part
            if b"\xff\xd9" + _JPEG_BEGIN in read:
                return read
            if not part:
                break
    except (OSError, HTTPException):
        pass
    return b""


class _Images(Pipe):
    """The answer of a camera; it ends where the connection breaks."""

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
