"""Install a model by name: download it, and convert it where only a checkpoint is published."""

from importlib.util import find_spec
from pathlib import Path

from rtmcli.zoo.catalogue import Entry, Kind, find_entry, unknown
from rtmcli.zoo.convert import convert_checkpoint
from rtmcli.zoo.install import Pull, installed_models, installed_path, pull_model, record_model
from rtmcli.zoo.resolve import WEIGHTS, bundled_names


def fetch_model(said: str, *, kind: Kind | None = None, how: Pull) -> Path:
    """A model's file, fetched where it is not here; one that is published as a checkpoint only is converted too,
    where the extra `export` is installed.

    Raises MissingError and DataError as `install.pull_model` does.
    """
    if said in bundled_names():
        how.say(f"{said} ships with rtm: {WEIGHTS / said}.onnx")
        return WEIGHTS / f"{said}.onnx"
    entry = find_entry(said)
    if entry is None:
        if installed_path(said).is_file():
            return installed_path(said)
        raise unknown(said, bundled_names() + installed_models())
    ready = installed_path(entry.name)
    if kind is None and not entry.files("onnx") and ready.is_file():
        how.say(f"{entry.name} is here: {ready}")
        return ready
    path = pull_model(entry, kind=kind, how=how)
    if kind is None and path.suffix == ".pth" and entry.task != "backbone" and entry.buildable:
        return _converted(entry, path, ready, how)
    return path


def _converted(entry: Entry, checkpoint: Path, ready: Path, how: Pull) -> Path:
    command = f"rtm models convert {checkpoint} -o {ready}"
    if not all(find_spec(package) for package in ("torch", "onnx")):
        how.say(
            f"{entry.name} is published as a checkpoint only; to run it: pip install 'rtmcli[export]' && {command}"
        )
        return checkpoint
    convert_checkpoint(checkpoint, ready)
    record_model(ready)
    how.say(f"{entry.name} came as a checkpoint and was converted: {ready}")
    return ready
