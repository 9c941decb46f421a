"""A live source that fails on purpose: images over HTTP, connection after connection as a test wrote it down."""

import http.server
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Literal

import cv2

from tests.helpers.clips import numbered

# Seconds from image to image.
INTERVAL = 0.02


@dataclass(frozen=True, slots=True)
class Play:
    """What one connection gets: so many images, then an end.

    Attributes:
        end: closes the connection, or sends nothing more, or refuses the connection from the beginning.
    """

    images: int
    end: Literal["close", "silence", "refuse"] = "close"


@contextmanager
def serve_images(plays: Sequence[Play], *, kind: Literal["multipart", "raw"] = "multipart") -> Iterator[str]:
    """Serve numbered images, multipart (as most network cameras do) or one behind the other; gives the address.

    The k-th connection gets the k-th of the plays, and later ones the last. The numbers go on.
    """
    done = threading.Event()
    numbers = _numbers()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            play = next_play()
            if play.end == "refuse":
                return self.send_error(503)
            self.send_response(200)
            multipart = kind == "multipart"
            self.send_header(
                "Content-Type",
                "multipart/x-mixed-replace; boundary=b" if multipart else "video/x-motion-jpeg",
            )
            self.end_headers()
            with suppress(OSError):
                for _ in range(play.images):
                    jpeg = cv2.imencode(".jpg", numbered(numbers()))[1].tobytes()
                    head = f"--b\r\nContent-Type: image/jpeg\r\nContent-Length: {len(jpeg)}\r\n\r\n".encode()
                    self.wfile.write(head + jpeg + b"\r\n" if multipart else jpeg)
                    time.sleep(INTERVAL)
                if play.end == "silence":
                    done.wait(30)

        def log_message(self, *_: object) -> None:
            pass

    lock, connections = threading.Lock(), 0

    def next_play() -> Play:
        nonlocal connections
        with lock:
            connections += 1
            return plays[min(connections, len(plays)) - 1]

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        server.block_on_close = False
        threading.Thread(target=server.serve_forever, args=[0.05], daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/camera"
        done.set()
        server.shutdown()


def _numbers() -> Callable[[], int]:
    lock, last = threading.Lock(), -1

    def number() -> int:
        nonlocal last
        with lock:
            last += 1
            return last % 256

    return number
