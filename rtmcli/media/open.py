"""`open_media`: whatever a person names as a source -> pictures with number, time and size."""

import os
import stat
from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from rtmcli.errors import DataError, UsageError
from rtmcli.media import source_names, stdin
from rtmcli.media.camera import Camera
from rtmcli.media.decode.video import Video
from rtmcli.media.frame_source import Media, Picture
from rtmcli.media.images import load_picture, unreadable
from rtmcli.records.line_io import standard_input
from rtmcli.terminal.messages import say

OnError = Literal["stop", "skip"]


@dataclass(frozen=True, slots=True)
class Window:
    """Which frames of a source are wanted: between two times in seconds, every n-th, at most so many."""

    start: float | None = None
    end: float | None = None
    every: int = 1
    most: int | None = None

    def __post_init__(self) -> None:
        if self.every < 1:
            raise UsageError(f"--every {self.every}: must be 1 or more")
        if self.most is not None and self.most < 1:
            raise UsageError(f"--max-frames {self.most}: must be 1 or more")
        if self.end is not None and self.end <= (self.start or 0):
            raise UsageError(f"--end {self.end:g}: must be later than --start {self.start or 0:g}")


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
    """Open a picture, folder, glob, text file of paths, video, camera number, URL, `-` (stdin) or `demo`.

    Args:
        start, end: seconds, as the records' `time`; `end` is exclusive.
        every: take frames 0, N, 2N, ... of each source (of a folder's pictures: every N-th).
        max_frames: stop after so many pictures.
        on_error: "stop" raises at the first damage, after the frames before it; "skip" leaves damaged frames and files
            out.
        fps: read a folder, glob or list of pictures as one clip of so many pictures a second.

    Raises:
        DataError: the source is missing, unreadable, empty or damaged.
        MissingError: there is no such camera.
        UsageError: options that do not go together.
    """
    name, window = str(source), Window(start, end, every, max_frames)
    if not name:
        raise UsageError("the source is empty; name a picture, folder, video, camera number, URL or -")
    files = source_names.files_of(name)
    if fps is not None:
        return _open_clip(name, files, window, on_error, fps)
    if files is not None:
        return _open_files(name, files, window, on_error)
    if not _is_stream(name) and source_names.is_picture(name):
        return _open_files(name, [name], window, "stop")
    return _open_video(name, window, on_error)


def _open_clip(name: str, files: list[str] | None, window: Window, on_error: OnError, fps: float) -> Media:
    if not 0 < fps <= 1000:
        raise UsageError(f"--fps {fps:g}: must be above 0 and at most 1000")
    if files is None:
        raise UsageError(
            f"{name}: --fps reads a folder, glob or list of pictures as one clip; this is not one"
        )
    shots = [file for file in files if source_names.is_picture(file)]
    if not shots:
        raise DataError(f"{name}: no picture in it to read as a clip")
    wanted = [
        index
        for index in range(0, len(shots), window.every)
        if (window.start is None or index / fps >= window.start)
        and (window.end is None or index / fps < window.end)
    ][: window.most]

    def pictures() -> Generator[Picture, None, None]:
        for index in wanted:
            image = _load(shots[index], on_error, media)
            if image is not None:
                height, width = image.shape[:2]
                yield Picture(image, name, index, len(shots), index / fps, width, height, shots[index])

    media = Media(name, pictures(), total=len(wanted), fps=fps)
    return media


def _open_files(name: str, files: list[str], window: Window, on_error: OnError) -> Media:
    still = [source_names.is_picture(file) if os.path.exists(file) else True for file in files]
    if all(still) and (window.start is not None or window.end is not None):
        raise UsageError(
            f"{name}: pictures have no time for --start and --end; read them as a clip with --fps"
        )

    def pictures() -> Generator[Picture, None, None]:
        found: Iterable[Picture]
        left, seen, came = window.most, 0, 0
        for file, is_still in zip(files, still, strict=True):
            if is_still:
                seen += 1
                if (seen - 1) % window.every:
                    continue
                image = _load(file, on_error, media)
                found = () if image is None else (_still(image, file),)
            else:
                found = _frames(file, Window(window.start, window.end, window.every, left), on_error, media)
            for picture in found:
                yield picture
                came, left = came + 1, None if left is None else left - 1
            if left == 0:
                return
        if not came:
            raise DataError(f"{name}: not one picture in it can be read")

    total = len(range(0, len(files), window.every)) if all(still) else None
    media = Media(name, pictures(), total=_at_most(total, window.most))
    return media


