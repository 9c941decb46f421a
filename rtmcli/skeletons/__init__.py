"""Skeletons: the names and links of the keypoints of a pose, and the maps from one skeleton to another.

Each skeleton is a TOML file beside this module; `--skeleton FILE` reads one of your own with the same keys, of which
only `name` and `keypoints` are required.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from difflib import get_close_matches
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from rtmcli.arrays import Float64Array, IndexArray
from rtmcli.errors import DataError, UsageError
from rtmcli.skeletons.angles import Angle, Vector, read_angles, read_facing
from rtmcli.skeletons.lookup import keypoint_index

Color = tuple[int, int, int]

# Where a skeleton has no sigmas of its own: between COCO's eyes (0.025) and its hips (0.107).
_DEFAULT_SIGMA = 0.05
_DEFAULT_COLOR = (51, 153, 255)


@dataclass(frozen=True, slots=True)
class Map:
    """The map from the keypoints of one skeleton to those of another.

    Attributes:
        pairs: (own index or indices, index there); several own indices are their mean.
        derived: index there -> own indices whose mean it is, scored by the weakest of them.
    """

    pairs: tuple[tuple[int | tuple[int, ...], int], ...]
    derived: Mapping[int, tuple[int, ...]] = field(default_factory=dict)


@dataclass(frozen=True, eq=False, slots=True, kw_only=True)
class Skeleton:
    """The points of a pose, in index order.

    Attributes:
        keypoints: names; K of them.
        flip: (K,) int: `keypoints[flip]` gives the keypoints of a mirrored image their right names.
        links: index pairs in drawing order.
        colors, link_colors: RGB, one per keypoint and one per link.
        sigmas: (K,) float64 of the object keypoint similarity, which uses 2 sigma.
        own_sigmas: whether the data set defines them; otherwise they are the same for all keypoints.
        weights: (K,) float64, weight of each keypoint in training.
        parts: part name to indices.
        upper, lower: the halves of the half-body augmentation; empty where there are none.
        maps: target skeleton to map.
        part_maps: part name to (target skeleton, map).
        training_maps: target skeleton to the map used when training on this data set.
        angles: name to definition; empty where there are none.
        facing: groups of vectors that point to where the person faces; the first group that is seen decides.
        aliases: other names of the skeleton.

    Example:
        from rtmcli import load_skeleton

        skeleton = load_skeleton("coco17")
        for start, end in skeleton.links:
            print(skeleton.keypoints[start], skeleton.keypoints[end])
    """

    name: str
    keypoints: tuple[str, ...]
    flip: IndexArray
    links: tuple[tuple[int, int], ...]
    colors: tuple[Color, ...]
    link_colors: tuple[Color, ...]
    sigmas: Float64Array
    own_sigmas: bool
    weights: Float64Array
    parts: dict[str, tuple[int, ...]]
    upper: tuple[int, ...]
    lower: tuple[int, ...]
    maps: dict[str, Map]
    part_maps: dict[str, tuple[str, Map]]
    training_maps: dict[str, Map]
    angles: dict[str, Angle] = field(default_factory=dict)
    facing: tuple[tuple[Vector, ...], ...] = ()
    aliases: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.keypoints)


@lru_cache(maxsize=1)
def skeleton_names() -> tuple[str, ...]:
    """The names of all skeletons that ship with rtm, sorted."""
    return tuple(sorted(path.stem for path in Path(__file__).parent.glob("*.toml")))


@lru_cache(maxsize=64)
def load_skeleton(name: str | Path) -> Skeleton:
    """The skeleton of this name or alias, or of a TOML file.

    Raises UsageError with the nearest name where there is none, DataError where a file is not a skeleton.

    Example:
        from rtmcli import load_skeleton

        assert load_skeleton("coco17").keypoints[0] == "nose"
    """
    text = str(name)
    own = Path(__file__).parent / f"{text}.toml"
    if text in skeleton_names():
        return _read(own)
    if text.endswith(".toml") or isinstance(name, Path):
        return _read(Path(name))
    aliases = _aliases()
    if text in aliases:
        return _read(own.with_name(f"{aliases[text]}.toml"))
    near = get_close_matches(text, [*skeleton_names(), *aliases], n=1)
    hint = f"did you mean {near[0]}? There" if near else "there"
    raise UsageError(
        f"no such skeleton {text!r}; {hint} are {', '.join(skeleton_names())}; or name a TOML file"
    )


def map_keypoints(
    keypoints: npt.NDArray[Any], source: str | Skeleton, target: str | Skeleton
) -> npt.NDArray[Any]:
    """Translate keypoints (..., K, 2 or more) to another skeleton (..., K of the target, same columns).

    The last column is the score where there are three or more. `source` may name a part, `coco133.lefthand`; the
    keypoints are still those of the whole skeleton. A keypoint without a source is a row of NaN; a derived one is the
    mean of its sources with the lowest of their scores. Two skeletons without a map are translated by way of coco17.
    Raises UsageError where there is no map.

    Example:
        import numpy as np

        from rtmcli import map_keypoints

        points = np.ones((2, 17, 3))  # two people: x, y, score
        assert map_keypoints(points, "coco17", "halpe26").shape == (2, 26, 3)
    """
    part = ""
    if isinstance(source, str):
        source, _, part = source.partition(".") if not source.endswith(".toml") else (source, "", "")
    origin = source if isinstance(source, Skeleton) else load_skeleton(source)
    goal = target if isinstance(target, Skeleton) else load_skeleton(target)
    if keypoints.shape[-2] != len(origin):
        raise DataError(f"{origin.name} has {len(origin)} keypoints, got {keypoints.shape[-2]}")
    if part:
        to, chosen = origin.part_maps.get(part, ("", None))
        if chosen is not None and to == goal.name:
            return apply_map(keypoints, chosen, len(goal))
    elif origin.name == goal.name:
        return keypoints.copy()
    elif goal.name in origin.maps:
        return apply_map(keypoints, origin.maps[goal.name], len(goal))
    elif "coco17" in origin.maps:
        middle = load_skeleton("coco17")
        if goal.name in middle.maps:
            common = apply_map(keypoints, origin.maps["coco17"], len(middle))
            return apply_map(common, middle.maps[goal.name], len(goal))
    known = sorted({*origin.maps, *(to for to, _ in origin.part_maps.values())})
    name = f"{origin.name}.{part}" if part else origin.name
    raise UsageError(f"{name} cannot become {goal.name}; it can become {', '.join(known) or 'nothing else'}")


def apply_map(keypoints: npt.NDArray[Any], chosen: Map, size: int) -> npt.NDArray[Any]:
    """The keypoints (..., K, D) in a skeleton of `size` keypoints (..., size, D); NaN where there is no source."""
    mapped = np.full((*keypoints.shape[:-2], size, keypoints.shape[-1]), np.nan, keypoints.dtype)
    groups = [*((origin, to) for origin, to in chosen.pairs), *((v, k) for k, v in chosen.derived.items())]
    for origin, to in groups:
        if isinstance(origin, int):
            mapped[..., to, :] = keypoints[..., origin, :]
            continue
        several = keypoints[..., list(origin), :]  # (..., n, D)
        mapped[..., to, :] = several.mean(axis=-2)
        if keypoints.shape[-1] > 2:
            mapped[..., to, -1] = several[..., -1].min(axis=-1)
    return mapped


@lru_cache(maxsize=1)
def _aliases() -> dict[str, str]:
    import tomllib

    files = Path(__file__).parent.glob("*.toml")
    return {
        alias: path.stem
        for path in files
        for alias in tomllib.loads(path.read_text("utf-8")).get("aliases", ())
    }


def _read(path: Path) -> Skeleton:
    import tomllib

    try:
        data = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise DataError(f"cannot read skeleton {path}: {error.strerror}") from None
    except ValueError as error:
        raise DataError(f"skeleton {path} is not TOML: {error}") from None
    try:
        return _build(data)
    except (KeyError, TypeError, ValueError) as error:
        reason = f"{error.args[0]!r} is missing" if isinstance(error, KeyError) else str(error)
        raise DataError(f"skeleton {path}: {reason}") from None


# Types of keys that are no lists.
_KINDS: dict[str, tuple[type, str]] = {
    **dict.fromkeys(("name", "dataset"), (str, "text")),
    **dict.fromkeys(("parts", "maps", "part_maps", "training_maps", "angles"), (dict, "a table")),
}
_KEYS = {f.name for f in fields(Skeleton)} - {"own_sigmas"} | {"dataset"}


def _build(data: dict[str, Any]) -> Skeleton:
    unknown = sorted(set(data) - _KEYS)
    if unknown:
        near = get_close_matches(unknown[0], _KEYS, n=1)
        raise ValueError(f"unknown key {unknown[0]!r}" + (f"; did you mean {near[0]}?" if near else ""))
    for key, value in data.items():
        kind, expected = _KINDS.get(key, (list, "a list"))
        if not isinstance(value, kind):
            raise ValueError(f"{key!r} must be {expected}, got {value!r:.40}")
    names = tuple(data["keypoints"])
    if not names or not all(isinstance(n, str) for n in names) or len(set(names)) != len(names):
        raise ValueError("keypoints must be different names")
    links = tuple((keypoint_index(a, names), keypoint_index(b, names)) for a, b in data.get("links", ()))
    parts = {part: range(first, end) for part, (first, end) in data.get("parts", {}).items()}
    for part, indices in parts.items():
        if not 0 <= indices.start < indices.stop <= len(names):
            raise ValueError(
                f"part {part!r} [{indices.start}, {indices.stop}) is not within {len(names)} keypoints"
            )
    return Skeleton(
        name=str(data["name"]),
        aliases=tuple(data.get("aliases", ())),
        keypoints=names,
        flip=_flip(data.get("flip", ()), names),
        links=links,
        colors=_colors(data, "colors", len(names)),
        link_colors=_colors(data, "link_colors", len(links)),
        sigmas=_numbers(data, "sigmas", len(names), _DEFAULT_SIGMA),
        own_sigmas="sigmas" in data,
        weights=_numbers(data, "weights", len(names), 1.0),
        parts={part: tuple(indices) for part, indices in parts.items()},
        upper=tuple(keypoint_index(i, names) for i in data.get("upper", ())),
        lower=tuple(keypoint_index(i, names) for i in data.get("lower", ())),
        maps={to: _map(table, names) for to, table in data.get("maps", {}).items()},
        part_maps={part: (t["to"], _map(t, names)) for part, t in data.get("part_maps", {}).items()},
        training_maps={to: _map(table, names) for to, table in data.get("training_maps", {}).items()},
        angles=read_angles(data.get("angles", {}), names),
        facing=read_facing(data.get("facing", []), names),
    )


def _flip(pairs: Any, names: tuple[str, ...]) -> IndexArray:
    flip = np.arange(len(names))
    for left, right in pairs:
        a, b = keypoint_index(left, names), keypoint_index(right, names)
        if a == b or flip[a] != a or flip[b] != b:
            raise ValueError(f"flip pair [{left}, {right}] names a keypoint twice")
        flip[a], flip[b] = b, a
    flip.setflags(write=False)
    return flip


def _colors(data: dict[str, Any], key: str, count: int) -> tuple[Color, ...]:
    colors = data.get(key, [_DEFAULT_COLOR] * count)
    if len(colors) != count or any(len(c) != 3 or not all(0 <= v <= 255 for v in c) for c in colors):
        raise ValueError(f"{key!r} must be {count} RGB triples, got {len(colors)} entries")
    return tuple((int(r), int(g), int(b)) for r, g, b in colors)


def _numbers(data: dict[str, Any], key: str, count: int, default: float) -> Float64Array:
    values = np.array(data.get(key, [default] * count), dtype=np.float64)
    if values.shape != (count,) or not (values > 0).all():
        raise ValueError(f"{key!r} must be {count} positive numbers, got {values.size}")
    values.setflags(write=False)
    return values


def _map(table: dict[str, Any], names: tuple[str, ...]) -> Map:
    def several(value: Any) -> int | tuple[int, ...]:
        return (
            tuple(keypoint_index(v, names) for v in value)
            if isinstance(value, list)
            else keypoint_index(value, names)
        )

    pairs = tuple((several(own), int(to)) for own, to in table["pairs"])
    derived = {
        int(to): tuple(keypoint_index(v, names) for v in own) for to, own in table.get("derived", {}).items()
    }
    return Map(pairs=pairs, derived=derived)
