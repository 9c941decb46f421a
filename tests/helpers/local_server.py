"""A web server for the files of a folder."""

import base64
import functools
import http.server
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def __init__(self, *args: object, header: str | None, sizes: bool, **options: object) -> None:
        self._header, self._sizes = header, sizes
        super().__init__(*args, **options)  # type: ignore[arg-type]  # as the server calls it

    def do_GET(self) -> None:
        if self._header is None or self.headers["Authorization"] == self._header:
            return super().do_GET()
        self.send_response(401)
        self.send_header("WWW-Authenticate", 'Basic realm="clips"')
        self.send_header("Content-Length", "0")
        self.end_headers()

    def send_header(self, keyword: str, value: str) -> None:
        if self._sizes or keyword != "Content-Length":
            super().send_header(keyword, value)

    def log_message(self, *_: object) -> None:
        pass


# A key, and a certificate for localhost that only itself vouches for.
CERTIFICATE = Path(__file__).with_name("localhost.pem")


@contextmanager
def serve(folder: Path, *, login: str | None = None, tls: bool = False, sizes: bool = True) -> Iterator[str]:
    """Serve a folder; gives the address of its root.

    Args:
        login: `user:password`; only who sends it gets a file.
        tls: over https, with `CERTIFICATE`.
        sizes: whether the sizes of files are stated.
    """
    header = None if login is None else "Basic " + base64.b64encode(login.encode()).decode()
    handler = functools.partial(_Quiet, directory=str(folder), header=header, sizes=sizes)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        if tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(CERTIFICATE)
            server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, args=[0.05], daemon=True).start()
        yield f"{'https://localhost' if tls else 'http://127.0.0.1'}:{server.server_port}"
        server.shutdown()
