"""The card of a model file that carries none: what its ports, its bytes and its path say.

Official exports are called `end2end.onnx` and lie in a folder with a telling name, so the whole path is read.
"""

import mmap
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from rtmcli.errors import DataError, UsageError
from rtmcli.zoo.card import Card
from rtmcli.zoo.family_pixels import FAMILY_PIXELS

Port = Any  # engines.base.Port: name, shape, dtype; zoo stands beside engines and imports nothing of it

# Keypoints a model has -> its skeleton, and the words in a path that mean another one of as many points.
SKELETONS: dict[int, tuple[str, dict[str, str]]] = {
    17: ("coco17", {"ap10k": "ap10k17", "ap-10k": "ap10k17", "animal": "ap10k17"}),
    26: ("halpe26", {}),
    133: ("coco133", {}),
    14: ("crowdpose14", {}),
    16: ("mpii16", {}),
    21: ("hand21", {}),
    106: ("face106", {}),
    98: ("face98", {}),
    68: ("face68", {}),
}


def guess_card(
    path: Path,
    inputs: Sequence[Port],
    outputs: Sequence[Port],
    *,
    size: tuple[int, int] | None = None,
    skeleton: str | None = None,
    family: str | None = None,
) -> Card:
    """Describe an official export.

    Args:
        path: the file; its folders' names count too.
        inputs, outputs: the engine's ports.
        size: (width, height) of the input, where a person gave it.
        skeleton, family: where a person gave them.

    Raises:
        UsageError: something stays open; the message names the flag that settles it.
        DataError: no model this program knows has such outputs.
    """
    shapes = {port.name: port.shape for port in outputs}
    words = "/".join(path.resolve().parts[-3:]).lower()
    common: dict[str, Any] = {"name": path.stem, "size": _size_word(words)}
    if {"dets", "keypoints"} <= shapes.keys():
        points = shapes["keypoints"][-2]
        width, height = _input_size(path, inputs[0], words, size)
        return Card(
            **common, family="rtmo", task="onestage", width=width, height=height,
            skeleton=_skeleton(path, points, words, skeleton), codec={"name": "rtmo"},
        )  # fmt: skip
    if {"dets", "labels"} <= shapes.keys():
        family = family or _detector_family(path)
        width, height = _input_size(path, inputs[0], words, size, flag="--det-size")
        return Card(
            **common, family=family, task="detector", width=width, height=height, classes=_classes(words),
            **FAMILY_PIXELS[family],
        )  # fmt: skip
    if len(outputs) in (2, 3) and all(len(port.shape) == 3 for port in outputs):
        points = outputs[0].shape[1]
        width, height = _input_size(path, inputs[0], words, size)
        if len(outputs) == 3:
            family = "rtmw3d"
        elif family is None:
            family = "rtmw" if "rtmw" in words else "rtmpose"
        return Card(
            **common, family=family, task="topdown", width=width, height=height,
            skeleton=_skeleton(path, points, words, skeleton), **FAMILY_PIXELS[family],
            codec={"name": "simcc3d" if len(outputs) == 3 else "simcc", "ratio": 2.0},
        )  # fmt: skip
    names = ", ".join(shapes)
    raise DataError(
        f"{path}: no model known here has the outputs {names}; expected simcc_x and simcc_y, or dets"
    )


def _input_size(
    path: Path, port: Port, words: str, size: tuple[int, int] | None, *, flag: str = "--size"
) -> tuple[int, int]:
    """(width, height): the flag, else the file's own, else what the path says."""
    height, width = port.shape[2:]
    if width and height:
        if size and size != (width, height):
            raise UsageError(
                f"{path}: takes pictures of {width}x{height}, not of {size[0]}x{size[1]}; leave {flag} out"
            )
        return width, height
    if size:
        return size
    if written := re.search(
        r"(?<!\d)(\d{3})x(\d{3})(?!\d)", words
    ):  # 256x192: height x width, as the field writes
        return int(written[2]), int(written[1])
    if side := re.search(r"(?<!\d)(320|416|640)(?!\d)", words):
        return int(side[1]), int(side[1])
    if "nano" in words and "rtmdet" in words:
        return 320, 320
    raise UsageError(
        f"{path}: says nowhere how large its input is; give {flag} WIDTHxHEIGHT, for example {flag} 640x640"
    )


def _skeleton(path: Path, points: int | None, words: str, given: str | None) -> str:
    if given:
        return given
    default, others = SKELETONS.get(points or 0, ("", {}))
    for word, name in others.items():
        if word in words:
            return name
    if not default:
        raise UsageError(
            f"{path}: {points or 'an unknown number of'} keypoints could be anything; give --skeleton NAME"
        )
    return default


def _detector_family(path: Path) -> Literal["rtmdet", "yolox"]:
    """Both families have the same ports; the names of their layers, which every export keeps, tell them apart."""
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        if data.find(b"rtm_cls") >= 0:
            return "rtmdet"
        if data.find(b"multi_level_conv") >= 0:
            return "yolox"
    words = str(path.resolve()).lower()
    if ("rtmdet" in words) != ("yolox" in words):
        return "rtmdet" if "rtmdet" in words else "yolox"
    raise UsageError(
        f"{path}: could be an RTMDet or a YOLOX, which take different colours; give --family rtmdet or yolox"
    )


def _size_word(words: str) -> str:
    found = re.findall(r"(?:rtm\w*|yolox)[-_](nano|tiny|t|s|m|l|x)(?![a-z])", words)
    return found[-1] if found else ""


def _classes(words: str) -> tuple[str, ...]:
    if "person" in words or ("nano" in words and "hand" not in words and "yolox" not in words):
        return ("person",)
    if "hand" in words:
        return ("hand",)
    if "face" in words:
        return ("face",)
    return COCO80


# fmt: off
_COCO80 = (
    "person,bicycle,car,motorcycle,airplane,bus,train,truck,boat,traffic light,fire hydrant,stop sign,"
    "parking meter,bench,bird,cat,dog,horse,sheep,cow,elephant,bear,zebra,giraffe,backpack,umbrella,handbag,tie,"
    "suitcase,frisbee,skis,snowboard,sports ball,kite,baseball bat,baseball glove,skateboard,surfboard,"
    "tennis racket,bottle,wine glass,cup,fork,knife,spoon,bowl,banana,apple,sandwich,orange,broccoli,carrot,"
    "hot dog,pizza,donut,cake,chair,couch,potted plant,bed,dining table,toilet,tv,laptop,mouse,remote,keyboard,"
    "cell phone,microwave,oven,toaster,sink,refrigerator,book,clock,vase,scissors,teddy bear,hair drier,toothbrush"
)
# fmt: on
COCO80 = tuple(_COCO80.split(","))
