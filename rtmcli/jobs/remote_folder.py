"""The output folder of a job in an object store. A file is uploaded when it is complete, and appears as a whole."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO, cast

from rtmcli.errors import MissingError
from rtmcli.jobs.folder import OutputError
from rtmcli.media.remote import system_of


class RemoteFolder:
    """A folder of S3, Google Cloud Storage or Azure Blob Storage, through fsspec."""

    def __init__(self, root: str) -> None:
        self._root = root.rstrip("/")

    def address(self, name: str = "") -> str:
        return f"{self._root}/{name}" if name else self._root

    def names(self) -> set[str]:
        system = self._system
        path = system._strip_protocol(self._root)
        with self._naming("list", ""):
            system.invalidate_cache()
            try:
                found = system.find(path)
            except FileNotFoundError:
                return set()
        return {str(name).removeprefix(path).lstrip("/") for name in found}

    def open(self, name: str) -> BinaryIO:
        with self._naming("read", name):
            return cast(BinaryIO, self._system.open(self.address(name), "rb"))

    @contextmanager
    def publishing(self, name: str) -> Iterator[Path]:
        with tempfile.TemporaryDirectory(prefix="rtm-") as folder:
            path = Path(folder) / Path(name).name
            yield path
            with self._naming("write", name):
                # An upload that is not completed leaves no object.
                self._system.put(str(path), self.address(name), recursive=path.is_dir())

    def remove(self, name: str) -> None:
        system = self._system
        system.invalidate_cache()
        with suppress(FileNotFoundError), self._naming("remove", name):
            if system.exists(self.address(name)):
                system.rm(self.address(name), recursive=True)

    @property
    def _system(self) -> Any:
        return system_of(self._root)

    @contextmanager
    def _naming(self, what: str, name: str) -> Iterator[None]:
        """Raise OutputError, which names the file, for whatever error the store's library raises."""
        try:
            yield
        except (FileNotFoundError, MissingError):
            raise
        except Exception as error:
            reason = " ".join(str(error).split()) or type(error).__name__
            raise OutputError(f"cannot {what} {self.address(name)}: {reason}") from None
