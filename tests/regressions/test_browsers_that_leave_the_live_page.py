"""A browser that left in the middle of an answer made `--live` print a traceback."""

import socket
import struct
from urllib.parse import urlsplit

import numpy as np
import pytest

from rtmcli import Frame
from rtmcli.view.live import LivePage

# Close with a reset, as a browser does that is stopped.
RESET = struct.pack("ii", 1, 0)


@pytest.mark.parametrize("path", ["", "image", "events"])
def test_nothing_is_printed(path: str, capfd: pytest.CaptureFixture[str]) -> None:
    with LivePage() as page:
        page.show(Frame("0", 0), np.zeros((40, 60, 3), np.uint8))
        address = urlsplit(page.address)
        for _ in range(20):
            with socket.create_connection((address.hostname, address.port)) as client:
                client.sendall(
                    f"GET {address.path}{path} HTTP/1.1\r\nHost: {address.netloc}\r\n\r\n".encode()
                )
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    assert capfd.readouterr().err == ""
