"""What a checkpoint is is read from its tensors; what they leave open is an error that names the flag."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from rtmcli.errors import DataError, UsageError
from rtmcli.zoo.catalogue import Entry, entries
from rtmcli.zoo.infer_checkpoint_card import infer_checkpoint_card

KEYS = sorted((Path(__file__).parents[1] / "goldens" / "keys").glob("*.json"))
TABLES = [path for path in KEYS if "deploy" not in path.name]


def shapes_of(path: Path) -> dict[str, tuple[int, ...]]:
    return {key: tuple(shape) for key, shape, _ in json.loads(path.read_text())}


def table(name: str) -> dict[str, tuple[int, ...]]:
    return shapes_of(next(path for path in KEYS if path.stem == name))


@pytest.mark.parametrize("path", TABLES, ids=lambda path: path.stem)
def test_family_size_and_input_are_those_of_every_published_network(path: Path) -> None:
    match = re.fullmatch(r"(\w+)-(\w+?)_([a-z0-9]+)_(\d+)(?:x(\d+))?", path.stem)
    assert match is not None
    family, size, of, height, width = match[1], match[2], match[3], int(match[4]), int(match[5] or match[4])
    pose = family not in ("rtmdet", "yolox")
    card = infer_checkpoint_card(Path("model.pth"), shapes_of(path), {}, skeleton=of if pose else None)
    assert (card.family, card.size, card.width, card.height) == (family, size, width, height)
    if pose:
        assert card.skeleton == of
    else:
        assert len(card.classes) == len(guess_classes(of))


def guess_classes(of: str) -> tuple[str, ...]:
    return ("one",) if of in ("person", "hand") else ("many",) * 80


def published_with_tables() -> list[Any]:
    """Each published checkpoint whose network has a table of keys among the goldens, with that table."""
    found = []
    for entry in entries().values():
        if not entry.files("pth"):
            continue
        of = (
            {80: "coco80", 1: entry.subject}[len(entry.classes)]
            if entry.task == "detector"
            else entry.skeleton
        )
        for size in (f"{entry.height}x{entry.width}", f"{entry.height}"):
            stem = f"{entry.family}-{entry.size}_{of}_{size}"
            found += [pytest.param(entry, path, id=entry.name) for path in TABLES if path.stem == stem]
    return found


@pytest.mark.parametrize(("entry", "path"), published_with_tables())
def test_a_published_file_name_brings_the_published_card(entry: Entry, path: Path) -> None:
    file = Path(entry.files("pth")[0].name)
    assert infer_checkpoint_card(file, shapes_of(path), {}) == entry.card()


def test_seventeen_points_of_people_or_animals_name_the_flag() -> None:
    with pytest.raises(UsageError, match="--skeleton") as error:
        infer_checkpoint_card(Path("epoch_420.pth"), table("rtmpose-m_coco17_256x192"), {})
    assert "coco17" in str(error.value) and "ap10k17" in str(error.value)


@pytest.mark.parametrize(
    ("meta", "skeleton"),
    [
        ({"dataset_meta": {"dataset_name": "coco"}}, "coco17"),
        ({"dataset_meta": {"dataset_name": "ap10k"}}, "ap10k17"),
        (
            {
                "cfg": "dataset_type = 'AP10KDataset'\ncheckpoint='https://host/cspnext-m_udp-aic-coco_210e.pth'"
            },
            "ap10k17",
        ),
        ({"cfg": "dataset_type = 'CocoDataset'\ndata_root = 'data/coco/'"}, "coco17"),
    ],
)
def test_the_meta_data_tell_whose_points_they_are(meta: dict[str, Any], skeleton: str) -> None:
    assert infer_checkpoint_card(Path("a.pth"), table("rtmpose-m_ap10k17_256x256"), meta).skeleton == skeleton


def test_a_flag_against_the_tensors_is_refused() -> None:
    shapes = table("rtmpose-m_coco17_256x192")
    with pytest.raises(UsageError, match="256x192, not 384x288"):
        infer_checkpoint_card(Path("a.pth"), shapes, {}, skeleton="coco17", input_size=(288, 384))
    with pytest.raises(UsageError, match="17 keypoints, hand21 has another number"):
        infer_checkpoint_card(Path("a.pth"), shapes, {}, skeleton="hand21")


def test_an_unknown_number_of_points_needs_a_skeleton() -> None:
    shapes = table("rtmpose-m_coco17_256x192") | {"head.final_layer.weight": (20, 768, 7, 7)}
    with pytest.raises(UsageError, match="20 keypoints, as no published model has; give --skeleton"):
        infer_checkpoint_card(Path("a.pth"), shapes, {})
    assert (
        infer_checkpoint_card(Path("a.pth"), shapes, {}, skeleton="animalpose20").skeleton == "animalpose20"
    )


def test_a_convolutional_network_takes_the_size_its_configuration_says() -> None:
    shapes = table("rtmo-s_coco17_640x640")
    assert (
        infer_checkpoint_card(Path("a.pth"), shapes, {"cfg": "codec = dict(input_size=(512, 384))"}).width
        == 512
    )
    given = infer_checkpoint_card(Path("a.pth"), shapes, {}, input_size=(416, 416))
    assert (given.width, given.height) == (416, 416)


def test_a_backbone_alone_and_a_stranger_are_said_so() -> None:
    shapes = table("rtmpose-m_coco17_256x192")
    backbone = {key: shape for key, shape in shapes.items() if key.startswith("backbone.")}
    with pytest.raises(DataError, match="backbone without a head"):
        infer_checkpoint_card(Path("a.pth"), backbone, {})
    with pytest.raises(DataError, match="is no RTMPose, RTMW"):
        infer_checkpoint_card(Path("a.pth"), backbone | {"head.deconv.weight": (1,)}, {})
    with pytest.raises(DataError, match="as no published size has"):
        infer_checkpoint_card(Path("a.pth"), shapes | {"backbone.stem.2.conv.weight": (37, 24, 3, 3)}, {})
