"""From records back to the images they came from."""

import os
from collections.abc import Generator, Iterable, Iterator
from contextlib import closing
from pathlib import Path

from rtmcli.errors import DataError
from rtmcli.media.frame_source import Media
from rtmcli.media.interleave import MAX_OPEN
from rtmcli.media.names import file_path, is_address, record_name
from rtmcli.media.open import open_media
from rtmcli.media.source_names import camera_number, is_demo, is_live
from rtmcli.records.frame import Frame
from rtmcli.records.picture import Picture

# Frames that decode faster than a seek takes.
_SEEK_FROM = 100


def find_pictures(
    frames: Iterable[Frame],
    media: str | None = None,
    *,
    stream: int | None = None,
    insecure: bool = False,
) -> Generator[tuple[Frame, Picture], None, None]:
    """Each record with its picture.

    Records in order of their frames are read in one pass; a record of an earlier frame opens its source again.

    Args:
        frames: records; `source` (or `file`), `frame` and `stream` say where their image is.
        media: where the images are if they moved: a file in place of every source, or a folder that holds each source
            under its own name.
        stream: the video stream to read, as for `open_media`; by default the one that a record names.
        insecure: accept any certificate of servers, as for `open_media`.

    Raises:
        DataError: a source is missing, has no such frame, or has images of another size.

    Example:
        from rtmcli import draw_frame, find_pictures, read_frames

        for frame, picture in find_pictures(read_frames("walk.jsonl")):
            draw_frame(picture.image, frame)
    """
    with closing(_Readers(insecure)) as readers:
        for frame in frames:
            name = location_of(frame, media)
            if "file" in frame.extra or (frame.frames == 1 and frame.time is None):
                # Each image is a source of its own: one reader serves them all.
                picture = readers.reader("", None).picture(name, None, 0, None)
            else:
                chosen = stream if stream is not None else _stream_of(frame)
                picture = readers.reader(name, chosen).picture(name, chosen, frame.frame, frame.time)
            if (
                frame.width
                and frame.height
                and (picture.width, picture.height) != (frame.width, frame.height)
            ):
                raise DataError(
                    f"{name}: frame {frame.frame} is {picture.width}x{picture.height}, its record says "
                    f"{frame.width}x{frame.height}; name the right file with --media"
                )
            yield frame, picture


def location_of(frame: Frame, media: str | None = None) -> str:
    """Where the image of a record is: its source or its `file`, or what `media` says instead, as for `find_pictures`.

    Raises DataError where the images came through a pipe and `media` is None.
    """
    own = str(frame.extra.get("file", frame.source))
    if media is None:
        if own == "-":
            raise DataError(
                "the images of source '-' came through a pipe and are gone; name their file with --media FILE"
            )
        return own
    if Path(media).is_dir():
        return str(Path(media) / Path(own).name)
    return record_name(media)


class _Readers:
    """A reader for each of the latest sources: records of several sources may take turns."""

    def __init__(self, insecure: bool) -> None:
        self._insecure = insecure
        self._readers: dict[tuple[str, int | None], _Reader] = {}

    def reader(self, name: str, stream: int | None) -> "_Reader":
        reader = self._readers.pop((name, stream), None) or _Reader(self._insecure)
        self._readers[name, stream] = reader  # dict order: the most recent last
        if len(self._readers) > MAX_OPEN:
            self._readers.pop(next(iter(self._readers))).close()
        return reader

    def close(self) -> None:
        for reader in self._readers.values():
            reader.close()


class _Reader:
    """One source, read forward."""

    def __init__(self, insecure: bool) -> None:
        self._insecure = insecure
        self._name: str | None = None
        self._pictures: Iterator[Picture] = iter(())
        self._last: Picture | None = None

    def picture(self, name: str, stream: int | None, number: int, time: float | None) -> Picture:
        """Frame `number` of a source; `time` is its time, for a first frame far from the beginning."""
        if name != self._name or (self._last is not None and number < self._last.frame):
            self.close()
            start = max(0.0, time - 1) if time is not None and number > _SEEK_FROM else None
            self._name, self._pictures = name, iter(_open(name, stream, start, self._insecure))
        while self._last is None or self._last.frame < number:
            self._last = next(self._pictures, None)
            if self._last is None:
                raise DataError(f"{name} has no frame {number}; name the right file with --media")
        if self._last.frame != number:
            raise DataError(f"{name} has no frame {number}; name the right file with --media")
        return self._last

    def close(self) -> None:
        if isinstance(self._pictures, Iterator) and hasattr(self._pictures, "close"):
            self._pictures.close()
        self._name = self._last = None


def _stream_of(frame: Frame) -> int | None:
    stream = frame.extra.get("stream")
    return stream if isinstance(stream, int) else None


def _open(name: str, stream: int | None, start: float | None, insecure: bool) -> Media:
    if camera_number(name) is not None or is_live(name):
        raise DataError(f"{name} is a live source whose images are gone; name a recording with --media FILE")
    if not (is_address(name) or is_demo(name) or os.path.exists(file_path(name))):
        raise DataError(f"{name}: no such file; say where the images are with --media")
    return open_media(name, start=start, stream=stream, insecure=insecure)
