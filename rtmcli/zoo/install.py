"""Published models on this machine: `$RTM_HOME/models/NAME.onnx` and `NAME.pth`, each proved by the lock."""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from rtmcli.errors import DataError, MissingError, RtmError
from rtmcli.settings import home
from rtmcli.zoo.catalogue import Entry, Kind, Remote
from rtmcli.zoo.download.archive import extract_model
from rtmcli.zoo.download.http import RetryPolicy, download_file
from rtmcli.zoo.download.lock import hash_file, lock_path, make_folder, read_lock, record, recorded_hash
from rtmcli.zoo.metadata import append_card

Say = Callable[[str], None]
State = Literal["ok", "changed", "missing", "unrecorded"]


def models_folder() -> Path:
    """Where fetched models lie."""
    return home() / "models"


def installed_path(name: str, kind: Kind = "onnx") -> Path:
    """Where a model's file lies, or would."""
    return models_folder() / f"{name}.{kind}"


def installed_models() -> list[str]:
    """Names of the models that are here and can run, beside the bundled ones."""
    return sorted(path.stem for path in models_folder().glob("[!.]*.onnx"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Pull:
    """How to fetch.

    Attributes:
        mirror: an address that holds the publishers' files under the same paths, tried before their own.
        retry: how long to try.
        watch: told of every block: name, bytes here, bytes in all.
        say: told what a person should know.
    """

    mirror: str = ""
    retry: RetryPolicy | None = None
    progress: Callable[[str, int, int | None], None] | None = None
    say: Say = lambda text: None


def pull_model(entry: Entry, *, kind: Kind | None = None, how: Pull | None = None) -> Path:
    """Fetch a published model, unless it is here already.

    Args:
        entry: which model.
        kind: `onnx` to run it, `pth` to train from it; by default what is ready to run, else the checkpoint.

    Returns:
        Its file under `models_folder()`. An ONNX file carries its card.

    Raises:
        MissingError: it has no such file, or none can be fetched.
        DataError: what came is not what it was, or not a model.
    """
    how = how or Pull()
    if kind is None:
        kind = "onnx" if entry.files("onnx") else "pth"
    remotes = entry.files(kind)
    if not remotes:
        raise MissingError(_no_file(entry, kind))
    target = installed_path(entry.name, kind)
    if target.is_file() and model_state(target) in ("ok", "unrecorded"):
        how.say(f"{entry.name} is here: {target}")
        return target
    make_folder(target.parent)
    for remote, further in zip(remotes, [*remotes[1:], None], strict=True):
        try:
            _fetch(entry, remote, target, how)
            return target
        except (MissingError, DataError) as error:
            if further is None:
                raise
            how.say(f"{error}; trying {further.urls[0]}")
    raise AssertionError("unreachable: a model has at least one file")


def model_state(path: Path) -> State:
    """Whether a file of `models_folder()` is still what was put there."""
    expected = recorded_hash("models", path.name)
    if not path.is_file():
        return "missing"
    if expected is None:
        return "unrecorded"
    return "ok" if hash_file(path) == expected else "changed"


def verify_models() -> Iterator[tuple[Path, State]]:
    """Every model that is here, or should be, and how it is."""
    names = set(read_lock()["models"])
    if models_folder().is_dir():
        names |= {path.name for path in models_folder().iterdir() if _is_model(path)}
    for name in sorted(names):
        path = models_folder() / name
        yield path, model_state(path)


def _is_model(path: Path) -> bool:
    """Hidden files are temporary ones of a pull that is running or was killed."""
    return path.suffix in (".onnx", ".pth") and not path.name.startswith(".")


def record_model(path: Path) -> None:
    """Write down what a file of `models_folder()` is."""
    record("models", path.name, sha256=hash_file(path), size=path.stat().st_size)


def _fetch(entry: Entry, remote: Remote, target: Path, how: Pull) -> None:
    """Fetch one file to its place."""
    folder = home() / "downloads"
    make_folder(folder)
    first = recorded_hash("downloads", remote.name) is None

    def check(digest: str) -> None:
        _check(remote, digest)

    def report(received: int, total: int | None) -> None:
        if how.progress is not None:
            how.progress(entry.name, received, total)

    addresses = _addresses(remote, how.mirror)
    with download_file(
        addresses, folder, remote.name, check=check, progress=report, retry=how.retry
    ) as package:
        digest, size = package.sha256, package.path.stat().st_size
        _install(entry, remote, package.path, target)
        record_model(target)
    record("downloads", remote.name, sha256=digest, size=size, url=remote.urls[0])
    if first and not remote.sha256:
        proof = (
            f"agrees with the publisher's {remote.fragment} and"
            if remote.fragment
            else "is the first seen; it"
        )
        how.say(
            f"{remote.name}: its SHA-256 {digest} {proof} is recorded in {lock_path()} and enforced from now on"
        )


def _check(remote: Remote, digest: str) -> None:
    known = remote.sha256 or recorded_hash("downloads", remote.name)
    if known and digest != known:
        where = "pinned" if remote.sha256 else f"recorded in {lock_path()}"
        raise DataError(
            f"{remote.name}: its SHA-256 is {digest}, not {known} as {where}; it was changed on the way or at its "
            "source, and is not used"
        )
    if not digest.startswith(remote.fragment):
        raise DataError(
            f"{remote.name}: its SHA-256 is {digest}, which does not begin with {remote.fragment} as its publisher "
            "says; it is not used"
        )


def _install(entry: Entry, remote: Remote, package: Path, target: Path) -> None:
    """From what was fetched to the model's file, which appears when it is complete."""
    ready = package.with_suffix(".ready")
    try:
        if remote.name.endswith(".zip"):
            extract_model(package, ready, member=remote.member)
        else:
            os.replace(package, ready)
        if remote.kind == "onnx":
            append_card(ready, entry.card())
        os.replace(ready, target)
    except OSError as error:
        raise RtmError(f"cannot write {target}: {error.strerror}") from None
    finally:
        ready.unlink(missing_ok=True)


def _addresses(remote: Remote, mirror: str) -> list[str]:
    """Where to look: the mirror first, under the path of the publisher's own address."""
    if not mirror:
        return list(remote.urls)
    return [mirror.rstrip("/") + urlsplit(remote.urls[0]).path, *remote.urls]


def _no_file(entry: Entry, kind: Kind) -> str:
    if kind == "pth":
        return f"{entry.name} has no checkpoint among its files"
    return (
        f"{entry.name} is published as a checkpoint only; 'rtm models pull {entry.name}' fetches that, "
        "and converts it where the extra 'export' is installed"
    )
