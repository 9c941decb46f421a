"""Certificates of servers are verified, also of the servers that a playlist names; --insecure accepts any."""

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import av
import cv2
import pytest

from rtmcli.cli.app import main
from rtmcli.errors import DataError
from rtmcli.media import http, open_media
from tests.helpers.clips import numbered, write_clip
from tests.helpers.local_server import CERTIFICATE, serve

FRAMES = 30


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("secure")
    write_clip(folder / "walk.mkv", FRAMES)
    write_clip(folder / "walk.mp4", FRAMES)
    (folder / "still.webp").write_bytes(cv2.imencode(".webp", numbered(3))[1].tobytes())
    with av.open(str(write_clip(folder / "a.ts", FRAMES))) as given:
        video = given.streams.video[0]
        with av.open(
            str(folder / "vod.m3u8"), "w", format="hls", options={"hls_playlist_type": "vod"}
        ) as out:
            copied = out.add_stream_from_template(video)
            for packet in given.demux(video):
                if packet.dts is not None:
                    packet.stream = copied
                    out.mux(packet)
    return folder


@pytest.fixture
def trusted(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """This process trusts the test's certificate, as one does with SSL_CERT_FILE."""
    monkeypatch.setenv("SSL_CERT_FILE", str(CERTIFICATE))
    http.ca_file.cache_clear()
    http._context.cache_clear()
    yield
    monkeypatch.undo()
    http.ca_file.cache_clear()
    http._context.cache_clear()


@pytest.mark.parametrize("file", ["walk.mkv", "walk.mp4", "vod.m3u8", "still.webp"])
def test_a_certificate_that_nobody_vouches_for_is_an_error_with_the_remedy(folder: Path, file: str) -> None:
    frames = 1 if file == "still.webp" else FRAMES
    with serve(folder, tls=True) as site:
        with pytest.raises(DataError, match=r"certificate cannot be verified.*SSL_CERT_FILE.*--insecure"):
            open_media(f"{site}/{file}")
        assert len(list(open_media(f"{site}/{file}", insecure=True))) == frames


@pytest.mark.parametrize("file", ["walk.mkv", "walk.mp4", "vod.m3u8", "still.webp"])
def test_a_certificate_of_a_trusted_authority_is_accepted(folder: Path, trusted: None, file: str) -> None:
    with serve(folder, tls=True) as site:
        assert len(list(open_media(f"{site}/{file}"))) == (1 if file == "still.webp" else FRAMES)


def test_a_certificate_for_another_host_is_an_error(folder: Path, trusted: None) -> None:
    with serve(folder, tls=True) as site, pytest.raises(DataError, match="certificate cannot be verified"):
        open_media(f"{site.replace('localhost', '127.0.0.1')}/still.webp")


def test_the_servers_that_a_playlist_names_are_verified_too(
    folder: Path, trusted: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serve(folder, tls=True) as other, serve(tmp_path, tls=True) as site:
        # Trusted under the name localhost, but not under this one.
        stranger = other.replace("localhost", "127.0.0.1")
        (tmp_path / "master.m3u8").write_text(
            f"#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=100000\n{stranger}/vod.m3u8\n"
        )
        (tmp_path / "own.m3u8").write_text(f"#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=100000\n{other}/vod.m3u8\n")
        assert len(list(open_media(f"{site}/own.m3u8"))) == FRAMES
        with pytest.raises(DataError, match="certificate cannot be verified"):
            list(open_media(f"{site}/master.m3u8"))


@contextmanager
def tls_listener() -> Iterator[int]:
    """A server that completes the TLS handshake and closes; gives its port."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATE)
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer() -> None:
            with suppress(OSError):
                while True:
                    connection, _ = listener.accept()
                    with suppress(OSError), context.wrap_socket(connection, server_side=True):
                        pass

        threading.Thread(target=answer, daemon=True).start()
        yield listener.getsockname()[1]


def test_the_certificate_of_an_rtsps_server_is_verified(capsys: pytest.CaptureFixture[str]) -> None:
    with tls_listener() as port:
        address = f"rtsps://localhost:{port}/live"
        assert main(["detect", address]) == 3
        assert "certificate cannot be verified" in capsys.readouterr().err
        assert main(["detect", address, "--insecure"]) == 3
        assert "certificate" not in capsys.readouterr().err
