"""Which opened containers are live: those of streams that have no end."""

from typing import Any

from rtmcli.media.dash import DashStream
from rtmcli.media.http_video import WebStream
from rtmcli.media.names import is_address

# The demuxer of playlists, which name the segments of a stream.
_PLAYLIST = "hls"
# Formats without timestamps, for which the demuxer invents a frame rate.
_UNTIMED = frozenset({"mpjpeg", "mjpeg", "h264", "hevc", "m4v", "mpegvideo", "vvc"})
# Formats of files that declare no duration.
_FILES = frozenset({"gif", "apng"})


def is_endless(container: Any, file: object) -> bool:
    """Whether a container has no end: no duration, and of an address no size either.

    A playlist has a duration once its end is in it. A video without duration whose server states its size is a file. An
    image is none of both, and a pipe waits for its reader.
    """
    format_name = container.format.name
    if isinstance(file, DashStream):
        return file.live
    if container.duration:
        return False
    if format_name == _PLAYLIST:
        return True
    if format_name in _FILES or format_name.endswith("_pipe"):
        return False
    return isinstance(file, WebStream) or (isinstance(file, str) and is_address(file) and container.size <= 0)


def has_segments(container: Any, file: object) -> bool:
    """Whether a stream comes in segments, a burst of frames each."""
    return container.format.name == _PLAYLIST or isinstance(file, DashStream)


def has_timestamps(container: Any) -> bool:
    """Whether the frames of a container have times of their own."""
    return container.format.name not in _UNTIMED
