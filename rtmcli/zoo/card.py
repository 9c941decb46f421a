"""The card of a model: all that a caller would otherwise have to know (docs/design.md, "Models").

A card is TOML in the zoo and JSON in the model file's metadata, under the key `rtm.card`.
"""

import json
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Literal, get_args

from rtmcli.errors import DataError, UsageError

METADATA_KEY = "rtm.card"
MAX_SIDE = 16384  # pixels of an input

Task = Literal["detector", "topdown", "onestage"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """What a model is, what it takes, what it gives, and where it comes from.

    Attributes:
        name: zoo name: `rtmpose-t`, or with set and size (height x width) `rtmpose-m-coco17-256x192`.
        family: `rtmpose`, `rtmw`, `rtmw3d`, `rtmo`, `rtmdet` or `yolox`.
        size: `nano`, `t`, `tiny`, `s`, `m`, `l` or `x`.
        task: `detector` (boxes), `topdown` (a box to a pose) or `onestage` (an image to poses).
        skeleton: name of the skeleton; None for a detector.
        classes: class names by label.
        width, height: input size in pixels.
        mean, std: normalisation in 0..255, in the network's colour order.
        color: channel order the network expects; images in rtm are BGR.
        contract: `plain` (the official export) or `deploy` (uint8 BGR in, keypoints out; docs/design.md, "Models").
        codec: `{"name": "simcc", "ratio": 2.0, ...}` and the like; empty for a detector.
        score, iou: thresholds of the test-time path, for detectors and one-stage models.
        threshold: the detector's score from which its boxes are worth keeping, the F1-optimal one on a validation set
            (benchmarks/detector_threshold.py); the default of --score.
        training: data, schedule and duration, in words.
        figures: figure name to value, with `command` giving the command that measures them.
        licence: the terms, in words. origin: URL or source of the file.

    Example:
        from rtmcli import open_model

        card = open_model("rtmpose-t").card
        print(card.skeleton, card.width, card.height, card.licence)
    """

    name: str
    family: str
    size: str
    task: Task
    width: int
    height: int
    skeleton: str | None = None
    classes: tuple[str, ...] = ("person",)
    mean: tuple[float, float, float] = (0.0, 0.0, 0.0)
    std: tuple[float, float, float] = (1.0, 1.0, 1.0)
    color: Literal["rgb", "bgr"] = "bgr"
    contract: Literal["plain", "deploy"] = "plain"
    codec: dict[str, Any] = field(default_factory=dict)
    score: float | None = None
    iou: float | None = None
    threshold: float | None = None
    training: str = ""
    figures: dict[str, Any] = field(default_factory=dict)
    licence: str = ""
    origin: str = ""

    def to_dict(self) -> dict[str, Any]:
        """The card as plain data, for TOML and JSON: keys without a value are left out."""
        return {key: value for key, value in asdict(self).items() if value not in (None, "", {})}

    def to_json(self) -> str:
        """The text stored in a model file's metadata."""
        return json.dumps(self.to_dict())

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> "Card":
        """The card of plain data; keys of later versions are ignored.

        Raises DataError where a key is missing, or has a value that no model has.
        """
        if not isinstance(data, dict):
            raise DataError(f"the model card is not an object of keys and values, but {type(data).__name__}")
        known = {f.name for f in fields(cls)}
        values: dict[str, Any] = {
            key: tuple(v) if isinstance(v, list) else v for key, v in data.items() if key in known
        }
        try:
            card = cls(**values)
        except TypeError as error:
            raise DataError(f"model card {data.get('name', '?')!r} is incomplete: {error}") from None
        for key, good in _checks(card).items():
            if not good:
                raise DataError(f"model card {card.name!r}: {key} cannot be {getattr(card, key)!r}")
        return card

    @classmethod
    def from_json(cls, text: str) -> "Card":
        """The card stored in a model file's metadata. Raises DataError where it is not one."""
        try:
            data = json.loads(text)
        except ValueError as error:
            raise DataError(f"the card in the model file is not JSON: {error}") from None
        return cls.from_dict(data)


def _checks(card: Card) -> dict[str, bool]:
    """Whether each key that code relies on has a value of the right kind: cards come from files of unknown origin."""
    texts = ("name", "family", "size", "training", "licence", "origin")
    numbers = ("score", "iou", "threshold")
    return {
        **{key: isinstance(getattr(card, key), str) for key in texts},
        **{key: isinstance(getattr(card, key), float | int | None) for key in numbers},
        **{key: _is_side(getattr(card, key)) for key in ("width", "height")},
        "task": card.task in get_args(Task),
        "skeleton": isinstance(card.skeleton, str | None),
        "classes": _is_tuple(card.classes, str) and len(card.classes) > 0,
        "mean": _is_tuple(card.mean, float | int) and len(card.mean) == 3,
        "std": _is_tuple(card.std, float | int) and len(card.std) == 3 and all(card.std),
        "color": card.color in ("rgb", "bgr"),
        "contract": card.contract in ("plain", "deploy"),
        "codec": isinstance(card.codec, dict),
        "figures": isinstance(card.figures, dict),
    }


def _is_side(value: object) -> bool:
    return isinstance(value, int) and 0 < value <= MAX_SIDE


def _is_tuple(value: object, kind: Any) -> bool:
    return isinstance(value, tuple) and all(isinstance(one, kind) for one in value)


def refuse_overrides(
    card: Card,
    *,
    size: tuple[int, int] | None = None,
    skeleton: str | None = None,
    family: str | None = None,
    size_flag: str = "--size",
) -> None:
    """Raise UsageError for a property that is given although the model's own card says it: it has no effect.

    Args:
        card: the card inside the model file.
        size: (width, height). size_flag: the option that gives it.
    """
    given = {
        size_flag: (size, f"its input is {card.width}x{card.height} (width x height)"),
        "--skeleton": (skeleton, f"its skeleton is {card.skeleton}"),
        "--family": (family, f"it is of the family {card.family}"),
    }
    for flag, (value, said) in given.items():
        if value is not None:
            raise UsageError(
                f"{flag} has no effect with {card.name}, whose file says that {said}; leave it out"
            )
