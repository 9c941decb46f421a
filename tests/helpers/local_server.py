"""A web server for the files of a folder."""

import base64
import functools
import http.server
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def __init__(self, *args: object, header: str | None, **options: object) -> None:
        self._header = header
        super().__init__(*args, **options)  # type: ignore[arg-type]  # as the server calls it

    def do_GET(self) -> None:
        if self._header is None or self.headers["Authorization"] == self._header:
            return super().do_GET()
        self.send_response(401)
        self.send_header("WWW-Authenticate", 'Basic realm="clips"')
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def serve(folder: Path, *, login: str | None = None) -> Iterator[str]:
    """Serve a folder; gives the address of its root. With a login, `user:password`, only to those who send it."""
    header = None if login is None else "Basic " + base64.b64encode(login.encode()).decode()
    handler = functools.partial(_Quiet, directory=str(folder), header=header)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
