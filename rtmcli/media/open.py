"""`open_media`: whatever a user names as a source -> pictures with number, time and size."""

from pathlib import Path

from rtmcli.errors import UsageError
from rtmcli.media.file_sources import open_clip, open_files
from rtmcli.media.frame_range import FrameRange
from rtmcli.media.frame_source import Media, OnError
from rtmcli.media.source_names import camera_number, files_of, is_demo, is_image
from rtmcli.media.video_source import open_video, readable_path


def open_media(
    source: str | Path,
    *,
    start: float | None = None,
    end: float | None = None,
    every: int = 1,
    max_frames: int | None = None,
    on_error: OnError = "stop",
    fps: float | None = None,
) -> Media:
    """Open an image, folder, glob, text file of paths, video, camera number, URL, `-` (stdin) or `demo`.

    Args:
        start, end: seconds, as the records' `time`; `end` is exclusive.
        every: take frames 0, N, 2N, ... of each source (of a folder's images: every N-th).
        max_frames: stop after so many pictures.
        on_error: "stop" raises at the first damage, after the frames before it; "skip" leaves damaged frames and files
            out.
        fps: read a folder, glob or list of images as one clip of so many frames a second.

    Raises:
        DataError: the source is missing, unreadable, empty or damaged.
        MissingError: there is no such camera.
        UsageError: options that do not go together.

    Example:
        from rtmcli import open_media

        for picture in open_media("walk.mp4", every=2):
            print(picture.frame, picture.time, picture.image.shape)
    """
    name, wanted = str(source), FrameRange(start, end, every, max_frames)
    if not name:
        raise UsageError("the source is empty; name an image, folder, video, camera number, URL or -")
    files = files_of(name)
    if fps is not None:
        return open_clip(name, files, wanted, on_error, fps)
    if files is not None:
        return open_files(name, files, wanted, on_error)
    if _is_file(name) and is_image(readable_path(name)):
        return open_files(name, [name], wanted, "stop")
    return open_video(name, wanted, on_error)


def _is_file(name: str) -> bool:
    """Whether a name is a path, not standard input, an address, the demo or a camera."""
    return not (name == "-" or "://" in name or is_demo(name) or camera_number(name) is not None)
