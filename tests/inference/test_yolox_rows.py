"""The rows of YOLOX's own export become the boxes that the maps of the same network give."""

from pathlib import Path

import numpy as np
import pytest

from rtmcli import Detector
from rtmcli.codecs.dense_decode import suppress, yolox_cells
from rtmcli.engines import open_engine
from rtmcli.errors import RtmError
from rtmcli.inference.yolox_rows import YoloxRows, has_yolox_rows
from rtmcli.zoo.card import Card
from rtmcli.zoo.metadata import append_card
from rtmcli.zoo.names import find_entry
from tests.helpers.tiny_models import tiny_yolox_onnx

SIDE, STRIDES = 64, (8, 16, 32)
CARD = Card(
    name="toy", family="yolox", size="nano", task="detector", width=SIDE, height=SIDE, score=0.3, iou=0.65,
    classes=("cat", "dog", "horse"),
)  # fmt: skip


def maps(rng: np.random.Generator) -> tuple[list[np.ndarray], list[np.ndarray], list[np.ndarray]]:
    """Class logits (3, h, w), offsets and log sizes (4, h, w) and objectness logits (1, h, w) of each level."""
    sides = [SIDE // stride for stride in STRIDES]
    return (
        [rng.normal(0, 2, (3, side, side)).astype(np.float32) for side in sides],
        [rng.normal(0, 1, (4, side, side)).astype(np.float32) for side in sides],
        [rng.normal(0, 2, (1, side, side)).astype(np.float32) for side in sides],
    )


def rows_of(logits: list[np.ndarray], offsets: list[np.ndarray], objects: list[np.ndarray]) -> np.ndarray:
    """The same as YOLOX's head concatenates it: (R, 4 + 1 + 3), scores after their sigmoid."""
    levels = []
    for logit, offset, there in zip(logits, offsets, objects, strict=True):
        level = np.concatenate([offset, 1 / (1 + np.exp(-there)), 1 / (1 + np.exp(-logit))])
        levels.append(level.reshape(len(level), -1).T)
    return np.concatenate(levels).astype(np.float32)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "toy.onnx"
    path.write_bytes(tiny_yolox_onnx(rows_of(*maps(np.random.default_rng(7))), side=SIDE))
    append_card(path, CARD)
    return path


def test_rows_give_the_boxes_of_the_networks_maps(model: Path) -> None:
    engine = open_engine(model, threads=1)
    assert has_yolox_rows(engine, CARD)
    found = YoloxRows(engine, CARD)({"images": np.zeros((1, 3, SIDE, SIDE), np.float32)})
    logits, offsets, objects = maps(np.random.default_rng(7))
    expected = suppress(yolox_cells(logits, offsets, objects, score=0.3), iou=0.65, keep=300)
    assert len(expected.scores) > 20
    np.testing.assert_array_equal(found["labels"][0], expected.labels)
    np.testing.assert_allclose(found["dets"][0, :, 4], expected.scores, rtol=1e-5)
    np.testing.assert_allclose(found["dets"][0, :, :4], expected.boxes, rtol=1e-4, atol=1e-3)


def test_a_detector_opens_such_a_file_by_its_card(model: Path) -> None:
    detector = Detector(model, score_threshold=0.5, classes=("dog",))
    (found,) = detector([np.zeros((SIDE, SIDE, 3), np.uint8)])
    assert found and {instance.label for instance in found} == {"dog"}
    assert all(instance.score is not None and instance.score > 0.5 for instance in found)


def test_an_image_without_anything_gives_no_box(tmp_path: Path) -> None:
    path = tmp_path / "empty.onnx"
    path.write_bytes(tiny_yolox_onnx(np.zeros((84, 8)), side=SIDE))
    append_card(path, CARD)
    assert Detector(path)([np.zeros((SIDE, SIDE, 3), np.uint8)] * 2) == [[], []]


def test_nan_is_an_error_and_not_an_empty_frame(tmp_path: Path) -> None:
    path = tmp_path / "nan.onnx"
    path.write_bytes(tiny_yolox_onnx(np.full((84, 8), np.nan), side=SIDE))
    append_card(path, CARD)
    with pytest.raises(RtmError, match="NaN or infinity"):
        Detector(path)([np.zeros((SIDE, SIDE, 3), np.uint8)])


@pytest.mark.parametrize(("size", "rows"), [("nano", 3549), ("m", 8400)])
def test_the_published_sizes_have_as_many_rows(size: str, rows: int, model: Path) -> None:
    entry = find_entry(f"yolox-{size}-coco80")
    assert entry is not None
    decoder = YoloxRows(open_engine(model, threads=1), entry.card())
    assert decoder._origins.shape == (rows, 2)
