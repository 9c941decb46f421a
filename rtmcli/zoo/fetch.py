"""Install a model by name: download it, and convert it where only a checkpoint is published."""

from importlib.util import find_spec
from pathlib import Path

from rtmcli.zoo.catalogue import Entry, Kind
from rtmcli.zoo.convert import convert_checkpoint
from rtmcli.zoo.install import PullOptions, installed_models, installed_path, pull_model, record_model
from rtmcli.zoo.names import find_entry, unknown_model
from rtmcli.zoo.resolve import OFFICIAL_MODELS, bundled_names, bundled_path


def fetch_model(name: str, *, kind: Kind | None = None, options: PullOptions | None = None) -> Path:
    """The file of a model, downloaded unless it is bundled or installed.

    A checkpoint that is downloaded for lack of an ONNX file is converted where the extra `export` is installed.

    Raises:
        MissingError: no such model, or it cannot be downloaded.
        DataError: a file is not the expected one.

    Example:
        from rtmcli import TopDown, fetch_model

        pose = TopDown(fetch_model("rtmpose-m-coco17-256x192"))
    """
    options = options or PullOptions()
    if (bundled := bundled_path(name)) is not None:
        options.say(
            f"{bundled.stem} is bundled with rtm: {bundled}; it is rtm's own model, the official one is "
            f"{OFFICIAL_MODELS[bundled.stem]}"
        )
        return bundled
    entry = find_entry(name)
    if entry is None:
        if installed_path(name).is_file():
            return installed_path(name)
        raise unknown_model(name, bundled_names() + installed_models())
    ready = installed_path(entry.name)
    if kind is None and not entry.files("onnx") and ready.is_file():
        options.say(f"{entry.name} is installed: {ready}")
        return ready
    path = pull_model(entry, kind=kind, options=options)
    if kind is None and path.suffix == ".pth" and entry.task != "backbone" and entry.buildable:
        return _converted(entry, path, ready, options)
    return path


def _converted(entry: Entry, checkpoint: Path, ready: Path, options: PullOptions) -> Path:
    command = f"rtm models convert {checkpoint} -o {ready}"
    if not all(find_spec(package) for package in ("torch", "onnx")):
        options.say(
            f"{entry.name} was downloaded as a checkpoint; to run it: pip install 'rtmcli[export]' && {command}"
        )
        return checkpoint
    convert_checkpoint(checkpoint, ready)
    record_model(ready)
    options.say(f"{entry.name} was converted from its checkpoint: {ready}")
    return ready
