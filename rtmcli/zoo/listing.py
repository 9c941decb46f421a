"""All models a person can name: those in the package, those fetched or converted, and the published ones."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rtmcli.errors import DataError, UsageError
from rtmcli.zoo.card import Card
from rtmcli.zoo.catalogue import Entry, entries, find_entry, unknown
from rtmcli.zoo.install import installed_models, installed_path
from rtmcli.zoo.metadata import read_card
from rtmcli.zoo.resolve import WEIGHTS, bundled_names, find_model

CPU = "ort_cpu_i7_11700"  # the machine of the papers' CPU tables
TASKS = ("detector", "topdown", "onestage", "backbone")


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """One line of the list: as `catalogue.Entry`, for any model. `file` is where it lies, None where it is not here."""

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
    note: str = ""
    bundled: bool = False
    file: str | None = None

    @property
    def headline(self) -> tuple[str, float] | None:
        """The first figure."""
        return next(((key, value) for key, value in self.figures.items() if isinstance(value, float)), None)


def list_models() -> list[Listed]:
    """Bundled models, then models of one's own in the rtm folder, then the published ones."""
    published = [_published(entry) for entry in entries().values()]
    bundled = [_carded(WEIGHTS / f"{name}.onnx", bundled=True) for name in bundled_names()]
    own = [_own(installed_path(name)) for name in installed_models() if name not in entries()]
    return bundled + own + published


def select(
    models: Iterable[Listed],
    *,
    task: str | None = None,
    skeleton: str | None = None,
    max_ms: float | None = None,
) -> list[Listed]:
    """Those that do `task` (or find that subject), of a skeleton, with a published CPU time of at most `max_ms`.

    Raises UsageError for a task or skeleton that no model has.
    """
    chosen = list(models)
    if task is not None:
        known = sorted({model.subject for model in chosen} | set(TASKS))
        if task not in known:
            raise UsageError(f"no model does {task!r}; use one of {', '.join(known)}")
        chosen = [model for model in chosen if task in (model.task, model.subject)]
    if skeleton is not None:
        from rtmcli.skeletons import load_skeleton

        name = load_skeleton(skeleton).name
        chosen = [model for model in chosen if model.skeleton == name]
    if max_ms is not None:
        chosen = [model for model in chosen if model.latency.get(CPU, float("inf")) <= max_ms]
    return chosen


def describe_model(said: str) -> Listed:
    """One model by name, alias or file. Raises MissingError where there is none, with the nearest name."""
    if said in bundled_names():
        return _carded(WEIGHTS / f"{said}.onnx", bundled=True)
    entry = find_entry(said)
    if entry is not None:
        return _published(entry)
    if installed_path(said).is_file() or Path(said).is_file():
        return _carded(find_model(said))
    raise unknown(said, bundled_names() + installed_models())


def _published(entry: Entry) -> Listed:
    ready, checkpoint = installed_path(entry.name), installed_path(entry.name, "pth")
    here = ready if ready.is_file() else checkpoint if checkpoint.is_file() else None
    return Listed(
        name=entry.name, aliases=entry.aliases, family=entry.family, size=entry.size, task=entry.task,
        subject=entry.subject, skeleton=entry.skeleton, width=entry.width, height=entry.height, params=entry.params,
        gmacs=entry.gmacs, flip_test=entry.flip_test, figures=entry.figures, latency=entry.latency,
        training=", ".join(entry.data), restricted=entry.restricted, licence=entry.licence, origin=entry.config,
        urls=tuple(url for remote in entry.remotes for url in remote.urls), note=entry.note,
        file=str(here) if here else None,
    )  # fmt: skip


def _own(path: Path) -> Listed:
    """A model that a person put into the rtm folder; one that cannot be read must not hide the others."""
    try:
        return _carded(path)
    except DataError as error:
        return Listed(
            name=path.stem, family="", size="", task="unknown", subject="unknown", skeleton=None, width=0, height=0,
            file=str(path), note=str(error),
        )  # fmt: skip


def _carded(path: Path, *, bundled: bool = False) -> Listed:
    """A model file that explains itself, listed under its file's name."""
    card = read_card(path) if path.suffix == ".onnx" else None
    if card is None:
        raise DataError(f"{path}: carries no card; 'rtm models convert' writes files that do")
    return Listed(
        name=path.stem, family=card.family, size=card.size, task=card.task, subject=_subject(card),
        skeleton=card.skeleton, width=card.width, height=card.height, figures=card.figures, training=card.training,
        licence=card.licence, origin=card.origin, bundled=bundled, file=str(path),
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
