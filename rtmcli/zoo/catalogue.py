"""The published models: the entries of `cards.toml`. `zoo.names` finds one by name."""

import re
import tomllib
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, cast

from rtmcli.errors import UsageError
from rtmcli.zoo.card import Card, Task
from rtmcli.zoo.family_pixels import FAMILY_PIXELS
from rtmcli.zoo.infer_card import COCO80

CARDS = Path(__file__).with_name("cards.toml")

Kind = Literal["onnx", "pth"]


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """One published file of a model.

    Attributes:
        url: where it is published.
        sha256: all or the leading hex digits of its SHA-256; empty if unknown.
        stated_by: who states the hash; empty for the publisher, in the file's name.
        member: for a zip, the end of the path of the model in it.
    """

    url: str
    sha256: str = ""
    stated_by: str = ""
    member: str = "end2end.onnx"

    @property
    def name(self) -> str:
        """The file's name at its publisher."""
        return self.url.rsplit("/", 1)[-1]

    @property
    def kind(self) -> Kind:
        """`pth` for a checkpoint, `onnx` for a model that runs, also inside a zip."""
        return "pth" if self.name.endswith(".pth") else "onnx"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One published model.

    Attributes:
        name, family, size, skeleton, width, height: as in `Card`.
        published: the publisher's own name.
        aliases: shorter names of this model.
        subject: what it finds (`person`, `body`, `hand`, ...), or `backbone` for weights to train from.
        task: a `Card.task`, or `backbone`.
        data: the training sets. restricted: those of them whose terms exclude commercial use.
        params, gmacs: learnable parameters, and 1e9 multiply-adds; None if not published.
        flip_test: whether `figures` were measured with flip test; None where it does not apply.
        figures: published figures, the headline first; fractions, except those that name a unit.
        latency: published milliseconds of the network alone, by `runtime_precision_machine`.
        config: the publisher's configuration file.
        buildable: False if the network has a structure that is not implemented here.
        remotes: the published files, in order of preference.
        note: what a user must know about it.
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
    remotes: tuple[RemoteFile, ...] = ()
    licence: str = ""
    note: str = ""

    def files(self, kind: Kind) -> tuple[RemoteFile, ...]:
        """The published files of one kind, in order of preference."""
        return tuple(remote for remote in self.remotes if remote.kind == kind)

    def card(self) -> Card:
        """The card of a file of this model. Raises UsageError for a backbone, which cannot be run."""
        if self.task == "backbone":
            raise UsageError(
                f"{self.name} is a backbone, which cannot be run; use it with 'rtm train --init {self.name}'"
            )
        return Card(
            name=self.name, family=self.family, size=self.size, task=cast(Task, self.task),
            width=self.width, height=self.height, skeleton=self.skeleton, classes=self.classes,
            mean=self.mean, std=self.std, color=self.color, codec=self.codec, score=self.score, iou=self.iou,
            training=", ".join(self.data), figures=dict(self.figures), licence=self.licence,
            origin=self.remotes[0].url,
        )  # fmt: skip


@lru_cache(maxsize=1)
def entries() -> dict[str, Entry]:
    """All published models by name, in the order of `cards.toml`, which is read once (20 ms)."""
    cards = _cards()
    restricted = set(cards["restricted_data"])
    return {
        name: _entry(name, cards["families"][data["family"]] | data, restricted)
        for name, data in cards["models"].items()
    }


def entry_for_file(file_name: str) -> Entry | None:
    """The model that a published file belongs to, by the file's name or stem; None where it is unknown."""
    stem = Path(file_name).stem if file_name.endswith((".pth", ".onnx", ".zip")) else file_name
    return _file_stems().get(stem) or entries().get(stem)


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
    """The card of a network of a published family, with the colours, codec and thresholds of that family."""
    classes = classes or (class_of_skeleton(skeleton),)
    common = _cards()["families"][family]
    score, iou = common.get("score"), common.get("iou")
    if family == "rtmdet" and len(classes) > 1:
        # mmdetection's test_cfg of the 80-class models.
        score, iou = 0.001, 0.65
    return Card(
        name=name, family=family, size=size, task=common["task"], width=width, height=height, skeleton=skeleton,
        classes=classes, codec=dict(common.get("codec", {})), score=score, iou=iou, **FAMILY_PIXELS[family],
    )  # fmt: skip


def class_of_skeleton(skeleton: str | None) -> str:
    """The detector class whose boxes a top-down model with this skeleton takes."""
    part = re.match(r"(?:\w*hand|face|ap10k|animal)", skeleton or "")
    if part is None:
        return "person"
    return "hand" if part[0].endswith("hand") else "face" if part[0] == "face" else "animal"


def published_pipelines() -> list[dict[str, Any]]:
    """Detector and pose model pairs with their published figures and latencies (without flip test)."""
    found: list[dict[str, Any]] = _cards()["pipelines"]
    return found


def published_benchmark() -> dict[str, dict[str, Any]]:
    """The publisher's latency page: row -> `runtime_precision_machine` -> milliseconds."""
    found: dict[str, dict[str, Any]] = _cards()["benchmark"]["rows"]
    return found


@lru_cache(maxsize=1)
def _cards() -> dict[str, Any]:
    return tomllib.loads(CARDS.read_text(encoding="utf-8"))


@lru_cache(maxsize=1)
def _file_stems() -> dict[str, Entry]:
    """Published file names without suffix -> their model."""
    found: dict[str, Entry] = {}
    for entry in entries().values():
        for remote in entry.remotes:
            # The name of an archive of several models stands for none of them.
            if remote.member == "end2end.onnx":
                found.setdefault(Path(remote.name).stem, entry)
    return found


def _entry(name: str, data: dict[str, Any], restricted: set[str]) -> Entry:
    classes = data.get("classes") or class_of_skeleton(data.get("skeleton"))
    return Entry(
        name=name, published=data["published"], aliases=tuple(data.get("aliases", ())), family=data["family"],
        size=data["size"], subject=data["subject"], task=data["task"], skeleton=data.get("skeleton"),
        classes=COCO80 if classes == "coco80" else (classes,), width=data["width"], height=data["height"],
        **FAMILY_PIXELS[data["family"]], codec=dict(data.get("codec", {})),
        score=data.get("score"), iou=data.get("iou"), data=tuple(data["data"]),
        restricted=tuple(part for part in data["data"] if part in restricted),
        params=data.get("params"), gmacs=data.get("gmacs"), flip_test=data.get("flip_test"),
        figures=dict(data.get("figures", {})), latency=dict(data.get("latency", {})), config=data.get("config", ""),
        buildable=data.get("buildable", True), remotes=tuple(RemoteFile(**file) for file in data["files"]),
        licence=_cards()["licence"],
        note=data.get("note", ""),
    )  # fmt: skip
