"""`$RTM_HOME/lock.toml`: the SHA-256 of every downloaded file, so that no file changes unnoticed.

The publishers of most models give no complete hash. The first download is trusted (over TLS, and checked against the
digits in the file's name where these are a hash), its hash is recorded, and other bytes under that name are refused
from then on.
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
    """The file with the recorded hashes."""
    return home() / "lock.toml"


def read_lock() -> Tables:
    """The recorded hashes. Raises DataError where the file is damaged.

    Returns:
        `downloads`: key of `download_key` -> its entry; `models`: file name under `models/` -> its entry. An entry
        has `sha256`, `size` and, where known, `url`.
    """
    empty: Tables = {"downloads": {}, "models": {}}
    try:
        text = lock_path().read_text(encoding="utf-8")
    except FileNotFoundError:
        return empty
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"cannot read {lock_path()}: {error}") from None
    try:
        tables: Tables = empty | tomllib.loads(text)
        tables["downloads"] = by_url(tables["downloads"])
        return tables
    except tomllib.TOMLDecodeError as error:
        raise DataError(
            f"{lock_path()} is not TOML: {error}; repair it, or remove it to trust the next downloads"
        ) from None


def download_key(url: str) -> str:
    """The name of a download in the lock: its URL without scheme and query, since two files may have one name."""
    return url.split("://", 1)[-1].split("?")[0]


def by_url(downloads: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """The table `downloads` of an older version, which was keyed by file name, keyed by `download_key`."""
    return {
        download_key(str(entry["url"])) if "/" not in key and "url" in entry else key: entry
        for key, entry in downloads.items()
    }


def recorded_hash(table: str, name: str) -> str | None:
    """The SHA-256 recorded for a file, None where there is none."""
    found = read_lock()[table].get(name)
    return str(found["sha256"]) if found else None


def record(table: str, name: str, *, sha256: str, size: int, url: str = "") -> None:
    """Record the hash, the size and the origin of a file. Safe for several processes at once."""
    path = lock_path()
    make_folder(path.parent)
    with _exclusive(path.with_name(".lock")):
        tables = read_lock()
        tables[table][name] = {"sha256": sha256, "size": size} | ({"url": url} if url else {})
        write_atomically(path, _toml(tables).encode())


def hash_file(path: Path) -> str:
    """The SHA-256 of a file, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def make_folder(path: Path) -> None:
    """Create a folder under RTM_HOME. Raises RtmError where that fails."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RtmError(f"cannot create {path}: {error.strerror}; set RTM_HOME to a writable folder") from None


@contextmanager
def _exclusive(path: Path) -> Iterator[None]:
    """One process at a time; on a system without flock, the last writer wins."""
    try:
        import fcntl
    except ImportError:
        yield
        return
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _toml(tables: Tables) -> str:
    """The tables as TOML. Its basic strings are written as JSON's, which are the same for these values."""
    lines = [
        "# SHA-256 of the files that rtm downloaded. Other bytes under these names are refused. Remove an entry",
        "# to trust the next download of that file.",
    ]
    for table in ("downloads", "models"):
        for name, data in sorted(tables[table].items()):
            lines += [
                "",
                f"[{table}.{json.dumps(name)}]",
                *(f"{key} = {json.dumps(data[key])}" for key in data),
            ]
    return "\n".join(lines) + "\n"
