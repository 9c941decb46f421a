"""`$RTM_HOME/lock.toml`: the SHA-256 of every file that was fetched, so that it can never change unseen.

No publisher of these models gives whole hashes, only the first eight digits, and for archives none. So the first
download is trusted (over TLS, with the digits where there are some), its hash is written down, and from then on no
other bytes are taken under that name.
"""

import hashlib
import json
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rtmcli.errors import DataError, RtmError
from rtmcli.files import write_atomically
from rtmcli.settings import home

Tables = dict[str, dict[str, dict[str, Any]]]


def lock_path() -> Path:
    """Where the hashes are written down."""
    return home() / "lock.toml"


def read_lock() -> Tables:
    """`downloads` and `models`: name -> what is known of it. Raises DataError where the file is damaged."""
    empty: Tables = {"downloads": {}, "models": {}}
    try:
        text = lock_path().read_text(encoding="utf-8")
    except FileNotFoundError:
        return empty
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"cannot read {lock_path()}: {error}") from None
    try:
        return empty | tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise DataError(
            f"{lock_path()} is not TOML: {error}; mend it, or remove it to trust what is fetched next"
        ) from None


def locked(table: str, name: str) -> str | None:
    """The SHA-256 written down for a file, None where it is new."""
    found = read_lock()[table].get(name)
    return str(found["sha256"]) if found else None


def record(table: str, name: str, *, sha256: str, size: int, **more: str) -> None:
    """Write down what a file is. Two processes may do so at once: each sees what the other wrote."""
    path = lock_path()
    make_folder(path.parent)
    with _alone(path.with_name(".lock")):
        tables = read_lock()
        tables[table][name] = {"sha256": sha256, "size": size, **more}
        write_atomically(path, _toml(tables).encode())


def hash_file(path: Path) -> str:
    """The SHA-256 of a file, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def make_folder(path: Path) -> None:
    """Make a folder of ours. Raises RtmError where it cannot be."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RtmError(
            f"cannot make the folder {path}: {error.strerror}; RTM_HOME names another one"
        ) from None


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """One process at a time; where the system has no flock, the last writer wins."""
    try:
        import fcntl
    except ImportError:
        yield
        return
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _toml(tables: Tables) -> str:
    """TOML's basic strings are JSON's, for all that stands here."""
    lines = [
        "# SHA-256 of what rtm fetched. Other bytes under these names are refused; an entry that is removed",
        "# is learnt anew.",
    ]
    for table in ("downloads", "models"):
        for name, data in sorted(tables[table].items()):
            lines += [
                "",
                f"[{table}.{json.dumps(name)}]",
                *(f"{key} = {json.dumps(data[key])}" for key in data),
            ]
    return "\n".join(lines) + "\n"
