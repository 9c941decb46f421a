"""The output folder of a job: files are complete under their names, what is unfinished is in `.part`."""

import os
import shutil
import socket
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import BinaryIO, Protocol

from rtmcli.errors import RtmError
from rtmcli.jobs.unit import PART


class OutputError(RtmError):
    """The output folder cannot be written or read: this ends the job, whatever the source."""


class Folder(Protocol):
    """Where a job writes. Names are relative to it, with slashes."""

    def address(self, name: str = "") -> str:
        """The folder, or a file in it, as a person writes it."""

    def names(self) -> set[str]:
        """Names of all complete files and folders, also of those in `.part`."""

    def open(self, name: str) -> BinaryIO:
        """Open a complete file for reading."""

    def publishing(self, name: str) -> AbstractContextManager[Path]:
        """A path to write in a `with` block: it becomes the file (or folder) `name` at the end, or nothing at all."""

    def remove(self, name: str) -> None:
        """Remove a file, or a folder with everything in it, if it is there."""


class LocalFolder:
    """A folder on a disk, which may be shared by several machines. Created when the first file is published."""

    def __init__(self, root: str) -> None:
        self._root = Path(root)

    def address(self, name: str = "") -> str:
        return str(self._root / name)

    def names(self) -> set[str]:
        found: set[str] = set()
        for folder, folders, files in os.walk(self._root):
            place = Path(folder).relative_to(self._root)
            if place.parts[:2] != (PART, "tmp"):
                found.update((place / name).as_posix() for name in [*folders, *files])
        return found

    def open(self, name: str) -> BinaryIO:
        try:
            return (self._root / name).open("rb")
        except OSError as error:
            raise OutputError(f"cannot read {self.address(name)}: {error.strerror}") from None

    @contextmanager
    def publishing(self, name: str) -> Iterator[Path]:
        final = self._root / name
        # The host and the process tell later runs whether a process still writes there.
        writer = f"{socket.gethostname()}-{os.getpid()}-{os.urandom(4).hex()}"
        temporary = self._root / PART / "tmp" / writer
        try:
            with _naming(str(final)):
                temporary.mkdir(parents=True)
            yield temporary / final.name
            with _naming(str(final)):
                final.parent.mkdir(parents=True, exist_ok=True)
                if final.is_dir():
                    shutil.rmtree(final)
                os.replace(temporary / final.name, final)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)

    def remove(self, name: str) -> None:
        path = self._root / name
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)

    def remove_abandoned(self) -> None:
        """Remove what processes of this machine that no longer run left unfinished."""
        here = socket.gethostname()
        for left in (self._root / PART / "tmp").glob(f"{here}-*"):
            process = left.name.removeprefix(f"{here}-").partition("-")[0]
            if process.isdecimal() and not _runs(int(process)):
                shutil.rmtree(left, ignore_errors=True)


@contextmanager
def _naming(path: str) -> Iterator[None]:
    """Raise OutputError, which names the path, for an error of the system."""
    try:
        yield
    except OSError as error:
        raise OutputError(f"cannot write {path}: {error.strerror or error}") from None


def _runs(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
