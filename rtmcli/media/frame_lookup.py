"""From records back to the pixels they came from."""

from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path

from rtmcli.errors import DataError
from rtmcli.media import source_names
from rtmcli.media.frame_source import Media, Picture
from rtmcli.media.interleave import OPEN
from rtmcli.media.open import open_media
from rtmcli.records.frame import Frame

# Frames that are quicker decoded than jumped over.
_FAR = 100


def rejoin(frames: Iterable[Frame], media: str | None = None) -> Iterator[tuple[Frame, Picture]]:
    """Each record with its picture.

    Records in order of their frames are read in one pass; one that lies before the last begins its source again.

    Args:
        frames: records; `source` (or `file`) and `frame` say where their pixels are.
        media: where they are if they moved: a file that takes the place of every source, or a folder in which
            each source is found under its own name.

    Raises:
        DataError: a source is not there, has no such frame, or has pictures of another size.
    """
    with closing(_Readers()) as readers:
        for frame in frames:
            name = _place(frame, media)
            alone = "file" in frame.extra or frame.frames == 1
            # Each picture is a source of its own: one reader sees them all.
            picture = readers.of("" if alone else name).picture(
                name, 0 if alone else frame.frame, None if alone else frame.time
            )
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


class _Readers:
    """A reader for each of the sources that were read last: records of several may take turns."""

    def __init__(self) -> None:
        self._readers: dict[str, _Reader] = {}

    def of(self, name: str) -> "_Reader":
        reader = self._readers.pop(name, None) or _Reader()
        self._readers[name] = reader  # the last to go
        if len(self._readers) > OPEN:
            self._readers.pop(next(iter(self._readers))).close()
        return reader

    def close(self) -> None:
        for reader in self._readers.values():
            reader.close()


class _Reader:
    """One source, and how far it was read."""

    def __init__(self) -> None:
        self._name: str | None = None
        self._pictures: Iterator[Picture] = iter(())
        self._last: Picture | None = None

    def picture(self, name: str, number: int, time: float | None) -> Picture:
        """Frame `number` of a source; `time` is its time, for a first frame far from the beginning."""
        if name != self._name or (self._last is not None and number < self._last.frame):
            self.close()
            start = max(0.0, time - 1) if time is not None and number > _FAR else None
            self._name, self._pictures = name, iter(_open(name, start))
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


def _open(name: str, start: float | None) -> Media:
    if source_names.camera_number(name) is not None or source_names.is_live(name):
        raise DataError(f"the pixels of {name} were live and are gone; name a recording with --media FILE")
    if "://" not in name and not source_names.is_demo(name) and not Path(name).exists():
        raise DataError(f"{name}: the pixels are not there (any more); name where they are with --media")
    return open_media(name, start=start)


def _place(frame: Frame, media: str | None) -> str:
    own = str(frame.extra.get("file", frame.source))
    if media is None:
        if own == "-":
            raise DataError(
                "the pixels of source '-' came through a pipe and are gone; name them with --media FILE"
            )
        return own
    if Path(media).is_dir():
        return str(Path(media) / Path(own).name)
    return media
