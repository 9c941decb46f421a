"""Files in object stores (S3, Google Cloud Storage, Azure Blob Storage), read by ranges through fsspec."""

import os
from typing import Any, BinaryIO, cast

from rtmcli.errors import DataError, MissingError

_SCHEMES = ("s3://", "s3a://", "gs://", "gcs://", "az://", "abfs://", "abfss://")
# Bytes of one request while a file is read from one end to the other, and while its structure is looked up.
_BLOCK = 4 << 20
_SMALL_BLOCK = 1 << 16


def is_remote(name: str) -> bool:
    """Whether a name is the address of a file or folder in an object store."""
    return name.lower().startswith(_SCHEMES)


class RemoteFile:
    """One file of an object store. It can be opened any number of times; memory holds a few blocks of it."""

    def __init__(self, address: str) -> None:
        self.address = address
        self._system = system_of(address)

    def open(self, *, whole: bool = True) -> BinaryIO:
        """The file as a seekable stream; `whole` reads larger blocks at a time.

        Raises:
            DataError: it is missing or cannot be read, here or in any read from the stream.
        """
        try:
            stream = self._system.open(
                self.address, "rb", block_size=_BLOCK if whole else _SMALL_BLOCK, cache_type="readahead"
            )
        except Exception as error:
            raise unreadable(self.address, error) from None
        return cast(BinaryIO, _Stream(stream, self.address))

    def read(self) -> bytes:
        """All bytes of a small file, such as an image."""
        with self.open() as stream:
            return stream.read()


class _Stream:
    """A stream whose errors are DataErrors, whatever library they come from."""

    def __init__(self, stream: Any, address: str) -> None:
        self._stream, self._address = stream, address

    def read(self, size: int = -1) -> bytes:
        try:
            return bytes(self._stream.read(size))
        except Exception as error:
            raise unreadable(self._address, error) from None

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        return int(self._stream.seek(offset, whence))

    def tell(self) -> int:
        return int(self._stream.tell())

    def seekable(self) -> bool:
        return True

    def close(self) -> None:
        self._stream.close()

    def __enter__(self) -> "_Stream":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def system_of(address: str) -> Any:
    """The fsspec file system of an address's scheme. Raises MissingError where a package for it is missing."""
    scheme = address.partition("://")[0].lower()
    try:
        import fsspec

        return fsspec.filesystem(scheme)
    except ImportError as error:
        raise MissingError(
            f"{scheme}:// needs packages that are not installed ({error}); install them with: "
            "pip install 'rtmcli[cloud]'"
        ) from None


def remote_files(name: str) -> list[str] | None:
    """The files that a glob, or a folder that ends in a slash, stands for; None for a single file.

    Raises:
        DataError: there are none, or the store cannot be asked.
    """
    if not (name.endswith("/") or any(character in name for character in "*?[")):
        return None
    scheme = name.partition("://")[0]
    system = system_of(name)
    try:
        found = system.glob(name) if not name.endswith("/") else system.ls(name, detail=False)
        files = [f"{scheme}://{path}" for path in found if system.isfile(path)]
    except Exception as error:
        raise unreadable(name, error) from None
    if not files:
        raise DataError(f"{name}: no file matches")
    return files


def remote_size(name: str) -> int | None:
    """Bytes of a file in a store; None where it cannot be asked."""
    try:
        size = system_of(name).info(name)["size"]
    except Exception:
        return None  # reported when the file is read
    return int(size)


def unreadable(address: str, error: Exception) -> DataError:
    """Why a file of a store cannot be read, in one sentence."""
    if isinstance(error, MissingError):
        raise error
    if isinstance(error, FileNotFoundError):
        return DataError(f"{address}: no such file in the object store")
    if isinstance(error, PermissionError):
        return DataError(f"{address}: no permission to read it; check the credentials")
    reason = " ".join(str(error).split()) or type(error).__name__
    return DataError(f"{address}: cannot be read ({reason})")
