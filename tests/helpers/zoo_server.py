"""A real HTTP server on this machine that misbehaves as told: the downloads' counterpart in the tests."""

import hashlib
import io
import struct
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

Answer = Callable[[BaseHTTPRequestHandler], None]


@dataclass
class Server:
    """`answers` maps a path to what it does; `asked` lists each request: path and its Range header."""

    address: str
    answers: dict[str, Answer] = field(default_factory=dict)
    asked: list[tuple[str, str | None]] = field(default_factory=list)

    def url(self, path: str) -> str:
        return self.address + path


@contextmanager
def serving() -> Iterator[Server]:
    """The server, for as long as the block lasts."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            server.asked.append((self.path, self.headers.get("Range")))
            self.close_connection = True
            with suppress(BrokenPipeError, ConnectionResetError):  # the client has had enough
                server.answers.get(self.path, status(404))(self)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    listener = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    listener.daemon_threads = True
    server = Server(f"http://127.0.0.1:{listener.server_port}")
    thread = threading.Thread(target=listener.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        listener.shutdown()
        listener.server_close()


def whole(
    content: bytes, *, tag: str | None = None, cut_after: int | None = None, stall: float = 0
) -> Answer:
    """Serve a file with Range and If-Range. `cut_after` bytes of each answer the connection ends, or is silent for
    `stall` seconds first."""
    tag = tag or f'"{hashlib.sha256(content).hexdigest()[:16]}"'

    def answer(request: BaseHTTPRequestHandler) -> None:
        start = 0
        asked = request.headers.get("Range")
        if asked and request.headers.get("If-Range") == tag:
            start = int(asked.removeprefix("bytes=").rstrip("-"))
            if start >= len(content):
                status(416, **{"Content-Range": f"bytes */{len(content)}"})(request)
                return
            request.send_response(206)
            request.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        else:
            request.send_response(200)
        request.send_header("ETag", tag)
        request.send_header("Content-Length", str(len(content) - start))
        request.end_headers()
        rest = content[start:]
        request.wfile.write(rest if cut_after is None else rest[:cut_after])
        if cut_after is not None and len(rest) > cut_after:
            request.wfile.flush()
            time.sleep(stall)

    return answer


def lying(content: bytes, claimed: int) -> Answer:
    """A file whose Content-Length is not its length."""

    def answer(request: BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.send_header("Content-Length", str(claimed))
        request.end_headers()
        request.wfile.write(content)

    return answer


def dripping(content: bytes, pause: float) -> Answer:
    """A file that comes a byte at a time, with Range."""

    def answer(request: BaseHTTPRequestHandler) -> None:
        start = int((request.headers.get("Range") or "bytes=0-").removeprefix("bytes=").rstrip("-"))
        request.send_response(206 if start else 200)
        request.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        request.send_header("Content-Length", str(len(content) - start))
        request.send_header("ETag", '"drip"')
        request.end_headers()
        for at in range(start, len(content)):
            request.wfile.write(content[at : at + 1])
            request.wfile.flush()
            time.sleep(pause)

    return answer


def status(code: int, **headers: str) -> Answer:
    """An answer without a file."""

    def answer(request: BaseHTTPRequestHandler) -> None:
        request.send_response(code)
        for name, value in headers.items():
            request.send_header(name.replace("_", "-"), value)
        request.send_header("Content-Length", "0")
        request.end_headers()

    return answer


def page() -> Answer:
    """A web page, as a portal or a login answers for any address."""

    def answer(request: BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.send_header("Content-Type", "text/html; charset=utf-8")
        request.send_header("Content-Length", "17")
        request.end_headers()
        request.wfile.write(b"<html>log in</html>"[:17])

    return answer


def first_then(first: Answer, then: Answer, times: int = 1) -> Answer:
    """`first` for so many requests, `then` from there on."""
    left = [times]

    def answer(request: BaseHTTPRequestHandler) -> None:
        left[0] -= 1
        (first if left[0] >= 0 else then)(request)

    return answer


def zipped(members: dict[str, bytes]) -> bytes:
    """A zip of these files."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return out.getvalue()


def zip_bomb(path: Path, member: str, size: int, *, claimed: int | None = None) -> None:
    """Write a small zip whose member says (or, with `claimed`, does not say) that it unpacks to `size` zeros.

    Packed are 64 MB of zeros, a thousandth of that in the file; the sizes in both heads are set by hand.
    """
    import zlib

    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    packed = packer.compress(bytes(64 << 20)) + packer.flush()
    name, checksum = member.encode(), zlib.crc32(bytes(64 << 20))
    said = size if claimed is None else claimed
    # Sizes of 4 GB and more stand in a zip64 field: id 1, 16 bytes, unpacked and packed.
    extra = struct.pack("<HHQQ", 1, 16, said, len(packed))
    head = struct.pack(
        "<HHHHHIIIHH", 45, 0, 8, 0, 33, checksum, 0xFFFFFFFF, 0xFFFFFFFF, len(name), len(extra)
    )
    body = b"PK\3\4" + head + name + extra + packed
    central = b"PK\1\2" + struct.pack("<H", 45) + head + struct.pack("<HHHII", 0, 0, 0, 0, 0) + name + extra
    end = b"PK\5\6" + struct.pack("<HHHHIIH", 0, 0, 1, 1, len(central), len(body), 0)
    path.write_bytes(body + central + end)
