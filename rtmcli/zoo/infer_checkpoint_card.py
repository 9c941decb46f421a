"""Infer the card of a checkpoint without one from its tensors, its metadata and its file name.

The tensors determine family, size, number of keypoints or classes, and for top-down models the input size. Which
skeleton a number of keypoints stands for comes from the metadata or from a published file name; what is ambiguous is an
error that names the flag to give.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rtmcli.errors import DataError, UsageError
from rtmcli.zoo.card import Card
from rtmcli.zoo.catalogue import entry_for_file, family_card
from rtmcli.zoo.infer_card import CLASS_WORDS, COCO80
from rtmcli.zoo.name_words import words_of

Shapes = Mapping[str, tuple[int, ...]]

# Channels of the last stem layer -> size. Detectors call the size `t` `tiny`.
_STEM = {16: "nano", 24: "t", 32: "s", 48: "m", 64: "l", 80: "x"}
# Number of keypoints -> the skeletons of published models with that many, each with words that identify it.
_SKELETONS: dict[int, dict[str, tuple[str, ...]]] = {
    17: {
        "ap10k17": ("ap10k", "animal", "animals"),
        "coco17": ("coco", "body7", "body8", "humanart"),
    },
    26: {"halpe26": ()},
    133: {"coco133": ()},
    21: {"hand21": ()},
    106: {"face106": ()},
    98: {"face98": ()},
    68: {"face68": ()},
    14: {"crowdpose14": ()},
    16: {"mpii16": ()},
}


def infer_checkpoint_card(
    path: Path,
    shapes: Shapes,
    meta: Mapping[str, Any],
    *,
    skeleton: str | None = None,
    input_size: tuple[int, int] | None = None,
) -> Card:
    """The card of a published checkpoint.

    Args:
        path: the file; its name may be a published one.
        shapes: the shape of each tensor by key.
        meta: the file's metadata beside the tensors; only strings in it are read.
        skeleton: the user's, None for the inferred one.
        input_size: the user's (width, height), None for the inferred one.

    Raises:
        DataError: the tensors belong to no known family.
        UsageError: something is ambiguous, or a flag contradicts the tensors; the message names the flag.
    """
    family = _family(shapes, path)
    size = _size(shapes, family, path)
    width, height = _input_size(shapes, family, size, meta, path, input_size)
    known = entry_for_file(path.name)
    words = {*words_of(path.name), *_meta_words(meta)}
    if family in ("rtmdet", "yolox"):
        name = f"{family}-{size}-{height}x{width}"
        card = family_card(
            family, name=name, size=size, width=width, height=height, classes=_classes(shapes, meta, words)
        )
    else:
        points = _points(shapes, family)
        chosen = skeleton or (known.skeleton if known and _has(known.skeleton, points) else None)
        chosen = chosen or _skeleton(points, family, words, path)
        _check_points(chosen, points, path)
        name = f"{family}-{size}-{chosen}-{height}x{width}"
        card = family_card(family, name=name, size=size, width=width, height=height, skeleton=chosen)
    if known is None or known.task == "backbone":
        return card
    full = known.card()
    same = ("family", "size", "width", "height", "skeleton", "classes")
    return full if all(getattr(full, part) == getattr(card, part) for part in same) else card


def _family(shapes: Shapes, path: Path) -> str:
    signs = {
        "rtmo": "head.dcc.",
        "rtmdet": "bbox_head.rtm_cls.",
        "yolox": "bbox_head.multi_level_conv_cls.",
        "rtmw3d": "head.cls_z.",
        "rtmw": "head.conv_dec.",
        "rtmpose": "head.cls_x.",
    }
    for family, sign in signs.items():
        if any(key.startswith(sign) for key in shapes):
            return family
    if not any(key.startswith(("head.", "bbox_head.")) for key in shapes):
        raise DataError(
            f"{path}: contains a backbone without a head, which cannot be run; use it with 'rtm train --init'"
        )
    first = next(key for key in shapes if key.startswith(("head.", "bbox_head.")))
    raise DataError(
        f"{path}: is no RTMPose, RTMW, RTMW3D, RTMO, RTMDet or YOLOX checkpoint (its head starts with {first} "
        "and has none of their keys)"
    )


def _size(shapes: Shapes, family: str, path: Path) -> str:
    key = "backbone.stem.conv.conv.weight" if family in ("rtmo", "yolox") else "backbone.stem.2.conv.weight"
    width = shapes[key][0] if shapes.get(key) else 0
    size = _STEM.get(width)
    if size is None:
        raise DataError(
            f"{path}: the stem of this {family} ({key}) has {width or 'no'} channels, as no published size has"
        )
    return "tiny" if size == "t" and family in ("rtmdet", "yolox") else size


def _points(shapes: Shapes, family: str) -> int:
    if family == "rtmo":
        return shapes["head.dcc.pos_enc"][0] if "head.dcc.pos_enc" in shapes else 0
    layer = "head.final_layer.weight" if family == "rtmpose" else "head.final_layer.conv.weight"
    return shapes[layer][0] if layer in shapes else 0


def _input_size(
    shapes: Shapes, family: str, size: str, meta: Mapping[str, Any], path: Path, given: tuple[int, int] | None
) -> tuple[int, int]:
    """(width, height). Top-down networks have a fixed input size; the others accept any and have a published one."""
    if family in ("rtmpose", "rtmw", "rtmw3d"):
        bins = [shapes.get(f"head.cls_{axis}.weight", (0,))[0] for axis in "xy"]
        width, height = (count // 2 for count in bins)  # two bins per pixel
        if given and given != (width, height):
            raise UsageError(
                f"{path}: its tensors require an input of {height}x{width}, not {given[1]}x{given[0]}; "
                "omit --input-size"
            )
        return width, height
    if given:
        return given
    text = str(meta.get("cfg", "")) if isinstance(meta.get("cfg"), str) else ""
    if written := re.search(r"input_size\s*=\s*\(\s*(\d+)\s*,\s*(\d+)\s*\)", text):  # (width, height) there
        return int(written[1]), int(written[2])
    if known := entry_for_file(path.name):
        return known.width, known.height
    if written := re.search(r"(?<!\d)(\d{3})x(\d{3})(?!\d)", path.name):  # height x width
        return int(written[2]), int(written[1])
    if family == "rtmo":
        side = 416 if size == "t" else 640
    elif family == "rtmdet":
        side = 320 if size == "nano" else 640
    else:
        side = 416 if size in ("nano", "tiny") else 640
    return side, side


def _skeleton(points: int, family: str, words: set[str], path: Path) -> str:
    candidates = _SKELETONS.get(points)
    if candidates is None:
        raise UsageError(
            f"{path}: has {points} keypoints, as no published model has; give --skeleton NAME or FILE"
        )
    if len(candidates) == 1:
        return next(iter(candidates))
    if family == "rtmo":  # all published ones are of people
        return "coco17"
    for name, signs in candidates.items():
        if words.intersection(signs):
            return name
    names = " or ".join(sorted(candidates, reverse=True))
    raise UsageError(
        f"{path}: its {points} keypoints may be those of {names}, and neither metadata nor file name say which; "
        "give --skeleton NAME"
    )


def _has(skeleton: str | None, points: int) -> bool:
    from rtmcli.skeletons import load_skeleton

    return skeleton is not None and len(load_skeleton(skeleton).keypoints) == points


def _check_points(skeleton: str, points: int, path: Path) -> None:
    if not _has(skeleton, points):
        raise UsageError(
            f"{path}: has {points} keypoints, {skeleton} has another number; give another --skeleton"
        )


def _classes(shapes: Shapes, meta: Mapping[str, Any], words: set[str]) -> tuple[str, ...]:
    keys = ("bbox_head.rtm_cls.0.weight", "bbox_head.multi_level_conv_cls.0.weight")
    count = next((shapes[key][0] for key in keys if key in shapes), 0)
    dataset = meta.get("dataset_meta")
    named = (
        dataset.get("classes", dataset.get("CLASSES"))
        if isinstance(dataset, Mapping)
        else meta.get("CLASSES")
    )
    if (
        isinstance(named, (tuple, list))
        and len(named) == count
        and all(isinstance(name, str) for name in named)
    ):
        return tuple(named)
    if count == len(COCO80):
        return COCO80
    if count == 1:
        return next(((CLASS_WORDS[word],) for word in sorted(words) if word in CLASS_WORDS), ("person",))
    return tuple(f"class {index}" for index in range(count))


def _meta_words(meta: Mapping[str, Any]) -> set[str]:
    """The words of the metadata about the training set, in lower case; only strings are read.

    Paths of pre-trained weights in the configuration name the data of another model and are ignored.
    """
    dataset = meta.get("dataset_meta")
    name = dataset.get("dataset_name", "") if isinstance(dataset, Mapping) else ""
    if isinstance(name, str) and name:
        return _dataset_words(name)
    config = meta.get("cfg")
    if not isinstance(config, str):
        return set()
    kinds = re.findall(
        r"(?:dataset_type|ann_file|metainfo|from_file|type)\s*=\s*(?:dict\()?'([^']*)'", config
    )
    return _dataset_words(" ".join(word for word in kinds if "dataset" in word.lower() or "/" in word))


def _dataset_words(text: str) -> set[str]:
    """Whole words; a class name such as `AP10KDataset` also without its ending."""
    words = set(words_of(text))
    return words | {word.removesuffix("dataset") for word in words}
