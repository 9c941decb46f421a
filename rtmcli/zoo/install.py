"""Installed models: `$RTM_HOME/models/NAME.onnx` and `NAME.pth`, with their hashes in the lock."""

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from rtmcli.errors import DataError, MissingError, RtmError
from rtmcli.settings import home
from rtmcli.zoo.catalogue import Entry, Kind, RemoteFile
from rtmcli.zoo.download.archive import extract_model
from rtmcli.zoo.download.http import RetryPolicy, UrlFailed, download_file
from rtmcli.zoo.download.lock import (
    download_key,
    hash_file,
    lock_path,
    make_folder,
    read_lock,
    record,
    recorded_hash,
)
from rtmcli.zoo.metadata import append_card

State = Literal["ok", "changed", "missing", "unrecorded"]


def models_folder() -> Path:
    """The folder of the installed models."""
    return home() / "models"


def installed_path(name: str, kind: Kind = "onnx") -> Path:
    """Where a model's file is, or would be."""
    return models_folder() / f"{name}.{kind}"


def installed_models() -> list[str]:
    """Names of the installed models that can be run, without the bundled ones."""
    return sorted(path.stem for path in models_folder().glob("[!.]*.onnx"))


@dataclass(frozen=True, slots=True, kw_only=True)
class PullOptions:
    """How to download.

    Attributes:
        mirror: a URL under which the publishers' files are found by the paths of their own URLs; tried first.
        trust: accept a file whose hash differs from the one that a third party states.
        retry: when to retry and when to give up.
        progress: called for every block with name, bytes received and bytes in total.
        say: called with messages for the user.
    """

    mirror: str = ""
    trust: bool = False
    retry: RetryPolicy | None = None
    progress: Callable[[str, int, int | None], None] | None = None
    say: Callable[[str], None] = lambda text: None


class HashMismatch(DataError):
    """A downloaded file has another hash than expected."""


def pull_model(entry: Entry, *, kind: Kind | None = None, options: PullOptions | None = None) -> Path:
    """Download a published model, unless it is installed already.

    Its files are tried in the order of the catalogue, those of each kind first at the mirror and then where they are
    published. After a file with a wrong hash only files of the same kind and with a known hash are tried.

    Args:
        entry: which model.
        kind: `onnx` to run it, `pth` to train from it; by default `onnx`, and `pth` where that is not to be had.
        options: how to download.

    Returns:
        Its file under `models_folder()`. An ONNX file carries its card.

    Raises:
        MissingError: no such file is published, or none can be downloaded.
        DataError: a file is not the expected one, or no model, and no other could be downloaded.
    """
    options = options or PullOptions()
    files = entry.files(kind) if kind else entry.files("onnx") + entry.files("pth")
    if not files:
        raise MissingError(_no_file(entry, kind))
    target = installed_path(entry.name, files[0].kind)
    if target.is_file() and model_state(target) in ("ok", "unrecorded"):
        options.say(f"{entry.name} is installed: {target}")
        return target
    make_folder(target.parent)
    failures: list[Exception] = []
    mismatch: Kind | None = None
    hosts_down = set()
    for file, url in _sources(files, options.mirror):
        if urlsplit(url).netloc in hosts_down or (
            mismatch and not (file.kind == mismatch and _has_hash(file))
        ):
            continue
        if failures:
            options.say(f"{failures[-1]}; trying {url}")
        try:
            target = installed_path(entry.name, file.kind)
            _download(entry, file, url, target, options)
            return target
        except UrlFailed as error:
            failures.append(error)
            if error.host_down:
                hosts_down.add(urlsplit(url).netloc)
        except DataError as error:
            failures.append(error)
            if isinstance(error, HashMismatch):
                mismatch = file.kind
    raise _failed(entry, failures)


def model_state(path: Path) -> State:
    """Whether a file of `models_folder()` has the recorded hash."""
    expected = recorded_hash("models", path.name)
    if not path.is_file():
        return "missing"
    if expected is None:
        return "unrecorded"
    return "ok" if hash_file(path) == expected else "changed"


def verify_models() -> Iterator[tuple[Path, State]]:
    """Every installed or recorded model, and its state."""
    names = set(read_lock()["models"])
    if models_folder().is_dir():
        names |= {path.name for path in models_folder().iterdir() if _is_model(path)}
    for name in sorted(names):
        path = models_folder() / name
        yield path, model_state(path)


def record_model(path: Path, *, url: str = "") -> None:
    """Record the hash of a file of `models_folder()`, and where it came from."""
    record("models", path.name, sha256=hash_file(path), size=path.stat().st_size, url=url)


