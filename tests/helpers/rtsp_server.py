"""A small RTSP server: one client, a transport stream over the control connection (RFC 2326, 10.12; RFC 2250)."""

import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Literal

# Whole packets of a transport stream that fit in one of RTP.
_CHUNK = 7 * 188

End = Literal["close", "reset", "silence"]


@contextmanager
def serve_rtsp(stream: bytes, *, end: End, seconds: float | None = None) -> Iterator[str]:
    """Play a transport stream to one client, then end in some way; gives the address.

    Args:
        end: how the server goes away: it closes or resets the connection, or sends nothing more.
        seconds: the length that it declares; None for a live stream.
    """
    listener = socket.create_server(("127.0.0.1", 0))
    done = threading.Event()

    def play() -> None:
        with suppress(OSError):
            connection, _ = listener.accept()
            with connection:
                _answer(connection, seconds)
                for number, at in enumerate(range(0, len(stream), _CHUNK)):
                    packet = (
                        struct.pack("!BBHII", 0x80, 33, number, number * 900, 1) + stream[at : at + _CHUNK]
                    )
                    connection.sendall(struct.pack("!cBH", b"$", 0, len(packet)) + packet)
                time.sleep(0.3)
                if end == "silence":
                    done.wait(60)
                if end == "reset":
                    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    player = threading.Thread(target=play, daemon=True)
    player.start()
    try:
        yield f"rtsp://127.0.0.1:{listener.getsockname()[1]}/live"
    finally:
        done.set()
        listener.close()
        player.join(5)


def _answer(connection: socket.socket, seconds: float | None) -> None:
    """Answer requests up to PLAY."""
    length = "" if seconds is None else f"a=range:npt=0-{seconds}\r\n"
    sdp = f"v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=test\r\nt=0 0\r\n{length}m=video 0 RTP/AVP 33\r\na=control:0\r\n"
    with connection.makefile("rb") as requests:
        method = ""
        while method != "PLAY":
            head = list(iter(lambda: requests.readline().decode().strip(), ""))
            if not head:
                raise OSError("the client is gone")
            method = head[0].split()[0]
            sequence = next(line.split(":")[1].strip() for line in head if line.lower().startswith("cseq"))
            lines = {
                "DESCRIBE": f"Content-Type: application/sdp\r\nContent-Length: {len(sdp)}\r\n",
                "SETUP": "Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\nSession: 1\r\n",
                "PLAY": "Session: 1\r\n",
            }.get(method, "Public: DESCRIBE, SETUP, PLAY\r\n")
            body = sdp if method == "DESCRIBE" else ""
            connection.sendall(f"RTSP/1.0 200 OK\r\nCSeq: {sequence}\r\n{lines}\r\n{body}".encode())
