"""Files that are complete under their name or absent: written under a temporary name beside it, then renamed.

A link stays one: the file that it leads to is replaced. A device (`/dev/null`) or a named pipe stays as well, and gets
the complete content.
"""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rtmcli.errors import DataError, RtmError


@contextmanager
def replacing(path: Path, *, sync: bool = False) -> Iterator[Path]:
    """A temporary file to write in a `with` block: it becomes `path` at the end, or is removed after an error.

    Args:
        path: the final name. A file of that name stays until the new one is complete.
        sync: wait until the bytes are on the disk before renaming, for files that must survive a power failure.

    Raises:
        RtmError: the folder cannot be written.
    """
    temporary = temporary_beside(path)
    try:
        yield temporary
        if sync:
            with temporary.open("rb") as file:
                os.fsync(file.fileno())
        publish(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def write_atomically(path: Path, content: bytes) -> None:
    """Write a whole file. Raises RtmError where it cannot be written."""
    with replacing(path) as temporary:
        try:
            temporary.write_bytes(content)
        except OSError as error:
            raise _cannot_write(path, error) from None


def check_writable(path: Path) -> None:
    """Raise now what writing a file of this name would raise, before work whose result it is to hold."""
    temporary_beside(path).unlink()


def make_folder(path: Path) -> None:
    """Make a folder, and those above it, unless it is there. Raises RtmError where that fails."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RtmError(f"cannot make the folder {path}: {error.strerror}") from None


def check_folder(path: Path) -> None:
    """Raise now what making a folder of this name would raise: what exists of its path is no folder, or read-only."""
    nearest = next(one for one in (path, *path.parents) if one.exists())
    if not nearest.is_dir() or not os.access(nearest, os.W_OK | os.X_OK):
        reason = "is not writable" if nearest.is_dir() else "is not a folder"
        raise RtmError(f"cannot make the folder {path}: {nearest} {reason}")


def check_output(path: Path, suffix: str) -> bool:
    """Check, before the work, that a file with the suffix can be written, or else the folder that `path` names.

    Returns whether it is a folder. Raises RtmError where it cannot be written.
    """
    is_folder = names_folder(path, suffix)
    if is_folder:
        check_folder(path)
    else:
        check_writable(path)
    return is_folder


def names_folder(path: Path, suffix: str) -> bool:
    """Whether an output is a folder for several files: it is one, or its name does not end in the files' suffix."""
    return path.is_dir() or path.suffix.lower() != suffix


def temporary_beside(path: Path) -> Path:
    """A new empty file in the folder of `path`: a hidden name, the suffix of `path`, ordinary permissions.

    Raises:
        RtmError: the folder cannot be written, or `path` is a folder itself.
        DataError: there is a NUL character in the name, which may come from the source of a record.
    """
    if "\0" in str(path):
        raise DataError(f"cannot write {str(path)!r}: no file can have a NUL character in its name")
    if path.is_dir():
        raise RtmError(f"cannot write {path}: it is a folder; name a file")
    folder = _behind_links(path).parent
    if _is_special(path):
        import tempfile  # takes 3 ms, and filters import this module

        folder = Path(tempfile.gettempdir())
    temporary = folder / f".{path.stem}.{os.urandom(4).hex()}{path.suffix}"
    try:
        # The kernel applies the umask, which Python cannot read without changing it for all threads.
        os.close(os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o666))
    except OSError as error:
        raise _cannot_write(path, error) from None
    return temporary


def publish(temporary: Path, path: Path) -> None:
    """Give a finished temporary file its final name. Raises RtmError, and removes it, where that fails."""
    try:
        if _is_special(path):
            with temporary.open("rb") as content, path.open("wb") as target:
                shutil.copyfileobj(content, target)
            temporary.unlink()
        else:
            os.replace(temporary, _behind_links(path))
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise _cannot_write(path, error) from None


def _is_special(path: Path) -> bool:
    """Whether there is something under this name that is neither a file nor a folder: a device, or a pipe."""
    return path.exists() and not path.is_file() and not path.is_dir()


def _behind_links(path: Path) -> Path:
    """The file that a link leads to; other paths as they are."""
    return Path(os.path.realpath(path)) if path.is_symlink() else path


def _cannot_write(path: Path, error: OSError) -> RtmError:
    return RtmError(f"cannot write {path}: {error.strerror}")
