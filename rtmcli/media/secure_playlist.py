"""The parts of an HLS stream over https, fetched with verified certificates.

FFmpeg passes its TLS options to the first address alone, and verifies nothing at those that a playlist names.
"""

import io
from collections.abc import Callable
from http.client import HTTPException, HTTPResponse

from rtmcli.errors import DataError
from rtmcli.media.http import request

# The demuxer would reuse FFmpeg's own connections.
PLAYLIST_OPTIONS = {"http_persistent": "0", "http_multiple": "0"}


def playlist_opener(address: str, *, timeout: float) -> Callable[[str, int, dict[str, str]], object]:
    """What PyAV's `io_open` calls for a playlist at an address and for all that it names.

    A part that cannot be fetched is empty, as a demuxer skips it. A certificate that cannot be verified, and a playlist
    that cannot be fetched at first, raise DataError.
    """
    seen = False

    def fetch(part: str, _: int, options: dict[str, str]) -> object:
        nonlocal seen
        if part.startswith("crypto"):
            raise DataError(
                f"{address}: its segments are encrypted (AES-128), which is not supported with verified certificates; "
                "if you trust the server, read it with --insecure"
            )
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
        return _Part(response)

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
