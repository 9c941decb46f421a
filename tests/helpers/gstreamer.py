"""GStreamer's RTSP server, where Debian's packages for it are installed."""

import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

# The system's Python, for which Debian packages GStreamer.
_PYTHON = "/usr/bin/python3"
_PROGRAM = Path(__file__).with_name("gstreamer_server.py")


@contextmanager
def serve(files: Sequence[Path]) -> Iterator[int]:
    """Play H.264 mp4 files in real time at rtsp://127.0.0.1:PORT/0, /1, ...; gives the port, or skips the test."""
    server = subprocess.Popen(
        [_PYTHON, str(_PROGRAM), *map(str, files)], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    try:
        assert server.stdout is not None and server.stderr is not None
        port = server.stdout.readline().decode()
        if not port:
            pytest.skip(
                f"GStreamer's RTSP server does not start: {server.stderr.read().decode().splitlines()[-1]}"
            )
        yield int(port)
    finally:
        server.kill()
        server.communicate()
