"""The card of a model file that has none: from its ports, its layers and its name.

The file comes first. Whole words of its name, and of its folder's where that is a model's name (`zoo.name_words`), tell
what the file leaves unknown.
"""

import mmap
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from rtmcli.errors import DataError, UsageError
from rtmcli.zoo.card import Card
from rtmcli.zoo.family_pixels import FAMILY_PIXELS
from rtmcli.zoo.name_words import find_word, input_size, size_word
from rtmcli.zoo.onnx_classes import count_classes
from rtmcli.zoo.port_roles import EXPECTED, ImageInput, Port, describe, image_input, output_roles, side

# Number of keypoints -> the skeleton of the published models with as many.
SKELETONS = {
    17: "coco17", 26: "halpe26", 133: "coco133", 14: "crowdpose14", 16: "mpii16", 21: "hand21", 106: "face106",
    98: "face98", 68: "face68",
}  # fmt: skip
# Words in a name by which 17 keypoints are those of animals.
ANIMAL_WORDS = {word: "ap10k17" for word in ("ap10k", "animal", "animals")}
# Words in a name that tell the class of a detector of one class.
CLASS_WORDS = {
    **dict.fromkeys(("person", "people", "human"), "person"),
    **dict.fromkeys(("hand", "hands"), "hand"),
    **dict.fromkeys(("face", "faces"), "face"),
}
# Names of layers, which every export keeps, and the family that has them.
LAYER_NAMES: dict[bytes, Literal["rtmdet", "yolox"]] = {
    b"rtm_cls": "rtmdet",
    b"multi_level_conv": "yolox",
    b"cls_preds": "yolox",
}


def infer_card(
    path: Path,
    inputs: Sequence[Port],
    outputs: Sequence[Port],
    *,
    size: tuple[int, int] | None = None,
    skeleton: str | None = None,
    family: str | None = None,
    classes: Sequence[str] | None = None,
) -> Card:
    """Describe a model file.

    Args:
        path: the file.
        inputs, outputs: the engine's ports.
        size: (width, height) of the input, where a person gave it.
        skeleton, family, classes: where a person gave them.

    Raises:
        UsageError: a property stays unknown; the message names the option that sets it.
        DataError: the file takes no images, or no model known here has such outputs.
    """
    image = image_input(path, inputs)
    roles = output_roles(path, outputs, size=(image.width, image.height))
    common: dict[str, Any] = {"name": path.stem, "size": size_word(path)}
    if "dets" in roles and "keypoints" in roles:
        width, height = _input_size(path, image, size)
        card = Card(
            **common, **FAMILY_PIXELS["rtmo"], family="rtmo", task="onestage", width=width, height=height,
            skeleton=_skeleton(path, side(roles["keypoints"], -2), skeleton), codec={"name": "rtmo"},
        )  # fmt: skip
    elif "dets" in roles or "rows" in roles:
        rows = roles.get("rows")
        family = "yolox" if rows else family or _detector_family(path)
        if family not in ("rtmdet", "yolox"):
            raise UsageError(f"unknown family {family!r} of detectors; expected --family rtmdet or yolox")
        width, height = _input_size(path, image, size, flag="--det-size")
        count = _row_classes(path, rows, width, height) if rows else count_classes(path)
        card = Card(
            **common, **FAMILY_PIXELS[family], family=family, task="detector", width=width, height=height,
            classes=_classes(path, count, classes),
        )  # fmt: skip
    else:
        width, height = _input_size(path, image, size)
        # First of all, because two outputs of three axes may be something else than vectors.
        ratio = _ratio(path, roles["simcc_x"], roles["simcc_y"], width, height)
        family = "rtmw3d" if "simcc_z" in roles else family or find_word(path, {"rtmw": "rtmw"}) or "rtmpose"
        card = Card(
            **common, **FAMILY_PIXELS["rtmpose"], family=family, task="topdown", width=width, height=height,
            skeleton=_skeleton(path, side(roles["simcc_x"], 1), skeleton),
            codec={"name": "simcc3d" if "simcc_z" in roles else "simcc", "ratio": ratio},
        )  # fmt: skip
    _check_pixels(path, image, card)
    return card


