"""Images -> one image file, or a folder of them."""

import os
import shutil
from abc import abstractmethod
from pathlib import Path

import numpy as np

from rtmcli.errors import RtmError, UsageError
from rtmcli.files import publish, temporary_beside
from rtmcli.media.names import file_path
from rtmcli.media.write.base import Writer

IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff")


class FileWriter(Writer):
    """One image file, written beside its place and moved there at the end. A subclass makes the image."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._temporary: Path | None = temporary_beside(path)

    @abstractmethod
    def image(self) -> np.ndarray | None:
        """What to write; None if no image came."""

    def close(self) -> None:
        if self._temporary is None:
            return
        image = self.image()
        if image is None:
            self.abort()
            raise RtmError(f"{self._path}: not written: there was no image to write")
        save_image(image, self._temporary, self._path)
        publish(self._temporary, self._path)
        self._temporary = None

    def abort(self) -> None:
        if self._temporary is not None:
            self._temporary.unlink(missing_ok=True)
            self._temporary = None


class ImageWriter(FileWriter):
    """One image."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._image: np.ndarray | None = None

    def write(self, image: np.ndarray, *, time: float | None = None, name: str = "") -> None:
        if self._image is not None:
            raise UsageError(f"{self._path} holds one image, and there are more; name a folder, .mp4 or .gif")
        self._image = image.copy()  # the caller may reuse its array

    def image(self) -> np.ndarray | None:
        return self._image


class FolderWriter(Writer):
    """A folder of images, filled beside its place and moved there at the end."""

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
        given = Path(file_path(name) or f"{len(self._names):06d}")
        stem, suffix = (
            given.stem,
            given.suffix.lower() if given.suffix.lower() in IMAGE_SUFFIXES else ".png",
        )
        number, own = 1, stem + suffix
        # Images of several folders may have the same name.
        while own in self._names:
            number, own = number + 1, f"{stem}-{number + 1}{suffix}"
        self._names.add(own)
        save_image(image, Path(self._temporary, own), self._path / own)

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


def save_image(image: np.ndarray, file: Path, final: Path) -> None:
    """Write one image to `file` in the format of `final`'s suffix. Raises RtmError where that fails."""
    from rtmcli.opencv import cv2

    try:
        done, data = cv2.imencode(final.suffix, image)
    except cv2.error:
        done = False
    if not done:
        raise RtmError(f"cannot write {final}: OpenCV does not encode this image")
    try:
        file.write_bytes(data.tobytes())
    except OSError as error:
        raise RtmError(f"cannot write {final}: {error.strerror}") from None


def _temporary_folder(path: Path) -> str:
    """A new empty folder beside `path`, hidden, with ordinary permissions."""
    path = Path(os.path.abspath(path))  # `.` has no name
    folder = path.with_name(f".{path.name}.{os.urandom(4).hex()}")
    folder.mkdir()
    return str(folder)
