"""Image files, alone or several, and folders and lists that mix images and videos, as a source of pictures."""

from collections.abc import Generator, Iterable, Iterator

from rtmcli.arrays import Image
from rtmcli.errors import DataError, UsageError
from rtmcli.media.decode.video import Video
from rtmcli.media.frame_range import FrameRange
from rtmcli.media.frame_source import Media, OnError
from rtmcli.media.image_frames import Kind, decode_frames, frame_times
from rtmcli.media.images import load_image, read_bytes
from rtmcli.media.names import record_name
from rtmcli.media.remote import RemoteFile, is_remote
from rtmcli.media.source_names import kind_of_file
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
    images = [file for file in files if _kind(file) == "image"]
    if not images:
        raise DataError(f"{name}: no image in it to read as a clip")
    numbers = wanted.numbers([number / fps for number in range(len(images))])

    def pictures() -> Generator[Picture, None, None]:
        for number in numbers:
            image = _load(images[number], on_error, media)
            if image is not None:
                time, file = number / fps, record_name(images[number])
                yield _picture(image, name, number, len(images), time, file=file)

    media = Media(name, pictures(), total=len(numbers), fps=fps)
    return media


def open_files(
    name: str, files: list[str], wanted: FrameRange, on_error: OnError, *, alone: bool = False
) -> Media:
    """Read images and videos one after the other, each a source of its own.

    Of the images together every N-th and at most `max_frames` are read; a video has frames of its own to count.
    With `alone`, one image that is no part of a folder or list: skipping it leaves nothing, which is no error.
    """
    kinds = [_kind(file) for file in files]
    stills = kinds.count("image") == len(files)
    if stills and (wanted.start is not None or wanted.end is not None):
        raise UsageError(f"{name}: images have no time for --start and --end; read them as a clip with --fps")

    def pictures() -> Generator[Picture, None, None]:
        found: Iterable[Picture]
        images, taken, came = 0, 0, 0
        for file, kind in zip(files, kinds, strict=True):
            if kind == "image":
                images += 1
                if (images - 1) % wanted.every or taken == wanted.max_frames:
                    continue
                image = _load(file, on_error, media)
                found = () if image is None else (_picture(image, record_name(file), 0, 1, None),)
                taken += image is not None
            elif kind == "frames":
                found = _frames_of_file(file, wanted, on_error, media)
            else:
                found = _video_frames(file, wanted, on_error, media)
            for picture in found:
                yield picture
                came += 1
        if not came and not alone:
            raise DataError(f"{name}: not one image in it can be read")

    total = wanted.at_most(len(range(0, len(files), wanted.every))) if stills else None
    media = Media(name, pictures(), total=total)
    return media


def open_frames(name: str, data: bytes, wanted: FrameRange, on_error: OnError) -> Media:
    """Read the images of one file that may hold several."""
    times = frame_times(data)
    if times[0] is None and (wanted.start is not None or wanted.end is not None):
        raise UsageError(f"{name}: images have no time for --start and --end")
    numbers = wanted.numbers(times)
    if not numbers:
        raise UsageError(f"{name}: no frame at or after --start {wanted.start or 0:g}; it ends before")

    def pictures() -> Generator[Picture, None, None]:
        yield from _frames(data, name, wanted, on_error, media)

    media = Media(name, pictures(), total=len(numbers))
    return media


def _frames_of_file(file: str, wanted: FrameRange, on_error: OnError, media: Media) -> Iterator[Picture]:
    """The pictures of one file with several images, among several files."""
    try:
        data = read_bytes(file)
    except DataError as error:
        _skip_or_raise(error, on_error, media)
        return
    yield from _frames(data, record_name(file), wanted, on_error, media)


def _frames(data: bytes, name: str, wanted: FrameRange, on_error: OnError, media: Media) -> Iterator[Picture]:
    times = frame_times(data)
    for number, image in decode_frames(data, name, wanted.numbers(times)):
        if isinstance(image, DataError):
            _skip_or_raise(image, on_error, media)
        else:
            yield _picture(image, name, number, len(times), times[number])


def _video_frames(file: str, wanted: FrameRange, on_error: OnError, media: Media) -> Iterator[Picture]:
    """The pictures of one video among several files."""
    name = record_name(file)
    try:
        found = RemoteFile(file) if is_remote(file) else readable_path(file)
        video = Video(found, name, stop=on_error == "stop")
    except DataError as error:
        _skip_or_raise(error, on_error, media)
        return
    yield from video_pictures(video, name, wanted, media)


def _picture(
    image: Image, name: str, number: int, count: int, time: float | None, *, file: str | None = None
) -> Picture:
    height, width = image.shape[:2]
    return Picture(image, name, number, count, time, width, height, file=file)


def _kind(file: str) -> Kind:
    try:
        return kind_of_file(file)
    except DataError:
        return "image"  # reported, or skipped, when its turn comes


def _load(file: str, on_error: OnError, media: Media) -> Image | None:
    """An image; None, reported and counted, where it is damaged and `on_error` is "skip"."""
    try:
        return load_image(file)
    except DataError as error:
        _skip_or_raise(error, on_error, media)
        return None


def _skip_or_raise(error: DataError, on_error: OnError, media: Media) -> None:
    if on_error == "stop":
        raise error
    media.lost += 1
    reason = str(error).split(";")[0]  # without the remedy
    say(f"{reason}; skipped")
