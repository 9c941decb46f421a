"""The parts of an HLS stream over https, fetched with verified certificates.

FFmpeg passes its TLS options to the first address alone, and verifies nothing at those that a playlist names.
"""

import io
import re
import tempfile
from collections.abc import Callable
from contextlib import suppress
from http.client import HTTPException, HTTPResponse

from rtmcli.errors import DataError
from rtmcli.media.http import request

# The demuxer would reuse FFmpeg's own connections.
PLAYLIST_OPTIONS = {"http_persistent": "0", "http_multiple": "0"}
# A segment of ten seconds at 100 Mbit/s has 125 MB.
_LARGEST = 256 << 20


def playlist_opener(address: str, *, timeout: float) -> Callable[[str, int, dict[str, str]], object]:
    """What PyAV's `io_open` calls for a playlist at an address and for all that it names.

    A part that cannot be fetched is empty, as a demuxer skips it. A certificate that cannot be verified, and a playlist
    that cannot be fetched at first, raise DataError.
    """
    seen = False

    def fetch(part: str, _: int, options: dict[str, str]) -> object:
        nonlocal seen
        # An encrypted segment; the demuxer has fetched its key before, in the same way.
        part, encrypted = re.subn(r"^crypto[+:]", "", part)
        headers = {}
        if "offset" in options or "end_offset" in options:
            end = int(options.get("end_offset", 0))
            headers["Range"] = f"bytes={options.get('offset', 0)}-{end - 1 if end else ''}"
        try:
            response = request(part, insecure=False, timeout=timeout, headers=headers)
        except DataError as error:
            if not seen or "certificate" in str(error):
                raise
            return io.BytesIO()
        seen = True
        stream = _Part(response)
        return _decrypted(stream, options["key"], options["iv"], address) if encrypted else stream

    return fetch


class _Part:
    """A response as a stream; it ends where the connection breaks."""

    def __init__(self, response: HTTPResponse) -> None:
        self._response = response

    def read(self, size: int = -1) -> bytes:
        try:
            return self._response.read1(size)
        except (OSError, HTTPException):
            return b""

    def close(self) -> None:
        self._response.close()


def _decrypted(part: _Part, key: str, iv: str, address: str) -> io.BytesIO:
    """A segment decrypted by FFmpeg (AES-128-CBC, RFC 8216, section 4.3.2.4), which does so only for what it opens.

    Args:
        key, iv: as hexadecimal digits.

    Raises:
        DataError: it is too large to be held in memory.
    """
    import av

    content = io.BytesIO()
    with tempfile.NamedTemporaryFile(prefix="rtm-segment-") as file:
        while block := part.read(1 << 16):
            file.write(block)
            if file.tell() > _LARGEST:
                raise DataError(f"{address}: an encrypted segment of more than {_LARGEST >> 20} MB")
        part.close()
        file.flush()
        options = {"key": key, "iv": iv, "protocol_whitelist": "crypto,file"}
        # Of a segment that is damaged or breaks off, what can be decrypted.
        with (
            suppress(av.error.FFmpegError),
            av.open(f"crypto:file:{file.name}", format="data", options=options) as container,
        ):
            for packet in container.demux():
                content.write(bytes(packet))
    content.seek(0)
    return content
