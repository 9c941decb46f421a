"""`open_media`: whatever a person names as a source -> pictures with number, time and size."""

import glob
import re
import sys
from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from rtmcli.errors import DataError, UsageError
from rtmcli.media import pictures
from rtmcli.media.ahead import Ahead
from rtmcli.media.video import Video

OnError = Literal["stop", "skip"]

# fmt: off
VIDEO_SUFFIXES = frozenset({
    ".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".gif", ".apng", ".ts", ".m2ts", ".mts", ".mpg",
    ".mpeg", ".wmv", ".flv", ".3gp", ".ogv", ".mxf", ".h264", ".h265", ".hevc", ".y4m",
})
# fmt: on
LIST_SUFFIXES = frozenset({".txt", ".lst", ".list"})


@dataclass(slots=True, eq=False)
class Picture:
    """Pixels of one frame.

    Attributes:
        image: (H, W, 3) uint8 BGR, upright.
        source: the source as the person gave it (a picture's own path).
        frame: number in the source, from 0.
        frames: how many the source declares, or None.
        time: presentation time in seconds; None for pictures.
        width, height: of `image`, in pixels.
        file: the picture's path where a folder is read as one clip.
    """

    image: np.ndarray
    source: str
    frame: int
    frames: int | None = None
    time: float | None = None
    width: int = 0
    height: int = 0
    file: str | None = None


class Media:
    """Iterable of `Picture`, decoded ahead in a thread of its own.

    Attributes:
        source: as given.
        total: how many pictures will come as far as that is known (for a progress bar), or None.
        fps: average frames a second of a video or clip, or None.
    """

    def __init__(self, source: str, *, total: int | None, fps: float | None, live: bool, make: Any) -> None:
        self.source, self.total, self.fps, self.live = source, total, fps, live
        self._make = make
        self._ahead: Ahead[Picture] | None = None

    def __iter__(self) -> Iterator[Picture]:
        self.close()
        ahead: Ahead[Picture] = Ahead(self._make(), depth=2 if self.live else 4, latest=self.live)
        self._ahead = ahead
        try:
            yield from ahead
        finally:
            ahead.close()

    def close(self) -> None:
        """Stop decoding and free the file."""
        if self._ahead is not None:
            self._ahead.close()
            self._ahead = None

    def __enter__(self) -> "Media":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


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
    """Open a picture, folder, glob, text file of paths, video, camera number, URL or `-` (stdin).

    Args:
        start, end: seconds, as the records' `time`; end is exclusive.
        every: take frames 0, N, 2N, ... of the source.
        max_frames: stop after so many pictures.
        on_error: "stop" raises at the first damage, "skip" leaves damaged frames and files out.
        fps: read a folder, glob or list of pictures as one clip of so many pictures a second.

    Raises:
        DataError: the source is missing, unreadable, empty or damaged.
        UsageError: options that do not go together.
    """
    name = str(source)
    files = _files_of(name)
    if files is None:
        return _open_video(name, start=start, end=end, every=every, max_frames=max_frames)
    if fps is not None:
        total = len(range(0, len(files), every))
        make: Any = lambda: _clip(name, files, fps, start, end, every, max_frames)  # noqa: E731
        return Media(name, total=total, fps=fps, live=False, make=make)
    make = lambda: _several(files, start, end, every, max_frames)  # noqa: E731
    only_pictures = all(Path(file).suffix.lower() in pictures.SUFFIXES for file in files)
    return Media(
        name,
        total=len(range(0, len(files), every)) if only_pictures else None,
        fps=None,
        live=False,
        make=make,
    )


def _files_of(name: str) -> list[str] | None:
    """The files a folder, glob, list or picture stands for; None for one video, camera, URL or stdin."""
    path = Path(name)
    if name == "-" or name.isdigit() or "://" in name:
        return None
    if path.is_dir():
        found = [
            str(file) for file in path.iterdir() if file.suffix.lower() in pictures.SUFFIXES | VIDEO_SUFFIXES
        ]
        if not found:
            raise DataError(f"{name}: no pictures in this folder")
        return sorted(found, key=natural)
    if not path.exists() and glob.has_magic(name):
        found = [file for file in glob.glob(name, recursive=True) if Path(file).is_file()]
        if not found:
            raise DataError(f"{name}: no file matches")
        return sorted(found, key=natural)
    if not path.exists():
        raise DataError(f"{name}: no such file or folder")
    if path.suffix.lower() in LIST_SUFFIXES:
        lines = [line.strip() for line in pictures.read_bytes(path).decode("utf-8", "replace").splitlines()]
        return [_beside(line, path) for line in lines if line and not line.startswith("#")]
    return [name] if path.suffix.lower() in pictures.SUFFIXES else None


def natural(name: str) -> list[tuple[int, int, str]]:
    """Sort key that puts `2.png` before `10.png`."""
    return [
        (0, int(part), "") if part.isdigit() else (1, 0, part) for part in re.split(r"(\d+)", name) if part
    ]


def _beside(line: str, listing: Path) -> str:
    return line if Path(line).exists() or not (listing.parent / line).exists() else str(listing.parent / line)


def _several(
    files: list[str], start: float | None, end: float | None, every: int, max_frames: int | None
) -> Generator[Picture, None, None]:
    left, count = max_frames, 0
    for file in files:
        if left == 0:
            return
        if Path(file).suffix.lower() in pictures.SUFFIXES:
            count += 1
            if (count - 1) % every:
                continue
            image = pictures.load_picture(file)
            yield Picture(image, file, 0, 1, None, image.shape[1], image.shape[0])
            left = None if left is None else left - 1
            continue
        with _open_video(file, start=start, end=end, every=every, max_frames=left) as media:
            for picture in media:
                yield picture
                left = None if left is None else left - 1


def _clip(
    name: str,
    files: list[str],
    fps: float,
    start: float | None,
    end: float | None,
    every: int,
    most: int | None,
) -> Generator[Picture, None, None]:
    for taken, index in enumerate(range(0, len(files), every)):
        time = index / fps
        if start is not None and time < start:
            continue
        if (end is not None and time >= end) or (most is not None and taken >= most):
            return
        image = pictures.load_picture(files[index])
        yield Picture(image, name, index, len(files), time, image.shape[1], image.shape[0], files[index])


def _open_video(
    name: str, *, start: float | None, end: float | None, every: int, max_frames: int | None
) -> Media:
    if name.isdigit():
        raise UsageError(f"camera {name}: cameras cannot be read yet")
    file: Any = sys.stdin.buffer if name == "-" else name
    video = Video(file, name)
    total = None
    if video.frames is not None and start is None and end is None:
        total = len(range(0, video.frames, every))
        total = total if max_frames is None else min(total, max_frames)

    def make() -> Generator[Picture, None, None]:
        with closing(video):
            for taken, (image, index, time) in enumerate(video.pictures(start=start, end=end, every=every)):
                if max_frames is not None and taken >= max_frames:
                    return
                yield Picture(image, name, index, video.frames, time, image.shape[1], image.shape[0])

    return Media(name, total=total, fps=video.fps, live=False, make=make)
