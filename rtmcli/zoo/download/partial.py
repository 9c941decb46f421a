"""The partial file of a download, which a later download of the same file continues.

A download holds a lock on its partial file. One left behind by a killed process has no lock: the next download of the
same file takes it over, and continues it if the URL and the server's ETag are unchanged.
"""

import json
import os
import tempfile
from pathlib import Path
from typing import Any, BinaryIO, Self

from rtmcli.errors import RtmError
from rtmcli.zoo.download.lock import hash_file

fcntl: Any
try:
    import fcntl
except ImportError:
    # No such locks on this system: partial files are never taken over.
    fcntl = None

LARGEST = 2 << 30  # bytes; the largest published model has 0.4 GB


class TooLarge(Exception):
    """More bytes were received than any model has."""


class PartialFile:
    """A partial file and, beside it, a JSON file with its URL and ETag; locked while its download runs.

    Attributes:
        path: the partial file.
        url, tag: where its bytes come from, and the server's ETag or Last-Modified for them.
        size: bytes received.
        total: bytes of the complete file, None if unknown.
    """

    def __init__(self, path: Path, file: BinaryIO) -> None:
        self.path, self._file = path, file
        self.url = self.tag = ""
        self.total: int | None = None
        self.size = os.fstat(file.fileno()).st_size
        try:
            origin = json.loads(self._origin.read_text(encoding="utf-8"))
            self.url, self.tag = str(origin["url"]), str(origin["tag"])
        except (OSError, ValueError, KeyError, TypeError):
            self.clear()
        file.seek(self.size)

    @classmethod
    def open(cls, folder: Path, name: str) -> Self:
        """The one that a killed download of the same file left behind, else a new one."""
        for path in sorted(folder.glob(f".{name}.*.part")):
            if (file := _take(path)) is not None:
                return cls(path, file)
        while True:
            handle, path_name = tempfile.mkstemp(prefix=f".{name}.", suffix=".part", dir=folder)
            own = os.fdopen(handle, "r+b")
            if fcntl is None or _lock(own):
                return cls(Path(path_name), own)
            # Another process took the file over between its creation and the lock.
            own.close()

    @property
    def _origin(self) -> Path:
        return self.path.with_suffix(".json")

    def use(self, url: str) -> None:
        """Continue with this URL; bytes from another one are discarded."""
        if self.url != url:
            self.clear()
            self.url, self.tag, self.total = url, "", None

    def remember(self) -> None:
        """Store where the bytes come from, for a later download to continue."""
        self._origin.write_text(json.dumps({"url": self.url, "tag": self.tag}), encoding="utf-8")

    def write(self, block: bytes) -> None:
        if self.size + len(block) > LARGEST:
            raise TooLarge(LARGEST)
        try:
            self._file.write(block)
        except OSError as error:
            raise RtmError(f"cannot write {self.path.parent}: {error.strerror}") from None
        self.size += len(block)

    def clear(self) -> None:
        self._file.seek(0)
        self._file.truncate()
        self.size = 0

    def digest(self) -> str:
        self._file.flush()
        return hash_file(self.path)

    def keep_if_useful(self) -> bool:
        """Whether a later download can continue it; it is removed otherwise."""
        if self.size and self.tag:
            return True
        self.discard()
        return False

    def discard(self) -> None:
        self._origin.unlink(missing_ok=True)
        self.path.unlink(missing_ok=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()


def _take(path: Path) -> BinaryIO | None:
    """An abandoned partial file, locked; None where its download still runs, or has just ended."""
    try:
        file = path.open("r+b")
    except OSError:
        return None
    try:
        if fcntl is not None and _lock(file) and os.path.samestat(os.fstat(file.fileno()), path.stat()):
            return file
    except OSError:
        # Removed meanwhile: its download ended.
        pass
    file.close()
    return None


def _lock(file: BinaryIO) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    except OSError:
        return False
