"""The file that a download grows in, one for each pull, which a later pull may go on with.

A pull holds a lock on its file. One left behind by a pull that was killed has no lock: the next pull of the same file
takes it over, if it still comes from the same address and nobody has changed it there.
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
except ImportError:  # no such locks on this system: nothing is ever taken over
    fcntl = None

LARGEST = 2 << 30  # bytes; the largest published model has 0.4 GB


class TooLarge(Exception):
    """More came than any model has."""


class Part:
    """The file that grows, with a note beside it of where it comes from; locked as long as its pull lives."""

    def __init__(self, path: Path, file: BinaryIO) -> None:
        self.path, self._file = path, file
        self.url = self.tag = ""
        self.total: int | None = None
        self.size = os.fstat(file.fileno()).st_size
        try:
            note = json.loads(self._note.read_text(encoding="utf-8"))
            self.url, self.tag = str(note["url"]), str(note["tag"])
        except (OSError, ValueError, KeyError, TypeError):
            self.clear()
        file.seek(self.size)

    @classmethod
    def open(cls, folder: Path, name: str) -> Self:
        """One that a killed pull of the same file left behind, else a new one."""
        for path in sorted(folder.glob(f".{name}.*.part")):
            if (file := _take(path)) is not None:
                return cls(path, file)
        while True:
            handle, path_name = tempfile.mkstemp(prefix=f".{name}.", suffix=".part", dir=folder)
            own = os.fdopen(handle, "r+b")
            if fcntl is None or _lock(own):
                return cls(Path(path_name), own)
            own.close()  # another pull has taken it for an abandoned one, in the instant before it was locked

    @property
    def _note(self) -> Path:
        return self.path.with_suffix(".json")

    def use(self, url: str) -> None:
        """Go on with this address; what another one sent does not count."""
        if self.url != url:
            self.clear()
            self.url, self.tag, self.total = url, "", None

    def remember(self) -> None:
        """Note where the bytes come from, for a later pull to go on."""
        self._note.write_text(json.dumps({"url": self.url, "tag": self.tag}), encoding="utf-8")

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
        """Whether a later pull can go on with it; what it cannot is thrown away."""
        if self.size and self.tag:
            return True
        self.discard()
        return False

    def discard(self) -> None:
        self._note.unlink(missing_ok=True)
        self.path.unlink(missing_ok=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()


def _take(path: Path) -> BinaryIO | None:
    """An abandoned part, locked; None where its pull still lives, or has just ended."""
    try:
        file = path.open("r+b")
    except OSError:
        return None
    try:
        if fcntl is not None and _lock(file) and os.path.samestat(os.fstat(file.fileno()), path.stat()):
            return file
    except OSError:
        pass  # gone meanwhile: its pull ended well
    file.close()
    return None


def _lock(file: BinaryIO) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    except OSError:
        return False
