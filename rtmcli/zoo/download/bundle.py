"""Models in one tar file for a machine without a network, checked by hash when unpacked."""

import io
import json
import re
import shutil
import tarfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rtmcli.errors import DataError, MissingError, UsageError
from rtmcli.files import replacing
from rtmcli.zoo.download.lock import by_url, hash_file, make_folder, read_lock, record, recorded_hash
from rtmcli.zoo.install import model_state, models_folder

MANIFEST = "rtm-models.json"
LARGEST = 2 << 30  # bytes of one model
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*\.(onnx|pth)")


def pack_models(files: Sequence[Path], out: Path) -> None:
    """Write files of `models_folder()` into a tar, after a list of their hashes. Raises DataError for a changed one."""
    tables = read_lock()
    listed = []
    for path in files:
        if model_state(path) == "changed":
            raise DataError(
                f"{path}: has changed since it was downloaded; 'rtm models pull {path.stem}' downloads it again"
            )
        digest = hash_file(path)
        url = tables["models"].get(path.name, {}).get("url", "")
        listed.append({"file": path.name, "sha256": digest, "size": path.stat().st_size, "url": url})
    manifest = json.dumps(
        {"format": 1, "models": listed, "downloads": tables["downloads"]}, indent=1
    ).encode()
    with replacing(out) as temporary, tarfile.open(temporary, mode="w:") as tar:
        tar.addfile(_member(MANIFEST, len(manifest)), io.BytesIO(manifest))
        for path in files:
            with path.open("rb") as content:
                tar.addfile(_member(path.name, path.stat().st_size), content)


def unpack_models(bundle: Path) -> list[Path]:
    """Put the models of a tar into `models_folder()`, each as soon as its hash is checked.

    Raises:
        MissingError: no such file.
        DataError: the file is no bundle; its members differ from its list; or a model is installed already with
            other bytes, which is never replaced.
    """
    make_folder(models_folder())
    try:
        with tarfile.open(bundle, "r:") as tar:
            manifest = _manifest(tar, bundle)
            expected = {item["file"]: item for item in manifest["models"]}
            done = []
            while (member := tar.next()) is not None:
                item = expected.pop(member.name, None)
                if item is None or not member.isreg() or member.size != item["size"]:
                    raise DataError(
                        f"{bundle}: contains {member.name!r}, which differs from its list of models"
                    )
                done.append(_place(tar, member, item, bundle))
    except FileNotFoundError:
        raise MissingError(f"no file {str(bundle)!r}; 'rtm models bundle NAME -o FILE' writes one") from None
    except (tarfile.TarError, EOFError) as error:
        raise DataError(f"{bundle}: is not a complete bundle of models: {error}") from None
    if expected:
        raise DataError(f"{bundle}: ends before {', '.join(expected)}")
    for name, known in by_url(manifest["downloads"]).items():
        if recorded_hash("downloads", name) is None:
            record(
                "downloads", name, sha256=known["sha256"], size=known["size"], url=str(known.get("url", ""))
            )
    return done


def _manifest(tar: tarfile.TarFile, bundle: Path) -> dict[str, Any]:
    first = tar.next()
    if first is None or first.name != MANIFEST or not first.isreg() or first.size > 1 << 20:
        raise DataError(f"{bundle}: is not a bundle of models; 'rtm models bundle' writes one")
    content = tar.extractfile(first)
    assert content is not None
    try:
        manifest: dict[str, Any] = json.loads(content.read())
        if manifest["format"] != 1:
            raise UsageError(f"{bundle}: was written by a newer version of rtm; update this one")
        for item in manifest["models"]:
            valid = _NAME.fullmatch(item["file"]) and re.fullmatch(r"[0-9a-f]{64}", item["sha256"])
            if not valid or not 0 < item["size"] <= LARGEST:
                raise DataError(
                    f"{bundle}: lists {item['file']!r}, whose name or size is not that of a model"
                )
        for known in manifest["downloads"].values():
            if not re.fullmatch(r"[0-9a-f]{64}", known["sha256"]) or not isinstance(known["size"], int):
                raise ValueError
    except (ValueError, KeyError, TypeError, AttributeError):
        raise DataError(f"{bundle}: its list of models is damaged") from None
    return manifest


def _place(tar: tarfile.TarFile, member: tarfile.TarInfo, item: dict[str, Any], bundle: Path) -> Path:
    target: Path = models_folder() / item["file"]
    known = recorded_hash("models", target.name)
    if known not in (None, item["sha256"]):
        raise DataError(
            f"{bundle}: {target.name} differs from the one recorded here; to replace it, remove {target} and its "
            "entry in lock.toml"
        )
    content = tar.extractfile(member)
    assert content is not None
    with replacing(target) as temporary:
        with temporary.open("wb") as out:
            shutil.copyfileobj(content, out)
        if hash_file(temporary) != item["sha256"]:
            raise DataError(f"{bundle}: {target.name} is damaged; bundle it again")
    record("models", target.name, sha256=item["sha256"], size=item["size"], url=str(item.get("url", "")))
    return target


def _member(name: str, size: int) -> tarfile.TarInfo:
    """A tar header without times and owners, so that equal models give equal bundles."""
    info = tarfile.TarInfo(name)
    info.size, info.mode = size, 0o644
    return info
