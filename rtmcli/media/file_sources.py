"""Image files, alone or several, and folders and lists that mix images and videos, as a source of pictures."""

import os
from collections.abc import Generator, Iterable, Iterator
from dataclasses import replace

import numpy as np

from rtmcli.errors import DataError, UsageError
from rtmcli.media.decode.video import Video
from rtmcli.media.frame_range import FrameRange
from rtmcli.media.frame_source import Media, OnError
from rtmcli.media.images import load_image
from rtmcli.media.source_names import is_image
from rtmcli.media.video_source import readable_path, video_pictures
from rtmcli.records.picture import Picture
from rtmcli.terminal.messages import say


def open_clip(name: str, files: list[str] | None, wanted: FrameRange, on_error: OnError, fps: float) -> Media:
    """Read the images among `files` as one clip of `fps` frames a second."""
    if not 0 < fps <= 1000:
        raise UsageError(f"--fps {fps:g}: must be above 0 and at most 1000")
    if files is None:
        raise UsageError(
            f"{name}: --fps reads a folder, glob or list of images as one clip; this is none of them"
        )
    images = [file for file in files if is_image(file)]
    if not images:
        raise DataError(f"{name}: no image in it to read as a clip")
    numbers = [
        number
        for number in range(0, len(images), wanted.every)
        if (wanted.start is None or number / fps >= wanted.start)
        and (wanted.end is None or number / fps < wanted.end)
    ][: wanted.max_frames]

    def pictures() -> Generator[Picture, None, None]:
        for number in numbers:
            image = _load(images[number], on_error, media)
            if image is not None:
                height, width = image.shape[:2]
                yield Picture(
                    image, name, number, len(images), number / fps, width, height, file=images[number]
                )

    media = Media(name, pictures(), total=len(numbers), fps=fps)
    return media


def open_files(name: str, files: list[str], wanted: FrameRange, on_error: OnError) -> Media:
    """Read images and videos one after the other, each a source of its own."""
    still = [is_image(file) if os.path.exists(file) else True for file in files]
    if all(still) and (wanted.start is not None or wanted.end is not None):
        raise UsageError(f"{name}: images have no time for --start and --end; read them as a clip with --fps")

    def pictures() -> Generator[Picture, None, None]:
        found: Iterable[Picture]
        left, images, came = wanted.max_frames, 0, 0
        for file, is_still in zip(files, still, strict=True):
            if is_still:
                images += 1
                if (images - 1) % wanted.every:
                    continue
                image = _load(file, on_error, media)
                found = () if image is None else (_still(image, file),)
            else:
                found = _video_frames(file, replace(wanted, max_frames=left), on_error, media)
            for picture in found:
                yield picture
                came, left = came + 1, None if left is None else left - 1
            if left == 0:
                return
        if not came:
            raise DataError(f"{name}: not one image in it can be read")

    total = wanted.at_most(len(range(0, len(files), wanted.every))) if all(still) else None
    media = Media(name, pictures(), total=total)
    return media


def _still(image: np.ndarray, file: str) -> Picture:
    height, width = image.shape[:2]
    return Picture(image, file, 0, 1, None, width, height)


def _load(file: str, on_error: OnError, media: Media) -> np.ndarray | None:
    """An image; None, reported and counted, where it is damaged and `on_error` is "skip"."""
    try:
        return load_image(file)
    except DataError as error:
        _skip_or_raise(error, on_error, media)
        return None


def _video_frames(file: str, wanted: FrameRange, on_error: OnError, media: Media) -> Iterator[Picture]:
    """The pictures of one video among several files."""
    try:
        video = Video(readable_path(file), file, stop=on_error == "stop")
    except DataError as error:
        _skip_or_raise(error, on_error, media)
        return
    yield from video_pictures(video, file, wanted, media)


def _skip_or_raise(error: DataError, on_error: OnError, media: Media) -> None:
    if on_error == "stop":
        raise error
    media.lost += 1
    reason = str(error).split(";")[0]  # without the remedy
    say(f"{reason}; skipped")
