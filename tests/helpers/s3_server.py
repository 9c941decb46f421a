"""A real S3 server in a process of its own, and a connection to it that breaks in the middle of a transfer."""

import os
import socket
import socketserver
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from tests.helpers.server_process import free_port, running_server

BUCKET = "bucket"


@contextmanager
def s3_server() -> Iterator[int]:
    """The port of a running server."""
    port = free_port()
    with running_server([sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)], port):
        yield port


class BreakingProxy:
    """Forwards connections to a server; the next `breaks` of them end after so many bytes of one direction.

    Attributes:
        breaks: how many transfers still break. limit: bytes after which they do.
        broken: how many have.
    """

    def __init__(self, target: int, *, limit: int) -> None:
        self.target, self.limit = target, limit
        self.breaks = self.broken = 0
        proxy = self

        class Handler(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                with socket.create_connection(("127.0.0.1", proxy.target)) as upstream:
                    pairs = ((self.request, upstream), (upstream, self.request))
                    threads = [threading.Thread(target=proxy._pump, args=pair, daemon=True) for pair in pairs]
                    for thread in threads:
                        thread.start()
                    for thread in threads:
                        thread.join()

        self._server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _pump(self, source: Any, target: Any) -> None:
        passed = 0
        with suppress(OSError):
            while data := source.recv(1 << 14):
                passed += len(data)
                if self.breaks > 0 and passed > self.limit:
                    self.breaks -= 1
                    self.broken += 1
                    break
                target.sendall(data)
        for end in (source, target):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)


def set_environment(monkeypatch: Any, port: int) -> None:
    """Let fsspec's S3 file system use the server at a port."""
    for name, value in {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
    }.items():
        monkeypatch.setenv(name, value)
    for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)
