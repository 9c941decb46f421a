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

from rtmcli import Frame, write_frames
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
    source = write_clip(folder / "a.ts", FRAMES)
    copy_stream(source, folder / "vod.m3u8", kind="hls", options={"hls_playlist_type": "vod"})
    return folder


def copy_stream(source: Path, target: Path, *, kind: str, options: dict[str, str]) -> None:
    with av.open(str(source)) as given:
        video = given.streams.video[0]
        with av.open(str(target), "w", format=kind, options=options) as out:
            copied = out.add_stream_from_template(video)
            for packet in given.demux(video):
                if packet.dts is not None:
                    packet.stream = copied
                    out.mux(packet)


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


@pytest.mark.parametrize("key_host", ["localhost", "127.0.0.1"])
def test_the_server_of_an_encrypted_playlists_key_is_verified_too(
    folder: Path, trusted: None, tmp_path: Path, key_host: str
) -> None:
    with serve(tmp_path, tls=True) as site:
        (tmp_path / "key").write_bytes(b"sixteen bytes ..")
        key_site = site.replace("localhost", key_host)
        (tmp_path / "info").write_text(f"{key_site}/key\n{tmp_path}/key\n")
        options = {"hls_playlist_type": "vod", "hls_key_info_file": str(tmp_path / "info")}
        copy_stream(folder / "a.ts", tmp_path / "vod.m3u8", kind="hls", options=options)
        assert b"G@" not in (tmp_path / "vod0.ts").read_bytes()[:2]
        # The certificate is trusted under the name localhost alone.
        if key_host == "localhost":
            assert len(list(open_media(f"{site}/vod.m3u8"))) == FRAMES
        else:
            with pytest.raises(DataError, match="certificate cannot be verified"):
                open_media(f"{site}/vod.m3u8")
        assert len(list(open_media(f"{site}/vod.m3u8", insecure=True))) == FRAMES


@pytest.mark.parametrize(
    "command", [["draw", "-o", "out.png"], ["view", "--embed", "-o", "out.html"], ["pose"]]
)
def test_verbs_that_find_the_images_of_records_take_insecure(
    folder: Path,
    command: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    with serve(folder, tls=True) as site:
        write_frames([Frame(f"{site}/still.webp", 0, 1)], "in.jsonl")

        def run(*options: str) -> int:
            with open("in.jsonl") as records:
                monkeypatch.setattr("sys.stdin", records)
                return main([*command, *options])

        assert run() == 3
        assert "certificate cannot be verified" in capfd.readouterr().err
        assert run("--insecure") == 0


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
