"""Pictures -> a video that browsers play, a GIF, one picture or a folder: complete under its name, or not there."""

import os
import shutil
from abc import ABC, abstractmethod
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np

from rtmcli.errors import RtmError, UsageError
from rtmcli.files import publish, temporary_beside
from rtmcli.records.line_io import ClosedPipe

VIDEO_SUFFIXES = (".mp4", ".m4v", ".mov", ".mkv")
PICTURE_SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff")


class Writer(ABC):
    """Takes pictures in order; used as a context manager it is complete at the end and leaves nothing after an error.

    Ctrl-C, SIGTERM and a reader of standard output that goes away end a recording; what came until then is kept.
    """

    @abstractmethod
    def write(self, image: np.ndarray, *, time: float | None = None, name: str = "") -> None:
        """Append a picture.

        Args:
            image: (H, W, 3) uint8 BGR; not kept.
            time: seconds, rising; None for the next tick of the writer's `fps`.
            name: what a folder calls it, with or without a suffix.

        Raises:
            RtmError: nothing more can be written.
        """

    @abstractmethod
    def close(self) -> None:
        """Finish, and put what was written under its name."""

    @abstractmethod
    def abort(self) -> None:
        """Remove what was written."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None or isinstance(error, ClosedPipe) or not isinstance(error, Exception):
            self.close()
        else:
            self.abort()


def open_writer(path: str | Path, *, fps: float | None = None, size: tuple[int, int] | None = None) -> Writer:
    """Open a writer for what the path's suffix says: mp4, m4v, mov, mkv; gif; png, jpg, ...; a folder without one.

    Args:
        fps: pictures a second for those without a time (25 where None).
        size: (width, height) of a video; the first picture's where None. Others are fitted into it.

    Raises:
        UsageError: the suffix names nothing that can be written.
        RtmError: the path cannot be written.
    """
    name, suffix = str(path), Path(path).suffix.lower()
    if Path(path).is_dir() or name.endswith("/") or not suffix:
        return _Folder(Path(path))
    from rtmcli.media.write.video import GifWriter, VideoWriter

    if suffix in VIDEO_SUFFIXES:
        return VideoWriter(Path(path), fps or 25.0, size)
    if suffix == ".gif":
        return GifWriter(Path(path), fps or 25.0, size)
    if suffix in PICTURE_SUFFIXES:
        return _One(Path(path))
    raise UsageError(
        f"{path}: nothing is known to write as {suffix}; use .mp4, .mkv, .gif, .png, .jpg, or a folder's name"
    )


class _One(Writer):
    """One picture."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._temporary: Path | None = temporary_beside(path)
        self._written = False

    def write(self, image: np.ndarray, *, time: float | None = None, name: str = "") -> None:
        if self._written:
            raise UsageError(
                f"{self._path} holds one picture, and there are more; name a folder, .mp4 or .gif"
            )
        self._written = True
        assert self._temporary is not None
        _save(image, self._temporary, self._path)

    def close(self) -> None:
        if self._temporary is None:
            return
        if not self._written:
            self.abort()
            raise RtmError(f"{self._path}: not written, for there was no picture to write")
        publish(self._temporary, self._path)
        self._temporary = None

    def abort(self) -> None:
        if self._temporary is not None:
            self._temporary.unlink(missing_ok=True)
            self._temporary = None


class _Folder(Writer):
    """A folder of pictures, filled beside its place and moved there at the end."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._names: set[str] = set()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._temporary: str | None = _temporary_folder(path)
        except OSError as error:
            raise RtmError(f"cannot write {path}: {error.strerror}") from None

    def write(self, image: np.ndarray, *, time: float | None = None, name: str = "") -> None:
        assert self._temporary is not None
        given = Path(name or f"{len(self._names):06d}")
        stem, suffix = (
            given.stem,
            given.suffix.lower() if given.suffix.lower() in PICTURE_SUFFIXES else ".png",
        )
        number, own = 1, stem + suffix
        while own in self._names:  # pictures of the same name from several folders
            number, own = number + 1, f"{stem}-{number + 1}{suffix}"
        self._names.add(own)
        _save(image, Path(self._temporary, own), self._path / own)

    def close(self) -> None:
        if self._temporary is None:
            return
        try:
            if self._path.is_dir():
                for name in sorted(self._names):
                    os.replace(os.path.join(self._temporary, name), self._path / name)
                os.rmdir(self._temporary)
            else:
                os.rename(self._temporary, self._path)
        except OSError as error:
            self.abort()
            raise RtmError(f"cannot write {self._path}: {error.strerror}") from None
        self._temporary = None

    def abort(self) -> None:
        if self._temporary is not None:
            shutil.rmtree(self._temporary, ignore_errors=True)
            self._temporary = None


def _save(image: np.ndarray, file: Path, final: Path) -> None:
    """Write one picture in the format of `final`'s suffix."""
    from rtmcli.opencv import cv2

    try:
        done, data = cv2.imencode(final.suffix, image)
    except cv2.error:
        done = False
    if not done:
        raise RtmError(f"cannot write {final}: OpenCV does not encode this picture")
    try:
        file.write_bytes(data.tobytes())
    except OSError as error:
        raise RtmError(f"cannot write {final}: {error.strerror}") from None


def _temporary_folder(path: Path) -> str:
    """A new empty folder beside `path`, hidden, with ordinary permissions."""
    folder = path.with_name(f".{path.name}.{os.urandom(4).hex()}")
    folder.mkdir()
    return str(folder)
