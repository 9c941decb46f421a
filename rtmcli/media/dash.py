"""A DASH stream as one stream of bytes: its first segment, and all that follow as they come.

PyAV's FFmpeg is built without the demuxer for it.
"""

import time
from http.client import HTTPException

from rtmcli.errors import DataError
from rtmcli.media.dash_manifest import Manifest, read_manifest
from rtmcli.media.http import request

# Seconds between two looks at the manifest, and between two attempts to fetch what is not there yet.
_POLL, _RETRY = 1.0, 0.25


class DashStream:
    """The video of a manifest with the highest bit rate, from its newest segment on where it is live.

    Args:
        address: of the manifest.
        name: the source, for messages.
        stall: seconds without a new segment after which reading is an error.

    Attributes:
        live: whether more segments come.
        file: address of the whole video, where it is in one file and need not be read by this class; else None.
        beginning: nothing; what other streams have read already.

    Raises:
        DataError: no manifest there, or one that is not supported.
    """

    beginning = b""

    def __init__(self, address: str, name: str, *, insecure: bool, stall: float) -> None:
        self._address, self._name, self._insecure, self._stall = address, name, insecure, stall
        manifest = self._read_manifest()
        self.live, self.file = manifest.dynamic, manifest.file
        self._manifest, self._read_at = manifest, time.monotonic()
        self._left = b"" if manifest.initialization is None else self._fetch(manifest.initialization)
        # The key of the last segment that was read.
        self._last = manifest.segments[-2][0] if self.live and len(manifest.segments) > 1 else -1

    def read(self, size: int = -1) -> bytes:
        """The next bytes; nothing at the end of the stream."""
        if not self._left:
            self._left = self._next_segment()
        part, self._left = (self._left[:size], self._left[size:]) if size >= 0 else (self._left, b"")
        return part

    def seekable(self) -> bool:
        return False

    def _next_segment(self) -> bytes:
        import av

        until = time.monotonic() + self._stall
        while True:
            following = next((one for one in self._manifest.segments if one[0] > self._last), None)
            try:
                if following is not None:
                    content = self._fetch(following[1])
                    self._last = following[0]
                    return content
                if not self._manifest.dynamic:
                    return b""
                if time.monotonic() - self._read_at >= _POLL:
                    self._read_at = time.monotonic()
                    self._manifest = self._read_manifest()
                    continue
            except DataError:
                # Not there yet, or not any more: a newer one is tried when the manifest is read again.
                if following is not None and following[0] < self._manifest.segments[-1][0]:
                    self._last = following[0]
                    continue
                if not self.live:
                    raise
            if time.monotonic() > until:
                raise av.error.ExitError(0, "no data came any more")
            time.sleep(_RETRY)

    def _read_manifest(self) -> Manifest:
        return read_manifest(self._fetch(self._address), self._address, self._name, time.time())

    def _fetch(self, address: str) -> bytes:
        with request(address, insecure=self._insecure, timeout=self._stall) as response:
            try:
                return response.read()
            except (OSError, HTTPException) as error:
                raise DataError(f"{self._name}: a segment cannot be read ({error}); try again") from None
