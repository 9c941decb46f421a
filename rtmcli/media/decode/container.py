"""Opening a container with PyAV."""

import logging
from functools import cache
from typing import Any, BinaryIO

from rtmcli.credentials import hide_credentials
from rtmcli.errors import DataError
from rtmcli.media.connection import DEFAULT_CONNECTION, OPEN_SECONDS, Connection
from rtmcli.media.http import bad_certificate, tls_options
from rtmcli.media.names import is_address
from rtmcli.media.remote import RemoteFile
from rtmcli.media.secure_playlist import PLAYLIST_OPTIONS, playlist_opener

# Demuxers that turn any text into images.
_NOT_VIDEO = frozenset({"tty", "bin", "xbin", "idf", "adf"})


def open_container(
    file: str | BinaryIO | RemoteFile,
    name: str,
    *,
    connection: Connection = DEFAULT_CONNECTION,
    open_seconds: float = OPEN_SECONDS,
    format_name: str | None = None,
) -> Any:
    """Open a path, an address, a binary stream or a remote file. Raises DataError where it is not a video.

    Args:
        connection, open_seconds: limits for an address.
        format_name: the demuxer, where it is known.
    """
    import av

    _silence_libav()
    remote = isinstance(file, str) and is_address(file)
    # Without a protocol's name libav takes what stands before a colon for one, as in `2026-11-26T10:20:30.mp4`.
    target = f"file:{file}" if isinstance(file, str) and not remote else file
    if isinstance(target, RemoteFile):
        target = target.open()
    arguments: dict[str, Any] = {"format": format_name}
    if isinstance(file, str):
        arguments["options"] = _options(file, connection)
    elif format_name is not None:
        # A stream of images: nothing is to be learned from looking at many of them before the first is shown.
        arguments["options"] = {"fpsprobesize": "0", "analyzeduration": "1"}
    if isinstance(file, str) and remote:
        arguments["timeout"] = (open_seconds, connection.stall_of(file))
        if file.lower().partition("?")[0].endswith(".m3u8"):
            arguments = _with_verified_parts(arguments, file, name, connection)
    try:
        container = av.open(target, **arguments)
        if isinstance(file, str) and remote and container.format.name == "hls" and "io_open" not in arguments:
            verified = _with_verified_parts(arguments, file, name, connection)
            if verified is not arguments:
                container.close()
                container = av.open(target, **verified)
    except (av.error.FFmpegError, ValueError) as error:
        raise _unreadable(error, name, remote=remote) from None
    if container.format.name in _NOT_VIDEO:
        container.close()
        raise DataError(f"{name}: text, not a video or image; a list of paths ends in .txt")
    return container


def _with_verified_parts(
    arguments: dict[str, Any], file: str, name: str, connection: Connection
) -> dict[str, Any]:
    """Arguments for a playlist of HLS: over https all that it names is fetched with verified certificates."""
    if connection.insecure or not file.lower().startswith("https:"):
        return arguments
    opener = playlist_opener(name, timeout=connection.stall_of(file))
    return {
        **arguments, "format": "hls", "options": arguments["options"] | PLAYLIST_OPTIONS, "io_open": opener,
    }  # fmt: skip


def _unreadable(error: Exception, name: str, *, remote: bool) -> DataError:
    log = getattr(error, "log", None)
    detail = log[2].strip() if log else getattr(error, "strerror", None) or str(error)
    detail = hide_credentials(detail)
    if "moov atom not found" in detail:
        return DataError(
            f"{name}: truncated, or its recording was never finished: the index (moov) of the mp4 is missing"
        )
    if remote and "certificate" in detail.lower():
        return bad_certificate(name, detail)
    if remote:
        return DataError(f"{name}: cannot be opened ({detail}); check the address")
    if name.endswith((".jsonl", ".ndjson", ".json")):
        return DataError(f"{name}: records or labels, not pixels; pass records on standard input: < {name}")
    return DataError(f"{name}: not a video or image that can be read ({detail})")


def _options(file: str, connection: Connection) -> dict[str, str]:
    """Options of demuxers and protocols; each ignores those of the others."""
    # A live playlist is read from its newest segment on, not from the third last.
    options = {"live_start_index": "-1"}
    if file.lower().startswith("rtsp"):
        options["rtsp_transport"] = "tcp"
    if file.lower().startswith(("https", "rtsps", "rtmps", "tls")):
        options |= tls_options(insecure=connection.insecure)
    if file.lower().startswith("rtmp"):
        # Its first packets hold the codec's parameters. FFmpeg would wait five seconds for a sound track.
        options["analyzeduration"] = "1000000"
    if file.lower().startswith("udp"):
        # Packets that nobody took in time are lost; it is no error that ends the stream.
        options["overrun_nonfatal"] = "1"
    return options


def tagged_seconds(stream: Any) -> float | None:
    """The duration of one stream in Matroska's statistics tag, `00:00:05.040000000`, or None."""
    try:
        hours, minutes, seconds = stream.metadata["DURATION"].split(":")
        return int(hours) * 3600 + int(minutes) * 60 + float(seconds)
    except (KeyError, ValueError):
        return None


@cache
def decode_failures() -> tuple[type[Exception], ...]:
    """What PyAV raises on damaged data (IndexError where a stream appears that was not there at the beginning)."""
    import av

    return (av.error.FFmpegError, IndexError)


@cache
def _silence_libav() -> None:
    """Capture libav's messages and print them nowhere else."""
    import av

    av.logging.set_level(av.logging.ERROR)
    av.logging.set_skip_repeated(False)
    logging.getLogger("libav").setLevel(logging.CRITICAL + 1)
