"""All models that can be named: bundled, installed and published ones."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rtmcli.errors import DataError, UsageError
from rtmcli.zoo.card import Card
from rtmcli.zoo.catalogue import Entry, entries
from rtmcli.zoo.install import installed_models, installed_path
from rtmcli.zoo.metadata import read_card
from rtmcli.zoo.names import family_models, find_entry, unknown_model
from rtmcli.zoo.resolve import OFFICIAL_MODELS, WEIGHTS, bundled_names, bundled_path, find_model

# The machine of the CPU columns in the publishers' tables.
CPU = "ort_cpu_i7_11700"
TASKS = ("detector", "topdown", "onestage", "backbone")


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelInfo:
    """What `rtm models` shows of a model: the fields of `catalogue.Entry`, for any model.

    Attributes:
        urls: where its files are published. hashes: URL -> its known SHA-256, and who states it.
        bundled: whether it is part of the package.
        file: the installed file, None where there is none.
    """

    name: str
    aliases: tuple[str, ...] = ()
    family: str
    size: str
    task: str
    subject: str
    skeleton: str | None
    width: int
    height: int
    params: int | None = None
    gmacs: float | None = None
    flip_test: bool | None = None
    figures: dict[str, Any] = field(default_factory=dict)
    latency: dict[str, float] = field(default_factory=dict)
    training: str = ""
    restricted: tuple[str, ...] = ()
    licence: str = ""
    origin: str = ""
    urls: tuple[str, ...] = ()
    hashes: dict[str, str] = field(default_factory=dict)
    note: str = ""
    bundled: bool = False
    file: str | None = None

    @property
    def headline(self) -> tuple[str, float] | None:
        """The first figure."""
        return next(((key, value) for key, value in self.figures.items() if isinstance(value, float)), None)


def list_models() -> list[ModelInfo]:
    """Bundled models, then the user's own in `$RTM_HOME/models`, then the published ones.

    Example:
        from rtmcli import list_models

        for model in list_models():
            print(model.name, model.task, model.skeleton)
    """
    published = [_published(entry) for entry in entries().values()]
    bundled = [_with_card(WEIGHTS / f"{name}.onnx", bundled=True) for name in bundled_names()]
    own = [_own(installed_path(name)) for name in installed_models() if name not in entries()]
    return bundled + own + published


def select(
    models: Iterable[ModelInfo],
    *,
    task: str | None = None,
    skeleton: str | None = None,
    max_ms: float | None = None,
) -> list[ModelInfo]:
    """Filter models.

    Args:
        task: a task, or a subject such as `hand`.
        skeleton: a skeleton's name or alias.
        max_ms: the longest published CPU time; models without one are left out.

    Raises:
        UsageError: no model has such a task or skeleton.
    """
    chosen = list(models)
    if task is not None:
        known = sorted({model.subject for model in chosen} | set(TASKS))
        if task not in known:
            raise UsageError(f"no model has the task or subject {task!r}; expected one of {', '.join(known)}")
        chosen = [model for model in chosen if task in (model.task, model.subject)]
    if skeleton is not None:
        from rtmcli.skeletons import load_skeleton

        name = load_skeleton(skeleton).name
        chosen = [model for model in chosen if model.skeleton == name]
    if max_ms is not None:
        chosen = [model for model in chosen if model.latency.get(CPU, float("inf")) <= max_ms]
    return chosen


def describe_models(name: str) -> list[ModelInfo]:
    """The model of a name or file, or the models of a family's name. Raises MissingError where there is none."""
    if (bundled := bundled_path(name)) is not None:
        return [_with_card(bundled, bundled=True)]
    if Path(name).is_file():
        return [_with_card(find_model(name))]
    if (entry := find_entry(name)) is not None:
        return [_published(entry)]
    if models := family_models(name):
        return [_published(model) for model in models]
    if installed_path(name).is_file() or Path(name).is_dir():
        return [_with_card(find_model(name))]
    raise unknown_model(name, bundled_names() + installed_models())


def _published(entry: Entry) -> ModelInfo:
    ready, checkpoint = installed_path(entry.name), installed_path(entry.name, "pth")
    here = ready if ready.is_file() else checkpoint if checkpoint.is_file() else None
    return ModelInfo(
        name=entry.name, aliases=entry.aliases, family=entry.family, size=entry.size, task=entry.task,
        subject=entry.subject, skeleton=entry.skeleton, width=entry.width, height=entry.height, params=entry.params,
        gmacs=entry.gmacs, flip_test=entry.flip_test, figures=entry.figures, latency=entry.latency,
        training=", ".join(entry.data), restricted=entry.restricted, licence=entry.licence, origin=entry.config,
        urls=tuple(remote.url for remote in entry.remotes), note=entry.note,
        hashes={
            remote.url: f"{remote.sha256} ({remote.stated_by or 'its publisher'})"
            for remote in entry.remotes
            if remote.sha256
        },
        file=str(here) if here else None,
    )  # fmt: skip


def _own(path: Path) -> ModelInfo:
    """A model that the user put into the rtm folder; one that cannot be read is listed with its error."""
    try:
        return _with_card(path)
    except DataError as error:
        return ModelInfo(
            name=path.stem, family="", size="", task="unknown", subject="unknown", skeleton=None, width=0, height=0,
            file=str(path), note=str(error),
        )  # fmt: skip


def _with_card(path: Path, *, bundled: bool = False) -> ModelInfo:
    """A model file with a card, listed under its file name."""
    card = read_card(path) if path.suffix == ".onnx" else None
    if card is None:
        raise DataError(f"{path}: carries no card; 'rtm models convert' writes files with one")
    return ModelInfo(
        name=path.stem, family=card.family, size=card.size, task=card.task, subject=_subject(card),
        skeleton=card.skeleton, width=card.width, height=card.height, figures=card.figures, training=card.training,
        licence=card.licence, origin=card.origin, bundled=bundled, file=str(path),
        note=_bundled_note(path.stem) if bundled else "",
    )  # fmt: skip


def _subject(card: Card) -> str:
    if len(card.classes) > 1:
        return "objects"
    if card.task == "detector":
        return card.classes[0]
    if card.family == "rtmw3d":
        return "wholebody3d"
    named = {"coco133": "wholebody", "halpe26": "body26", "hand21": "hand", "ap10k17": "animal"}
    return named.get(card.skeleton or "", "face" if (card.skeleton or "").startswith("face") else "body")


def _bundled_note(name: str) -> str:
    return f"rtm's own model, bundled with it. The official {name} is {OFFICIAL_MODELS[name]}."
