"""From what a person writes after --model or --detector to a file."""

from pathlib import Path

from rtmcli.errors import DataError, MissingError

WEIGHTS = Path(__file__).parent / "weights"
DEFAULT_DETECTOR = "rtmdet-nano"
DEFAULT_POSE = "rtmpose-t"
# What a folder may hold, in the order to look: one of the first kind that is there is the model.
_MODEL_SUFFIXES = (".onnx", ".xml", ".param", ".engine", ".pth")


def find_model(name: str | Path, *, checkpoint: bool = False) -> Path:
    """The file of a model: of a bundled or fetched one's name, of a file, a folder, or a zip with `end2end.onnx` in it.

    `checkpoint` says that a model which is here as a checkpoint alone will do (for PyTorch it does).

    Raises:
        MissingError: neither a file nor a model that is here; the message has the command that fetches it, or
            suggests the nearest name.
        DataError: a folder or a zip that holds no model, or several.
    """
    said = str(name)
    if "/" not in said:
        bundled = WEIGHTS / f"{said}.onnx"
        if bundled.is_file():
            return bundled
        if (fetched := _fetched(said)) is not None:
            return fetched
    path = Path(said).expanduser()
    if path.is_dir():
        return _in_folder(path)
    if path.is_file():
        return _unpacked(path) if path.suffix.lower() == ".zip" else path
    if path.suffix in (*_MODEL_SUFFIXES, ".zip") or len(path.parts) > 1:
        raise MissingError(
            f"no model file {said!r}; give a file that exists, or a name that 'rtm models' lists"
        )
    return _checkpoint(said, wanted=checkpoint)


def find_weights(name: str | Path) -> Path:
    """The file to train from or to export: the checkpoint of a fetched model where there is one, else as `find_model`.

    Raises:
        MissingError: it is not here; the message has the command that fetches the checkpoint.
    """
    said = str(name)
    if "/" not in said and not Path(said).is_file():
        from rtmcli.zoo.catalogue import find_entry
        from rtmcli.zoo.install import installed_path

        entry = find_entry(said)
        if entry is not None:
            for path in (installed_path(entry.name, "pth"), installed_path(entry.name)):
                if path.is_file():
                    return path
            raise MissingError(
                f"no weights of {said!r} on this machine; 'rtm models pull --checkpoint {said}' fetches them"
            )
    return find_model(name, checkpoint=True)


def bundled_names() -> list[str]:
    """Names of the models that ship inside the package."""
    return sorted(path.stem for path in WEIGHTS.glob("*.onnx"))


def _fetched(said: str) -> Path | None:
    """The file under `$RTM_HOME/models`: by its own name, or by an alias of the catalogue."""
    from rtmcli.zoo.install import installed_path

    own = installed_path(said)
    if own.is_file():
        return own
    from rtmcli.zoo.catalogue import find_entry

    entry = find_entry(said)
    if entry is None:
        return None
    path = installed_path(entry.name)
    return path if path.is_file() else None


def _checkpoint(said: str, *, wanted: bool) -> Path:
    """The checkpoint of a model that has nothing else here; what to do where it has none, or none is wanted."""
    from rtmcli.zoo.catalogue import find_entry, unknown
    from rtmcli.zoo.install import installed_models, installed_path

    entry = find_entry(said)
    if entry is None:
        raise unknown(said, bundled_names() + installed_models())
    path = installed_path(entry.name, "pth")
    if not path.is_file():
        raise MissingError(f"model {said!r} is not on this machine; 'rtm models pull {said}' fetches it")
    if wanted:
        return path
    raise MissingError(
        f"{entry.name} is here as a checkpoint only; "
        f"'rtm models convert {path} -o {installed_path(entry.name)}' makes it run, --engine torch runs it as it is"
    )


def _in_folder(folder: Path) -> Path:
    for suffix in _MODEL_SUFFIXES:
        found = sorted(path for path in folder.iterdir() if path.suffix == suffix and path.is_file())
        found = [
            path for path in found if not path.name.endswith(".dcc.param")
        ]  # RTMO's classifier, for ncnn
        if len(found) == 1:
            return found[0]
        if found:
            best = folder / f"end2end{suffix}"  # the name that official exports have
            if best in found:
                return best
            names = ", ".join(path.name for path in found)
            raise DataError(f"{folder}: holds several models ({names}); name one of them")
    raise DataError(f"{folder}: holds no model file ({', '.join(_MODEL_SUFFIXES)})")


def _unpacked(archive: Path) -> Path:
    """The model of a zip, kept for the next run; its path keeps the zip's name, which tells what it is."""
    from rtmcli.settings import home
    from rtmcli.zoo.download.archive import extract_model
    from rtmcli.zoo.download.lock import hash_file, make_folder

    target = home() / "unpacked" / hash_file(archive)[:16] / archive.stem / "end2end.onnx"
    if not target.is_file():
        make_folder(target.parent)
        extract_model(archive, target)
    return target
