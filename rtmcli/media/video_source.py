"""One video file, pipe, address or camera as a source of pictures."""

import os
import stat
from collections.abc import Callable, Generator
from functools import partial
from typing import BinaryIO

from rtmcli.errors import DataError, UsageError
from rtmcli.media.camera import Camera
from rtmcli.media.connection import DEFAULT_CONNECTION, OPEN_SECONDS, PLAYLIST_SUFFIXES, Connection
from rtmcli.media.dash import DashStream
from rtmcli.media.decode.video import Video
from rtmcli.media.frame_range import FrameRange
from rtmcli.media.frame_source import Media, OnError
from rtmcli.media.http_video import copy_if_needed, has_suffix, open_endless
from rtmcli.media.images import unreadable
from rtmcli.media.interruptible import interruptible
from rtmcli.media.live import LiveSource
from rtmcli.media.names import file_path, is_address, record_name
from rtmcli.media.remote import RemoteFile, is_remote
from rtmcli.media.source_names import DEMO, VIDEO_SUFFIXES, camera_number, is_demo, is_live, may_be_live
from rtmcli.records.picture import Picture
from rtmcli.terminal.messages import say

# Addresses that end so hold what their suffix says.
_OPENED_AS_THEY_ARE = (VIDEO_SUFFIXES - {".mjpeg", ".mjpg"}) | frozenset(PLAYLIST_SUFFIXES)

# Opens a source within so many seconds.
_Opens = Callable[[float], Video | Camera]


def open_video(
    name: str,
    wanted: FrameRange,
    on_error: OnError,
    *,
    stream: int | None,
    pipe: BinaryIO | None,
    connection: Connection = DEFAULT_CONNECTION,
    patient: bool = False,
) -> Media:
    """Open a video file, an address, a camera number or `demo`; or what comes through a pipe.

    Args:
        name: as in records.
        stream: the video stream to read, as ffprobe counts; None for the one that ffmpeg would take.
        pipe: standard input or a named pipe, ready for a demuxer.
        patient: a live source that cannot be opened is treated as one that was lost: it is opened again while its
            pictures are asked for.
    """
    opens = _opener(name, on_error, stream=stream, pipe=pipe, connection=connection)
    again = None if pipe is not None else opens
    try:
        # A server that does not answer must not delay Ctrl-C.
        video = interruptible(partial(opens, OPEN_SECONDS)) if is_address(name) else opens(OPEN_SECONDS)
    except DataError as error:
        if not (patient and connection.reconnect and may_be_live(name, connection)):
            raise
        say(f"{error}; the other sources go on, and it is opened again, {connection.patience}")
        waiting = LiveSource(name, again, wanted, connection, first=None, failure=error)
        return _live_media(waiting, wanted)
    if video.live:
        return _live_media(LiveSource(name, again, wanted, connection, first=video), wanted, video)

    assert isinstance(video, Video)  # a camera is live
    file = video

    def pictures() -> Generator[Picture, None, None]:
        yield from video_pictures(file, name, wanted, media)

    total = wanted.total(file.frames)
    media = Media(name, pictures(), total=total, fps=file.fps, close=file.close)
    return media


def _opener(
    name: str, on_error: OnError, *, stream: int | None, pipe: BinaryIO | None, connection: Connection
) -> _Opens:
    """What opens a source by its name; it may be called again, but for a pipe."""
    stop, live = on_error == "stop", connection.live or is_live(name)
    camera = camera_number(name)

    def video(
        file: str | BinaryIO | RemoteFile,
        shown: str,
        seconds: float,
        *,
        live: bool = False,
        format_name: str | None = None,
    ) -> Video:
        return Video(
            file, shown, stop=stop, live=live, stream=stream, connection=connection, open_seconds=seconds,
            format_name=format_name,
        )  # fmt: skip

    if pipe is not None:
        return partial(video, pipe, "standard input" if name == "-" else name, live=connection.live)
    if camera is not None:
        if stream is not None:
            raise UsageError(f"--stream {stream}: a camera has one stream; leave it out")
        return lambda seconds: Camera(camera)
    if is_remote(name):
        return partial(video, RemoteFile(name), name)
    if name.lower().startswith(("http://", "https://")) and is_address(name):
        return partial(_open_http, partial(video, shown=name, live=live), file_path(name), connection)
    if is_address(name):
        return partial(video, file_path(name), name, live=live)
    path = str(DEMO) if is_demo(name) else readable_path(file_path(name))
    return partial(video, path, name)


def _open_http(opens: Callable[..., Video], address: str, connection: Connection, seconds: float) -> Video:
    """A video or stream of a web server, which may need help that other protocols do not."""
    insecure, stall = connection.insecure, connection.stall_of(address)
    if has_suffix(address, frozenset({".mpd"})):
        dash = DashStream(address, record_name(address), insecure=insecure, stall=stall)
        if dash.file is None:
            return opens(dash, seconds=seconds)
        address = dash.file
    if not has_suffix(address, _OPENED_AS_THEY_ARE):
        stream = open_endless(address, insecure=insecure, stall=stall)
        if stream is not None:
            return opens(stream[0], seconds=seconds, format_name=stream[1])
    found = opens(address, seconds=seconds)
    if found.live or not found.format_name.startswith("mov,"):
        return found
    try:
        copy = copy_if_needed(address, insecure=insecure)
    except DataError:
        found.close()
        raise
    if copy is None:
        return found
    found.close()
    return opens(copy, seconds=seconds)


def _live_media(source: LiveSource, wanted: FrameRange, video: Video | Camera | None = None) -> Media:
    if video is not None and video.note is not None:
        say(f"{source.name}: {video.note}")
    # Without timestamps the demuxer invents a rate.
    fps = video.fps if video is not None and (video.timed or isinstance(video, Camera)) else None
    return Media(
        source.name, source.pictures(), fps=fps, live=True, live_source=source, max_frames=wanted.max_frames,
        close=source.close,
    )  # fmt: skip


def video_pictures(
    video: Video, name: str, wanted: FrameRange, media: Media
) -> Generator[Picture, None, None]:
    """A video's pictures; the video is closed at the end, in the thread that decodes.

    Args:
        media: counts what is lost.
    """
    taken, lost = 0, media.lost
    if video.note is not None:
        say(f"{name}: {video.note}")
    try:
        for image, number, time in video.pictures(
            start=wanted.start, end=wanted.end, every=wanted.every, keyframes=wanted.keyframes
        ):
            media.lost = lost + video.lost
            height, width = image.shape[:2]
            yield Picture(image, name, number, video.frames, time, width, height, stream=video.chosen_stream)
            taken += 1
            if taken == wanted.max_frames:
                return
        media.lost = lost + video.lost
        if video.truncated is not None:
            say(f"{name}: {video.truncated}")
        if not taken and wanted.start:
            raise UsageError(f"{name}: no frame at or after --start {wanted.start:g}; it ends before")
    finally:
        video.close()


def readable_path(path: str) -> str:
    """The path, if it is a file that can be read; DataError says why not."""
    try:
        mode = os.stat(path).st_mode
        if stat.S_ISREG(mode):
            with open(path, "rb") as stream:
                if not stream.read(1):
                    raise DataError(f"{record_name(path)}: the file is empty")
    except OSError as error:
        raise unreadable(path, error) from None
    return path
