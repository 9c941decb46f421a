"""Opening a container, choosing its video stream, and how much it declares to hold."""

import logging
from functools import cache
from typing import Any, BinaryIO

from rtmcli.errors import DataError

# Containers that store their duration (that of MPEG streams is estimated from the bit rate).
_DECLARE_DURATION = frozenset({"matroska,webm", "flv", "avi", "asf"})
# Demuxers that turn any text into images.
_NOT_VIDEO = frozenset({"tty", "bin", "xbin", "idf", "adf"})


def open_container(file: str | BinaryIO, name: str) -> Any:
    """Open a file, address or binary stream with PyAV. Raises DataError where it is not a video."""
    import av

    _silence_libav()
    remote = isinstance(file, str) and "://" in file
    options = {"rtsp_transport": "tcp"} if isinstance(file, str) and file.startswith("rtsp") else {}
    try:
        container = av.open(file, options=options, timeout=(15.0, 15.0) if remote else None)
    except (av.error.FFmpegError, ValueError) as error:
        log = getattr(error, "log", None)
        detail = log[2].strip() if log else getattr(error, "strerror", None) or str(error)
        if "moov atom not found" in detail:
            raise DataError(
                f"{name}: truncated, or its recording was never finished: the index (moov) of the mp4 is missing"
            ) from None
        if remote:
            raise DataError(f"{name}: cannot be opened ({detail}); check the address") from None
        if name.endswith((".jsonl", ".ndjson", ".json")):
            raise DataError(
                f"{name}: records or labels, not pixels; pass records on standard input: < {name}"
            ) from None
        raise DataError(f"{name}: not a video or image that can be read ({detail})") from None
    if container.format.name in _NOT_VIDEO:
        container.close()
        raise DataError(f"{name}: text, not a video or image; a list of paths ends in .txt")
    return container


def video_stream(container: Any, name: str) -> Any:
    """The first video stream that is not a cover image. Raises DataError where there is none."""
    from av.stream import Disposition

    streams = container.streams.video
    stream = next((s for s in streams if not s.disposition & Disposition.attached_pic), None)
    if stream is None:
        raise DataError(f"{name}: there is no video in it")
    if stream.codec_context is None:
        raise DataError(f"{name}: no decoder for its video codec, or the header is damaged")
    return stream


def declared_frames(container: Any, stream: Any) -> int | None:
    """Frames that will be shown, as far as the container says: an edit list may hide some of those it stores."""
    if not stream.frames:
        return None
    entries = stream.index_entries
    if len(entries) == stream.frames:
        return sum(not entry.is_discard for entry in entries) or None
    result: int | None = stream.frames
    return result


def declared_seconds(container: Any, stream: Any) -> float | None:
    """When the video ends, as the container declares it; None where the container does not store it."""
    if container.format.name not in _DECLARE_DURATION or not container.duration:
        return None
    length = container.duration / 1e6 + max(0.0, (container.start_time or 0) / 1e6)
    text = stream.metadata.get("DURATION")  # Matroska's statistics tag for this stream: 00:00:05.040000000
    if text and text.count(":") == 2:
        hours, minutes, seconds = text.split(":")
        result: float | None = min(length, int(hours) * 3600 + int(minutes) * 60 + float(seconds))
        return result
    # Sound may go on after the last frame.
    return length if len(container.streams) == 1 else None


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