def name_classes(
    classes: Sequence[str] | None, count: int | None, path: Path | str
) -> tuple[str, ...] | None:
    """The names that a person gave (`--det-classes`), in the order of the labels; None where none were given.

    Raises UsageError where their number is not that of the file.
    """
    if classes is None:
        return None
    if not classes or len(set(classes)) != len(classes):
        raise UsageError(f"--det-classes {','.join(classes)}: expected different names with commas between")
    if count is not None and len(classes) != count:
        raise UsageError(
            f"{path}: has {count} classes, but --det-classes names {len(classes)} ({', '.join(classes)})"
        )
    return tuple(classes)


def _input_size(
    path: Path, image: ImageInput, size: tuple[int, int] | None, *, flag: str = "--size"
) -> tuple[int, int]:
    """(width, height): the file's own, else the option, else what the name says."""
    if image.width and image.height:
        if size and size != (image.width, image.height):
            raise UsageError(
                f"{path}: takes images of {image.width}x{image.height}, not of {size[0]}x{size[1]}; leave {flag} out"
            )
        return image.width, image.height
    if size:
        return size
    if named := input_size(path):
        return named
    if find_word(path, {"rtmdet": "rtmdet"}) and find_word(path, {"nano": "nano"}):
        return 320, 320
    raise UsageError(
        f"{path}: the size of its input is unknown; give {flag} WIDTHxHEIGHT, for example {flag} 640x640"
    )


def _skeleton(path: Path, points: int | None, given: str | None) -> str:
    if given:
        return given
    animal = find_word(path, ANIMAL_WORDS) if points == 17 else None
    skeleton = animal or SKELETONS.get(points or 0)
    if skeleton is None:
        raise UsageError(
            f"{path}: its skeleton is unknown ({points or 'an unknown number of'} keypoints); give --skeleton NAME"
        )
    return skeleton


def _ratio(path: Path, x: Port, y: Port, width: int, height: int) -> float:
    """SimCC bins a pixel. Raises DataError where the numbers of bins are not the same multiple of both sides."""
    bins_x, bins_y = side(x, 2), side(y, 2)
    if bins_x is None or bins_y is None:
        return 2.0
    if bins_x * height != bins_y * width or bins_x < width:
        raise DataError(
            f"{path}: its outputs {x.name} {describe(x)} and {y.name} {describe(y)} are no SimCC vectors of an input "
            f"of {width}x{height} pixels; expected 2 bins a pixel, {2 * width} and {2 * height}"
        )
    return bins_x / width


def _row_classes(path: Path, rows: Port, width: int, height: int) -> int:
    """The classes of undecoded rows. Raises DataError for tables of another form, which have another length."""
    cells = sum((width // stride) * (height // stride) for stride in (8, 16, 32))
    if side(rows, 1) != cells:
        raise DataError(
            f"{path}: its output {rows.name} {describe(rows)} is no undecoded YOLOX of {width}x{height} pixels, "
            f"which has {cells} rows; expected {EXPECTED}"
        )
    return (side(rows, 2) or 5) - 5


def _detector_family(path: Path) -> str:
    """Both families have the same ports; the names of their layers, or the file's name, tell them apart."""
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        for layer, family in LAYER_NAMES.items():
            if data.find(layer) >= 0:
                return family
    named = find_word(path, {"rtmdet": "rtmdet", "yolox": "yolox"})
    if named is None:
        raise UsageError(
            f"{path}: may be an RTMDet or a YOLOX, which take different pixels; give --family rtmdet or yolox"
        )
    return named


def _classes(path: Path, count: int | None, given: Sequence[str] | None) -> tuple[str, ...]:
    """The names by label: given by a person, else by the number of classes and the name."""
    if named := name_classes(given, count, path):
        return named
    word = find_word(path, CLASS_WORDS)
    if count is None:
        # The published RTMDet-nano find people, or what their names say; those of other sizes COCO's 80 classes.
        nano = find_word(path, {"rtmdet": "rtmdet"}) and find_word(path, {"nano": "nano"})
        return (word or "person",) if word or nano else COCO80
    if count == 1:
        return (word or "person",)
    return COCO80 if count == len(COCO80) else tuple(f"class {index}" for index in range(count))


def _check_pixels(path: Path, image: ImageInput, card: Card) -> None:
    """Raise UsageError for 8-bit pixels where the network needs normalised ones."""
    if image.dtype == "uint8" and card.std != (1.0, 1.0, 1.0):
        raise UsageError(
            f"{path}: its input has 8-bit elements, and whether it takes BGR or RGB and normalises them itself is "
            f"unknown; export it with a float32 input of normalised {card.color.upper()} pixels"
        )


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