def _is_model(path: Path) -> bool:
    """Whether a file is a model. Hidden files are temporary ones of a download."""
    return path.suffix in (".onnx", ".pth") and not path.name.startswith(".")


def _sources(files: Sequence[RemoteFile], mirror: str) -> list[tuple[RemoteFile, str]]:
    """The files and URLs to try, in order. A mirror has them under the paths of the publishers' URLs."""
    sources = []
    for kind in dict.fromkeys(file.kind for file in files):
        same = [file for file in files if file.kind == kind]
        if mirror:
            sources += [(file, mirror.rstrip("/") + urlsplit(file.url).path) for file in same]
        sources += [(file, file.url) for file in same]
    return sources


def _download(entry: Entry, file: RemoteFile, url: str, target: Path, options: PullOptions) -> None:
    """Download and install one file. Raises UrlFailed or DataError where it is not installed."""
    folder = home() / "downloads"
    make_folder(folder)
    proof = ""

    def check(digest: str) -> None:
        nonlocal proof
        proof = _check(file, digest, options)

    def progress(received: int, total: int | None) -> None:
        if options.progress is not None:
            options.progress(entry.name, received, total)

    with download_file(
        url, folder, file.name, check=check, progress=progress, retry=options.retry
    ) as download:
        digest, size = download.sha256, download.path.stat().st_size
        _install(entry, file, download.path, target)
        record_model(target, url=url)
    record("downloads", download_key(file.url), sha256=digest, size=size, url=file.url)
    options.say(f"{entry.name} comes from {url}; its SHA-256 {digest} {proof}")


def _has_hash(file: RemoteFile) -> bool:
    """Whether a download can be checked."""
    return bool(file.sha256) or recorded_hash("downloads", download_key(file.url)) is not None


def _check(file: RemoteFile, digest: str, options: PullOptions) -> str:
    """How the hash of a file was checked, in words. Raises HashMismatch where it is not the expected one."""
    agrees = digest.startswith(file.sha256)
    if not agrees and not file.stated_by:
        raise HashMismatch(
            f"{file.name}: its SHA-256 is {digest}, but its publisher's starts with {file.sha256}; it is not installed"
        )
    recorded = recorded_hash("downloads", download_key(file.url))
    if recorded is not None:
        if digest != recorded:
            raise HashMismatch(
                f"{file.name}: its SHA-256 is {digest}, but {recorded} is recorded in {lock_path()}; the file was "
                "changed at its source or on the way and is not installed; to accept it, remove its entry there"
            )
        return "is the recorded one"
    enforced = f"recorded in {lock_path()} and enforced from now on"
    if not file.sha256:
        return f"is the first one seen; it is {enforced}"
    if agrees:
        return f"agrees with {file.stated_by or 'its publisher'} ({file.sha256}); it is {enforced}"
    differs = f"{file.name}: its SHA-256 is {digest}, but {file.stated_by} say {file.sha256}"
    if not options.trust:
        raise HashMismatch(f"{differs}; it is not installed; if you trust the source, --trust accepts it")
    options.say(f"{differs}; accepted because of --trust")
    return f"is {enforced}"


def _install(entry: Entry, file: RemoteFile, download: Path, target: Path) -> None:
    """Turn a downloaded file into the model's file, which appears when it is complete."""
    ready = download.with_suffix(".ready")
    try:
        if file.name.endswith(".zip"):
            extract_model(download, ready, member=file.member)
        else:
            os.replace(download, ready)
        if file.kind == "onnx":
            append_card(ready, entry.card())
        os.replace(ready, target)
    except DataError as error:
        # The user knows the file by its published name, not by its temporary ones.
        text = str(error).replace(str(download), file.name).replace(str(ready), file.name)
        raise DataError(text) from None
    except OSError as error:
        raise RtmError(f"cannot write {target}: {error.strerror}") from None
    finally:
        ready.unlink(missing_ok=True)


def _failed(entry: Entry, failures: Sequence[Exception]) -> RtmError:
    """The error after all files failed: bad data if a file came that is not the expected one."""
    reasons = "; ".join(str(failure) for failure in failures)
    if any(isinstance(failure, DataError) for failure in failures):
        return DataError(reasons)
    return MissingError(
        f"{entry.name} cannot be downloaded: {reasons}; try again later, or copy it from a machine that has it with "
        "'rtm models bundle'"
    )


def _no_file(entry: Entry, kind: Kind | None) -> str:
    if kind == "pth":
        return f"no checkpoint of {entry.name} is published"
    return (
        f"{entry.name} is published as a checkpoint only; 'rtm models pull {entry.name}' downloads and converts it "
        "where the extra 'export' is installed"
    )
