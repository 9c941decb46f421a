"""`rtm view --live`: a page on this machine that shows each record when it comes.

The page gets records as server-sent events, the newest one only: a slow browser skips some and delays nobody. The
address holds a random token, and requests under another host name are refused, so that neither other users of the
machine nor other pages of the browser can read it.
"""

import hmac
import json
import secrets
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import urlsplit

from rtmcli.arrays import Image
from rtmcli.draw import ID_COLORS
from rtmcli.errors import RtmError
from rtmcli.records.frame import Frame
from rtmcli.records.ndjson import encode_frame
from rtmcli.view.page import Look, asset, fill, skeleton_data, to_hex

_SCRIPTS = ("draw.js", "live.js")
# Seconds without a record after which a comment is sent, so that a closed browser is noticed.
_HEARTBEAT = 10.0
# Seconds in which the server notices that it is to stop.
_CLOSE_SECONDS = 0.1
_IMAGE_SIDE, _JPEG_QUALITY = 1280, 80


class LivePage:
    """Serves the page at `address` until it is closed.

    Args:
        port: of 127.0.0.1; 0 for any free one.
        look: how the page begins.

    Raises RtmError where the port cannot be used.
    """

    def __init__(self, port: int = 0, look: Look | None = None) -> None:
        self._token = secrets.token_urlsafe(16)
        self._look = look or Look()
        self._changed = threading.Condition()
        self._number = 0
        self._line = b""
        self._jpeg: bytes | None = None
        self._skeletons: dict[str, Any] = {}
        self._is_closed = False
        try:
            self._server = _Server(("127.0.0.1", port), _handler(self))
        except OSError as error:
            raise RtmError(f"cannot serve a page on port {port}: {error.strerror}") from None
        threading.Thread(target=self._server.serve_forever, args=[_CLOSE_SECONDS], daemon=True).start()

    @property
    def address(self) -> str:
        """Where a browser finds the page."""
        return f"http://127.0.0.1:{self._server.server_address[1]}/{self._token}/"

    def show(self, frame: Frame, image: Image | None = None) -> None:
        """Send a record, and its image where there is one, to all browsers."""
        jpeg = _jpeg(image) if image is not None else None
        points = next((len(one.keypoints) for one in frame.instances if one.keypoints is not None), 0)
        with self._changed:
            key = f"{frame.skeleton or ''}/{points}"
            if key not in self._skeletons:
                self._skeletons[key] = skeleton_data(frame.skeleton, points)
            self._number += 1
            self._line, self._jpeg = encode_frame(frame).strip(), jpeg
            self._changed.notify_all()

    def close(self) -> None:
        """Tell the browsers that there is no more, and stop."""
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()
        self._server.shutdown()
        self._server.server_close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # --- what the requests ask for ---

    def allows(self, path: str, host: str) -> bool:
        """Whether a request has the token and comes by this machine's own name."""
        port = self._server.server_address[1]
        token = urlsplit(path).path.split("/")[1:2]
        return host in (f"127.0.0.1:{port}", f"localhost:{port}") and hmac.compare_digest(
            (token[0] if token else "").encode(), self._token.encode()
        )

    def answer(self, name: str) -> tuple[str, bytes] | None:
        """Content type and content of the page, the skeletons and the newest image; None for another name."""
        if name == "":
            return "text/html; charset=utf-8", _live_page(self._look).encode()
        with self._changed:
            if name == "skeletons":
                return "application/json", json.dumps(self._skeletons).encode()
            if name == "image" and self._jpeg is not None:
                return "image/jpeg", self._jpeg
        return None

    def next_event(self, last: int) -> tuple[int, bytes] | None:
        """Wait for a record newer than number `last` and return its number and event; None at the end."""
        with self._changed:
            newer = self._changed.wait_for(lambda: self._is_closed or self._number > last, _HEARTBEAT)
            if self._is_closed:
                return None
            if not newer:
                return last, b": waiting\n\n"
            image = b"true" if self._jpeg is not None else b"false"
            data = b'{"number":%d,"image":%s,"record":%s}' % (self._number, image, self._line)
            return self._number, b"data: " + data + b"\n\n"


class _Server(ThreadingHTTPServer):
    # Closing waits until each browser has got the last event.
    daemon_threads = False

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Report errors of the page itself. A browser that leaves in the middle of an answer is none."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


def _handler(page: LivePage) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        # Seconds after which a browser that takes nothing is given up.
        timeout = 5

        def do_GET(self) -> None:
            if not page.allows(self.path, self.headers.get("Host", "")):
                self.send_error(404)
                return
            name = "/".join(urlsplit(self.path).path.split("/")[2:])
            if name == "events":
                self._stream()
                return
            found = page.answer(name)
            if found is None:
                self.send_error(404)
                return
            kind, content = found
            self._begin(kind, len(content))
            self.wfile.write(content)

        def _stream(self) -> None:
            self._begin("text/event-stream", None)
            last = 0
            while (event := page.next_event(last)) is not None:
                last, text = event
                self.wfile.write(text)
                self.wfile.flush()
            self.wfile.write(b"event: end\ndata: {}\n\n")

        def _begin(self, kind: str, length: int | None) -> None:
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.send_header("Cache-Control", "no-store")
            self.send_header("Referrer-Policy", "no-referrer")
            self.send_header("X-Content-Type-Options", "nosniff")
            if length is not None:
                self.send_header("Content-Length", str(length))
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the name of the base class
            """Requests are not logged: their addresses hold the token."""

    return Handler


def _live_page(look: Look) -> str:
    settings = {
        "idColors": [to_hex(color) for color in ID_COLORS],
        "minScore": look.min_score,
        "boxes": look.boxes,
        "ids": look.ids,
    }
    scripts = "\n".join(f"<script>{asset(name)}</script>" for name in _SCRIPTS)
    return fill(
        asset("live.html"), {"STYLE": asset("style.css"), "DATA": json.dumps(settings), "SCRIPTS": scripts}
    )


def _jpeg(image: Image) -> bytes:
    from rtmcli.opencv import cv2

    scale = min(1.0, _IMAGE_SIDE / max(image.shape[:2]))
    small = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    _, data = cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])
    return data.tobytes()
