"""`open_media`: whatever a user names as a source -> pictures with number, time and size."""

import os
import stat
from pathlib import Path
from urllib.parse import urlsplit

from rtmcli.errors import UsageError
from rtmcli.media.connection import DEFAULT_CONNECTION, Connection
from rtmcli.media.expand import is_camera_list
from rtmcli.media.file_sources import open_clip, open_files, open_frames
from rtmcli.media.frame_range import FrameRange
from rtmcli.media.frame_source import Media, OnError
from rtmcli.media.http import fetch_bytes
from rtmcli.media.images import read_bytes
from rtmcli.media.names import file_path, is_address, record_name
from rtmcli.media.remote import is_remote
from rtmcli.media.source_names import camera_number, files_of, is_demo, kind_of_file
from rtmcli.media.stdin import read_pipe
from rtmcli.media.video_source import open_video, readable_path
from rtmcli.records.line_io import standard_input


def open_media(
    source: str | Path,
    *,
    start: float | None = None,
    end: float | None = None,
    every: int = 1,
    max_frames: int | None = None,
    on_error: OnError = "stop",
    fps: float | None = None,
    stream: int | None = None,
    live: bool = False,
    reconnect: float = DEFAULT_CONNECTION.reconnect,
    stall: float = DEFAULT_CONNECTION.stall,
    insecure: bool = False,
    patient: bool = False,
) -> Media:
    """Open an image, folder, glob, text file of paths, video, camera number, URL, `-` (stdin) or `demo`.

    Args:
        start, end: seconds, as the records' `time`; `end` is exclusive.
        every: take frames 0, N, 2N, ... of each source (of a folder's images: every N-th).
        max_frames: stop after so many frames of each source; the images of a folder count as one source.
        on_error: "stop" raises at the first damage, after the frames before it; "skip" leaves damaged frames and files
            out.
        fps: read a folder, glob or list of images as one clip of so many frames a second.
        stream: the video stream to read, counted among all streams of the file as ffprobe does; by default the one that
            ffmpeg would take: a default stream before others, then the largest, never a cover image.
        live: read an address or standard input as live, whatever it is: newest picture first. Sources without a length
            are live by themselves.
        reconnect: seconds in which a live source that was lost has to be back; 0: it is not opened again.
        stall: seconds without data after which a source is lost.
        insecure: accept any certificate of servers (https, rtsps).
        patient: do not raise where a live source cannot be opened at first, but treat it as one that was lost.

    Raises:
        DataError: the source is missing, unreadable, empty or damaged.
        MissingError: there is no such camera.
        UsageError: options that do not go together.
        StreamEndedError: while pictures are read, a live source was lost and did not come back.

    Example:
        from rtmcli import open_media

        for picture in open_media("walk.mp4", every=2):
            print(picture.frame, picture.time, picture.image.shape)
    """
    wanted = FrameRange(start, end, every, max_frames)
    connection = Connection(live=live, reconnect=reconnect, stall=stall, insecure=insecure)
    if not str(source):
        raise UsageError("the source is empty; name an image, folder, video, camera number, URL or -")
    name, path = record_name(str(source)), file_path(str(source))
    if is_camera_list(Path(path)):
        raise UsageError(f"{name} lists several sources; open each one of expand_sources(['{name}'])")
    files = files_of(path)
    is_pipe = files is None and (name == "-" or _is_pipe(path))
    if live and not (is_pipe or is_address(name) or camera_number(name) is not None):
        raise UsageError(f"--live: {name} is a file, of which every frame is read; leave --live out")
    if fps is not None:
        return open_clip(name, files, wanted, on_error, fps)
    if is_pipe:
        return _open_pipe(name, path, wanted, on_error, stream, connection)
    if files is None and is_remote(name) and kind_of_file(name) != "video":
        return open_frames(name, read_bytes(name), wanted, on_error)
    if is_address(name) and _names_several(name):
        return open_frames(name, fetch_bytes(name, insecure=insecure), wanted, on_error)
    if files is None and not _is_path(name):
        return open_video(
            name, wanted, on_error, stream=stream, pipe=None, connection=connection, patient=patient
        )
    kind = kind_of_file(readable_path(path)) if files is None else None
    if kind == "video":
        return open_video(name, wanted, on_error, stream=stream, pipe=None)
    if stream is not None:
        raise UsageError(f"--stream {stream} chooses a stream of one video; {name} is not one")
    if kind == "frames":
        return open_frames(name, read_bytes(path), wanted, on_error)
    if files is None:
        return open_files(name, [path], wanted, on_error, alone=True)
    return open_files(name, files, wanted, on_error)


def _open_pipe(
    name: str, path: str, wanted: FrameRange, on_error: OnError, stream: int | None, connection: Connection
) -> Media:
    """Open standard input or a named pipe, which hold a video, a stream of images, or an image."""
    # The demuxer closes a named pipe when it drops it.
    pipe = standard_input("a video") if name == "-" else open(path, "rb")  # noqa: SIM115  as above
    content = read_pipe(pipe)
    if isinstance(content, bytes):
        return open_frames(name, content, wanted, on_error)
    return open_video(name, wanted, on_error, stream=stream, pipe=content, connection=connection)


def _names_several(address: str) -> bool:
    """Whether an address is that of a TIFF or WebP, which may hold several images."""
    parts = urlsplit(address)
    return parts.scheme in ("http", "https") and parts.path.lower().endswith((".tif", ".tiff", ".webp"))


def _is_path(name: str) -> bool:
    """Whether a name is a path, not an address, the demo or a camera."""
    return not (is_address(name) or is_demo(name) or camera_number(name) is not None)


def _is_pipe(path: str) -> bool:
    """Whether a path is a named pipe or a process substitution."""
    return os.path.exists(path) and stat.S_ISFIFO(os.stat(path).st_mode)
