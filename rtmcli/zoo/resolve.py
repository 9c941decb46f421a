"""The file of a model that a user names: a bundled or installed model, a file, a folder or a zip."""

from pathlib import Path

from rtmcli.errors import DataError, MissingError

WEIGHTS = Path(__file__).parent / "weights"
DEFAULT_DETECTOR = "rtmdet-nano"
DEFAULT_POSE = "rtmpose-t"
# The bundled models were trained by this project. Bundled name -> the published model of the same network.
OFFICIAL_MODELS = {
    "rtmdet-nano": "rtmdet-nano-person-320x320",
    "rtmpose-t": "rtmpose-t-coco17-256x192",
}
# Suffixes of model files in a folder, in order of preference.
_MODEL_SUFFIXES = (".onnx", ".xml", ".param", ".engine", ".pth")


def find_model(name: str | Path, *, checkpoint: bool = False) -> Path:
    """The file of a model.

    Args:
        name: the name of a bundled or installed model, a file, a folder, or a zip that contains `end2end.onnx`.
        checkpoint: whether a model that is installed as a checkpoint only is acceptable, as for PyTorch.

    Raises:
        MissingError: no such file and no such installed model; the message has the command that downloads it, or the
            nearest name.
        DataError: a folder or a zip without a model, or with several.

    Example:
        from rtmcli import find_model

        print(find_model("rtmpose-t"))
    """
    text = str(name)
    path = Path(text).expanduser()
    is_name = "/" not in text and path.suffix not in (*_MODEL_SUFFIXES, ".zip")
    if is_name and (found := bundled_path(text) or _installed(text)) is not None:
        return found
    if path.is_dir():
        return _in_folder(path)
    if path.is_file():
        return _unpacked(path) if path.suffix.lower() == ".zip" else path
    return _published(text, checkpoint=checkpoint)


def find_weights(name: str | Path) -> Path:
    """The weights to start training from: the checkpoint of an installed model if there is one, else as `find_model`.

    Raises:
        MissingError: not installed; the message has the command that downloads the checkpoint.
    """
    text = str(name)
    if not Path(text).exists():
        from rtmcli.zoo.install import installed_path
        from rtmcli.zoo.names import find_entry, short_name

        entry = find_entry(text)
        if entry is not None:
            for path in (installed_path(entry.name, "pth"), installed_path(entry.name)):
                if path.is_file():
                    return path
            raise MissingError(
                f"the weights of {text!r} are not installed; "
                f"'rtm models pull --checkpoint {short_name(text, entry)}' downloads them"
            )
    return find_model(name, checkpoint=True)


def bundled_names() -> list[str]:
    """Names of the models bundled with the package."""
    return sorted(path.stem for path in WEIGHTS.glob("*.onnx"))


def bundled_path(name: str) -> Path | None:
    """The file of a bundled model, its name in any case; None where there is none."""
    path = WEIGHTS / f"{name.lower().replace('_', '-')}.onnx"
    return path if path.is_file() else None


def _installed(name: str) -> Path | None:
    """The file under `$RTM_HOME/models`, by its own name or by a name of the catalogue; None where there is none."""
    from rtmcli.zoo.install import installed_path

    own = installed_path(name)
    if own.is_file():
        return own
    from rtmcli.zoo.names import find_entry

    entry = find_entry(name)
    if entry is None:
        return None
    path = installed_path(entry.name)
    return path if path.is_file() else None


def _published(name: str, *, checkpoint: bool) -> Path:
    """The installed file of a published model; MissingError with what to do where there is none that runs."""
    from rtmcli.zoo.install import installed_models, installed_path
    from rtmcli.zoo.names import find_entry, short_name, unknown_model

    entry = find_entry(name)
    if entry is None:
        path = Path(name)
        if path.suffix in (*_MODEL_SUFFIXES, ".zip") or len(path.parts) > 1:
            raise MissingError(
                f"no model file {name!r}; give a file that exists, or a name that 'rtm models' lists"
            )
        raise unknown_model(name, bundled_names() + installed_models())
    ready, weights = installed_path(entry.name), installed_path(entry.name, "pth")
    if ready.is_file():
        return ready
    if not weights.is_file():
        raise MissingError(
            f"model {name!r} is not installed; 'rtm models pull {short_name(name, entry)}' downloads it"
        )
    if checkpoint:
        return weights
    raise MissingError(
        f"{entry.name} is installed as a checkpoint only; convert it with "
        f"'rtm models convert {weights} -o {ready}', or run it with --engine torch"
    )


def _in_folder(folder: Path) -> Path:
    for suffix in _MODEL_SUFFIXES:
        found = sorted(path for path in folder.iterdir() if path.suffix == suffix and path.is_file())
        # An ncnn export of RTMO has its coordinate classifier in a file of its own.
        found = [path for path in found if not path.name.endswith(".dcc.param")]
        if len(found) == 1:
            return found[0]
        if found:
            official = folder / f"end2end{suffix}"
            if official in found:
                return official
            names = ", ".join(path.name for path in found)
            raise DataError(f"{folder}: contains several models ({names}); name one of them")
    raise DataError(f"{folder}: contains no model file (expected {', '.join(_MODEL_SUFFIXES)})")


def _unpacked(archive: Path) -> Path:
    """The model of a zip, kept for the next run. Its path contains the zip's name, from which a card is inferred."""
    from rtmcli.settings import home
    from rtmcli.zoo.download.archive import extract_model
    from rtmcli.zoo.download.lock import hash_file, make_folder

    target = home() / "unpacked" / hash_file(archive)[:16] / archive.stem / "end2end.onnx"
    if not target.is_file():
        make_folder(target.parent)
        extract_model(archive, target)
    return target
