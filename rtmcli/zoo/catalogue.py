"""The published models: `cards.toml` as entries, found by name, by alias or by what a publisher calls them."""

import difflib
import re
import tomllib
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

from rtmcli.errors import MissingError, UsageError
from rtmcli.zoo.card import Card
from rtmcli.zoo.family_pixels import FAMILY_PIXELS
from rtmcli.zoo.infer_card import COCO80

CARDS = Path(__file__).with_name("cards.toml")

Kind = Literal["onnx", "pth"]


@dataclass(frozen=True, slots=True)
class Remote:
    """One published file, wherever it lies: all addresses give the same bytes.

    Attributes:
        urls: addresses in the order to try them.
        kind: `onnx` (ready to run, perhaps inside of a zip) or `pth` (a checkpoint).
        member: for a zip, the end of the path of the file in it.
        fragment: the leading hex digits of the SHA-256, empty where the publisher gives none.
        sha256: all of it, empty where nobody has pinned it.
    """

    urls: tuple[str, ...]
    kind: Kind
    member: str = "end2end.onnx"
    fragment: str = ""
    sha256: str = ""

    @property
    def name(self) -> str:
        """The file's name at its publisher."""
        return self.urls[0].split("?")[0].rsplit("/", 1)[-1]


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One published model.

    Attributes:
        name, family, size, skeleton, width, height: as in `Card`.
        published: the publisher's own name of it.
        aliases: shorter names that mean this one.
        subject: what it finds (`person`, `body`, `hand`, ...), or `backbone` for weights to train from.
        task: a `Card.task`, or `backbone`.
        data: the sets it was trained on. restricted: those of them whose terms are not commercial.
        params, gmacs: learnable parameters, and 1e9 multiply-adds; None where nobody says.
        flip_test: whether `figures` were measured with mirrored pictures; None where it does not apply.
        figures: published figures, the headline first; fractions but for those that name a unit.
        latency: published milliseconds of the network alone, by `runtime_precision_machine`.
        config: the publisher's configuration file.
        buildable: False where the network has a structure of its own that is not built here.
        remotes: its files: what is ready to run first, each in order of preference.
        note: what one must know to use it.
    """

    name: str
    published: str
    aliases: tuple[str, ...]
    family: str
    size: str
    subject: str
    task: str
    skeleton: str | None
    classes: tuple[str, ...]
    width: int
    height: int
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    color: Literal["rgb", "bgr"]
    codec: dict[str, Any] = field(default_factory=dict)
    score: float | None = None
    iou: float | None = None
    data: tuple[str, ...] = ()
    restricted: tuple[str, ...] = ()
    params: int | None = None
    gmacs: float | None = None
    flip_test: bool | None = None
    figures: dict[str, float] = field(default_factory=dict)
    latency: dict[str, float] = field(default_factory=dict)
    config: str = ""
    buildable: bool = True
    remotes: tuple[Remote, ...] = ()
    licence: str = ""
    note: str = ""

    def files(self, kind: Kind) -> tuple[Remote, ...]:
        """The published files of one kind."""
        return tuple(remote for remote in self.remotes if remote.kind == kind)

    def card(self) -> Card:
        """What a file of this model says of itself. Raises UsageError for a backbone, which does nothing alone."""
        if self.task == "backbone":
            raise UsageError(
                f"{self.name} is a backbone to train from, not a model to run; 'rtm train --init' takes it"
            )
        return Card(
            name=self.name, family=self.family, size=self.size, task=self.task,  # type: ignore[arg-type]
            width=self.width, height=self.height, skeleton=self.skeleton, classes=self.classes,
            mean=self.mean, std=self.std, color=self.color, codec=self.codec, score=self.score, iou=self.iou,
            training=", ".join(self.data), figures=dict(self.figures), licence=self.licence,
            origin=self.remotes[0].urls[0],
        )  # fmt: skip


@lru_cache(maxsize=1)
def entries() -> dict[str, Entry]:
    """All published models by name, in the order of the file. Reading takes some 20 ms, once."""
    text = _text()
    restricted = set(text["restricted_data"])
    made = (
        _entry(name, text["families"][data["family"]] | data, restricted)
        for name, data in text["models"].items()
    )
    return {entry.name: entry for entry in made}


@lru_cache(maxsize=1)
def names() -> dict[str, str]:
    """Every way to say a model -> its name: names, aliases, and the publisher's names (body8 is body7 there)."""
    found: dict[str, str] = {}
    for entry in entries().values():
        for said in (entry.name, *entry.aliases, entry.published, entry.published.replace("body7", "body8")):
            found.setdefault(said, entry.name)
    return found


