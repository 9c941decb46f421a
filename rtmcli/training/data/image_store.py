"""Images by name from a folder, a tar, a zip, or a folder of those."""

from __future__ import annotations

import tarfile
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from rtmcli.arrays import Image
from rtmcli.errors import DataError
from rtmcli.opencv import cv2


class Store:
    """Reads the images of a set by name from a folder, a tar, a zip, or a folder of tars or zips.

    Archives stay closed until the first image is asked for, and each process and thread opens its own.
    """

    def __init__(self, path: Path) -> None:
        if not path.exists():
            raise DataError(f"no images at {path}; name a folder, a tar or a zip with --images")
        self.path = path
        shards = sorted([*path.glob("*.tar"), *path.glob("*.zip")]) if path.is_dir() else [path]
        self.members: dict[str, tuple[Path, int, int]] = {}
        for shard in shards:
            self.members.update(_members(shard))
        self._open = threading.local()

    def __contains__(self, name: str) -> bool:
        """Whether `read` finds an image of this name."""
        if name in self.members or Path(name).name in self.members:
            return True
        return self.path.is_dir() and (self.path / name).is_file()

    def names(self) -> list[str]:
        """The names of all images, as `read` takes them."""
        files = [path for path in self.path.rglob("*") if path.is_file()] if self.path.is_dir() else []
        return [*self.members, *(str(path.relative_to(self.path)) for path in files)]

    def read(self, name: str) -> Image:
        """The image (H, W, 3) BGR. Raises DataError where it is missing or damaged."""
        data = self.bytes_of(name)
        image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR) if data else None
        if image is None:
            raise DataError(
                f"{name} in {self.path} cannot be decoded as an image; 'rtm train --check' lists all"
            )
        return np.asarray(image, np.uint8)

    def bytes_of(self, name: str) -> bytes:
        place = self.members.get(name) or self.members.get(Path(name).name)
        if place is None:
            file = self.path / name
            if self.path.is_dir() and file.is_file():
                return file.read_bytes()
            raise DataError(f"{name} is in the labels but not in {self.path}; 'rtm train --check' lists all")
        shard, start, size = place
        if shard.suffix == ".zip":
            return self._archive(shard).read(name if name in self._names(shard) else Path(name).name)
        with shard.open("rb") as file_:
            file_.seek(start)
            return file_.read(size)

    def _archive(self, shard: Path) -> zipfile.ZipFile:
        opened = self._open.__dict__.setdefault("zips", {})
        if shard not in opened:
            opened[shard] = zipfile.ZipFile(shard)
        return opened[shard]

    def _names(self, shard: Path) -> set[str]:
        return set(self._archive(shard).NameToInfo)

    def __getstate__(self) -> dict[str, Any]:
        return {"path": self.path, "members": self.members}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state, _open=threading.local())


def _members(shard: Path) -> Iterator[tuple[str, tuple[Path, int, int]]]:
    """Names in an archive with the file, offset and size of their bytes, so that reading one needs no search."""
    if shard.suffix == ".tar":
        with tarfile.open(shard) as archive:
            for member in archive:
                if member.isfile():
                    yield member.name, (shard, member.offset_data, member.size)
    elif shard.suffix == ".zip":
        with zipfile.ZipFile(shard) as archive_:
            for info in archive_.infolist():
                yield info.filename, (shard, 0, info.file_size)