def _still(image: np.ndarray, file: str) -> Picture:
    height, width = image.shape[:2]
    return Picture(image, file, 0, 1, None, width, height)


def _load(file: str, on_error: OnError, media: Media) -> np.ndarray | None:
    try:
        return load_picture(file)
    except DataError as error:
        if on_error == "stop":
            raise
        media.lost += 1
        say(_left_out(error))
        return None


def _frames(file: str, window: Window, on_error: OnError, media: Media) -> Iterator[Picture]:
    """The pictures of one video among several files."""
    try:
        video = Video(_path(file), file, stop=on_error == "stop")
    except DataError as error:
        if on_error == "stop":
            raise
        media.lost += 1
        say(_left_out(error))
        return
    yield from _numbered(video, file, window, media)


def _open_video(name: str, window: Window, on_error: OnError) -> Media:
    number, live = source_names.camera_number(name), source_names.is_live(name)
    video: Video | Camera
    if number is not None:
        video, live = Camera(number), True
    elif name == "-":
        video = Video(stdin.readable(standard_input("a video")), "standard input", stop=on_error == "stop")
    elif "://" in name:
        video = Video(name, name, stop=on_error == "stop", live=live)
    else:
        path = str(source_names.DEMO) if source_names.is_demo(name) else _path(name)
        if stat.S_ISREG(os.stat(path).st_mode):
            video = Video(path, name, stop=on_error == "stop")
        else:  # a named pipe, a process substitution
            video = Video(stdin.readable(open(path, "rb")), name, stop=on_error == "stop")  # noqa: SIM115

    def pictures() -> Generator[Picture, None, None]:
        yield from _numbered(video, name, window, media)

    total = None
    if video.frames is not None and window.start is None and window.end is None:
        total = len(range(0, video.frames, window.every))
    media = Media(
        name, pictures(), total=_at_most(total, window.most), fps=video.fps, live=live, close=video.close
    )
    return media


def _numbered(
    video: Video | Camera, name: str, window: Window, media: Media
) -> Generator[Picture, None, None]:
    """A video's pictures; the video is closed at the end, in the thread that decodes."""
    taken, lost = 0, media.lost
    try:
        for image, number, time in video.pictures(start=window.start, end=window.end, every=window.every):
            media.lost = lost + video.lost
            yield Picture(image, name, number, video.frames, time, image.shape[1], image.shape[0])
            taken += 1
            if taken == window.most:
                return
        media.lost = lost + video.lost
        if video.shortfall is not None:
            say(f"{name}: {video.shortfall}")
        if not taken and window.start:
            raise UsageError(f"{name}: no frame at or after --start {window.start:g}; it ends before")
    finally:
        video.close()


def _is_stream(name: str) -> bool:
    """Whether a name is something other than a file in a folder."""
    if (
        name == "-"
        or "://" in name
        or source_names.is_demo(name)
        or source_names.camera_number(name) is not None
    ):
        return True
    _path(name)
    return False


def _path(name: str) -> str:
    """The name, if it is a file that can be read; DataError says why not."""
    try:
        mode = os.stat(name).st_mode
        if stat.S_ISREG(mode):
            with open(name, "rb") as stream:
                if not stream.read(1):
                    raise DataError(f"{name}: the file is empty")
    except OSError as error:
        raise unreadable(name, error) from None
    return name


def _at_most(total: int | None, most: int | None) -> int | None:
    return total if total is None or most is None else min(total, most)


def _left_out(error: DataError) -> str:
    """What a skipped file is reported with: the reason, without the remedy."""
    return f"{str(error).split(';')[0]}; left out"