def find_entry(said: str) -> Entry | None:
    """The published model of a name, an alias or a publisher's name; None where there is none."""
    name = names().get(said)
    return entries()[name] if name else None


def entry_of_file(file_name: str) -> Entry | None:
    """The model a file belongs to, by its publisher's name for it or ours; None where it is unknown."""
    stem = Path(file_name).stem if file_name.endswith((".pth", ".onnx", ".zip")) else file_name
    return _files().get(stem) or entries().get(stem)


def family_card(
    family: str,
    *,
    name: str,
    size: str,
    width: int,
    height: int,
    skeleton: str | None = None,
    classes: tuple[str, ...] | None = None,
) -> Card:
    """The card of a network of a published family: colours, codec and thresholds are the family's."""
    classes = classes or (class_of(skeleton),)
    common = _text()["families"][family]
    score, iou = common.get("score"), common.get("iou")
    if family == "rtmdet" and len(classes) > 1:  # the test settings of the 80-class models
        score, iou = 0.001, 0.65
    return Card(
        name=name, family=family, size=size, task=common["task"], width=width, height=height, skeleton=skeleton,
        classes=classes, codec=dict(common.get("codec", {})), score=score, iou=iou, **FAMILY_PIXELS[family],
    )  # fmt: skip


def class_of(skeleton: str | None) -> str:
    """Whose keypoints a skeleton has: the class whose boxes a top-down model of it wants."""
    part = re.match(r"(?:\w*hand|face|ap10k|animal)", skeleton or "")
    if part is None:
        return "person"
    return "hand" if part[0].endswith("hand") else "face" if part[0] == "face" else "animal"


def unknown(said: str, known: list[str]) -> MissingError:
    """The error for a name that nothing has: the nearest of `known` and of the published names is suggested."""
    near = difflib.get_close_matches(said, [*known, *names()], n=1)
    hint = f"did you mean {near[0]}? " if near else ""
    return MissingError(f"no such model {said!r}; {hint}'rtm models' lists them")


def published_pipelines() -> list[dict[str, Any]]:
    """Detector and pose model pairs with the figures and latencies of their publisher (no mirrored pictures)."""
    found: list[dict[str, Any]] = _text()["pipelines"]
    return found


def published_benchmark() -> dict[str, dict[str, Any]]:
    """The publisher's latency page: row -> `runtime_precision_machine` -> milliseconds."""
    found: dict[str, dict[str, Any]] = _text()["benchmark"]["rows"]
    return found


@lru_cache(maxsize=1)
def _text() -> dict[str, Any]:
    return tomllib.loads(CARDS.read_text(encoding="utf-8"))


@lru_cache(maxsize=1)
def _files() -> dict[str, Entry]:
    found: dict[str, Entry] = {}
    for entry in entries().values():
        for remote in entry.remotes:
            for url in remote.urls:
                if remote.member == "end2end.onnx":  # an archive of several models names none of them
                    found.setdefault(Path(url.split("?")[0]).stem, entry)
    return found


def _entry(name: str, data: dict[str, Any], restricted: set[str]) -> Entry:
    said = data.get("classes") or class_of(data.get("skeleton"))
    remotes = [Remote((url,), "onnx", data.get("member", "end2end.onnx")) for url in data.get("onnx", ())]
    if data.get("pth"):
        remotes.append(Remote(tuple(data["pth"]), "pth", fragment=data.get("fragment", "")))
    return Entry(
        name=name, published=data["published"], aliases=tuple(data.get("aliases", ())), family=data["family"],
        size=data["size"], subject=data["subject"], task=data["task"], skeleton=data.get("skeleton"),
        classes=COCO80 if said == "coco80" else (said,), width=data["width"], height=data["height"],
        **FAMILY_PIXELS[data["family"]], codec=dict(data.get("codec", {})),
        score=data.get("score"), iou=data.get("iou"), data=tuple(data["data"]),
        restricted=tuple(part for part in data["data"] if part in restricted),
        params=data.get("params"), gmacs=data.get("gmacs"), flip_test=data.get("flip_test"),
        figures=dict(data.get("figures", {})), latency=dict(data.get("latency", {})), config=data.get("config", ""),
        buildable=data.get("buildable", True), remotes=tuple(remotes), licence=_text()["licence"],
        note=data.get("note", ""),
    )  # fmt: skip
