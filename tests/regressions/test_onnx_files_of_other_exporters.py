"""ONNX files that others exported run, or are refused in one sentence when they are opened.

float16 ports ended as an internal error, and so did outputs of other names, a fixed batch and channels-last images.
"""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rtmcli.cli.app import main
from rtmcli.errors import DataError, RtmError, UsageError
from rtmcli.inference.detector import Detector
from rtmcli.inference.onestage import OneStage
from rtmcli.inference.open_model import open_model
from rtmcli.inference.topdown import TopDown
from rtmcli.records.frame import Instance
from tests.helpers.constant_onnx import constant_onnx, simcc

DATA = Path(__file__).parent / "data"
IMAGE = np.zeros((256, 192, 3), np.uint8)
# The box whose crop, padded by a quarter, is the whole image: pixels of the input are pixels of the image.
BOX = np.array([19.2, 25.6, 172.8, 230.4], np.float32)
BOXES = np.array([[10, 20, 60, 90, 0.9], [100, 20, 150, 90, 0.8]], np.float32)
LABELS = np.array([0, 16], np.int64)
SQUARE = ("N", 3, 320, 320)


def poses(path: Path, count: int = 1) -> list[np.ndarray]:
    """The keypoints of so many people in one image."""
    people = [Instance(box=BOX, score=1.0) for _ in range(count)]
    found = TopDown(path, threads=1)([IMAGE], [people])[0]
    return [person.keypoints for person in found if person.keypoints is not None]


def assert_points(keypoints: np.ndarray) -> None:
    steps = np.arange(17)
    expected = np.stack([10 + steps, 20 + steps, np.full(17, 0.75)], axis=1)
    np.testing.assert_allclose(keypoints, expected, atol=1e-3)


@pytest.mark.parametrize("engine", ["onnxruntime", "openvino"])
def test_a_pose_model_with_float16_ports_runs(engine: str) -> None:
    pytest.importorskip(engine)
    pose = TopDown(DATA / "pose_float16.onnx", threads=1, engine=engine)
    (person,) = pose([IMAGE], [[Instance(box=BOX, score=1.0)]])[0]
    assert person.keypoints is not None and person.keypoints.dtype == np.float32
    steps = 3 * np.arange(17)
    expected = np.stack([10 + steps, 20 + steps, np.ones(17)], axis=1)
    np.testing.assert_allclose(person.keypoints, expected, atol=1e-3)


@pytest.mark.parametrize("dtype", [np.float16, np.float64])
def test_ports_of_other_widths_are_converted(tmp_path: Path, dtype: type) -> None:
    x, y = simcc()
    outputs = {"simcc_x": x.astype(dtype), "simcc_y": y.astype(dtype)}
    assert_points(poses(constant_onnx(tmp_path / "m.onnx", outputs, dtype=dtype))[0])


@pytest.mark.parametrize("names", [("output", "output1"), ("1205", "1206"), ("pred_y", "pred_x")])
@pytest.mark.parametrize("swapped", [False, True])
def test_vectors_of_other_names_are_told_apart_by_their_bins(
    tmp_path: Path, names: tuple[str, str], swapped: bool
) -> None:
    vectors = simcc()[::-1] if swapped else simcc()
    assert_points(
        poses(constant_onnx(tmp_path / "m.onnx", dict(zip(names, vectors, strict=True)), name="x"))[0]
    )


def test_a_ratio_of_three_bins_a_pixel_is_read_from_the_file(tmp_path: Path) -> None:
    x, y = simcc(ratio=3)
    assert_points(poses(constant_onnx(tmp_path / "m.onnx", {"simcc_x": x, "simcc_y": y}))[0])


@pytest.mark.parametrize("batch", [1, 2, 4])
@pytest.mark.parametrize("people", [1, 3, 9])
def test_a_fixed_batch_is_filled_up_or_split(tmp_path: Path, batch: int, people: int) -> None:
    x, y = simcc()
    path = constant_onnx(tmp_path / "m.onnx", {"simcc_x": x, "simcc_y": y}, shape=(batch, 3, 256, 192))
    found = poses(path, people)
    assert len(found) == people
    for keypoints in found:
        assert_points(keypoints)


def test_channels_last_images_are_accepted(tmp_path: Path) -> None:
    x, y = simcc()
    path = constant_onnx(tmp_path / "m.onnx", {"simcc_x": x, "simcc_y": y}, shape=("N", 256, 192, 3))
    assert_points(poses(path)[0])


def detect(path: Path, count: int = 1, **options: Any) -> list[list[Instance]]:
    image = np.zeros((320, 320, 3), np.uint8)
    return Detector(path, threads=1, classes="all", **options)([image] * count)


@pytest.mark.parametrize(
    "outputs",
    [
        {"dets": BOXES, "labels": LABELS},
        {"boxes": BOXES.astype(np.float16), "classes": LABELS.astype(np.int32)},
        {"1": LABELS.astype(np.float32), "0": BOXES},
        {"dets": BOXES, "labels": LABELS, "masks": np.zeros((2, 4, 4), np.float32)},
    ],
    ids=["official", "float16 and int32", "labels first, as floats", "a further output"],
)
@pytest.mark.parametrize("shape", [SQUARE, (3, 3, 320, 320), ("N", 320, 320, 3)])
def test_detectors_of_other_forms_find_the_same(
    tmp_path: Path, outputs: dict[str, np.ndarray], shape: tuple[int | str, ...]
) -> None:
    path = constant_onnx(tmp_path / "rtmdet_m.onnx", outputs, shape=shape)
    for people in detect(path, 4):
        assert [(person.label, round(person.score, 2)) for person in people] == [
            ("person", 0.9),
            ("dog", 0.8),
        ]
        np.testing.assert_allclose(people[0].box, BOXES[0, :4])


@pytest.mark.parametrize("names", [("dets", "keypoints"), ("boxes", "points")])
def test_one_stage_models_of_other_names_find_the_same(tmp_path: Path, names: tuple[str, str]) -> None:
    points = np.full((2, 17, 3), 40, np.float16)
    outputs = dict(zip(names, (BOXES.astype(np.float16), points), strict=True))
    path = constant_onnx(tmp_path / "rtmo-s.onnx", outputs, shape=(2, 3, 320, 320), dtype=np.float16)
    pose = OneStage(path, threads=1)
    for people in pose([np.zeros((320, 320, 3), np.uint8)] * 3):
        assert [round(person.score or 0, 2) for person in people] == [0.9, 0.8]
        assert people[0].keypoints is not None and people[0].keypoints.shape == (17, 3)


def test_shapes_that_the_file_does_not_give_are_no_obstacle_to_official_names(tmp_path: Path) -> None:
    import onnx

    path = constant_onnx(tmp_path / "rtmdet_m.onnx", {"dets": BOXES, "labels": LABELS}, shape=SQUARE)
    model = onnx.load(str(path))
    for port in model.graph.output:
        port.type.tensor_type.ClearField("shape")
    onnx.save(model, str(path))
    assert [person.label for person in detect(path)[0]] == ["person", "dog"]


def test_a_raw_yolox_takes_8_bit_pixels_and_a_normalised_rtmdet_does_not(tmp_path: Path) -> None:
    outputs = {"dets": BOXES, "labels": LABELS}
    assert (
        len(detect(constant_onnx(tmp_path / "yolox_s.onnx", outputs, shape=SQUARE, dtype=np.uint8))[0]) == 2
    )
    with pytest.raises(UsageError, match="8-bit elements"):
        detect(constant_onnx(tmp_path / "rtmdet_s.onnx", outputs, shape=SQUARE, dtype=np.uint8))


def test_rows_of_yolox_as_its_authors_export_it_need_no_card(tmp_path: Path) -> None:
    rows = np.zeros((40 * 40 + 20 * 20 + 10 * 10, 85), np.float32)
    rows[0, 4], rows[0, 5 + 16] = 1, 0.9  # the first cell of stride 8: a dog at its corner
    (found,) = detect(constant_onnx(tmp_path / "yolox_s.onnx", {"output": rows}, shape=(1, 3, 320, 320)))
    assert [person.label for person in found] == ["dog"]
    np.testing.assert_allclose(found[0].box, [0, 0, 4, 4])


@pytest.mark.parametrize(
    ("options", "outputs", "message"),
    [
        ({"extra_inputs": ["scale"]}, {}, "has 2 inputs"),
        ({"shape": ("N", 1, 256, 192)}, {}, r"expected images, \(N, 3, H, W\)"),
        ({"shape": ("N", 3, 256, 192), "dtype": np.int32}, {}, "elements of type int32"),
        ({}, {"heatmaps": np.zeros((17, 64, 48), np.float32)}, "heatmaps"),
        ({}, {"boxes": np.zeros((99, 4), np.float32), "scores": np.zeros((99, 80), np.float32)}, "no SimCC"),
        ({"shape": SQUARE}, {"output0": np.zeros((300, 6), np.float32)}, "no undecoded YOLOX"),
        ({"shape": SQUARE}, {"output0": np.zeros((84, 2100), np.float32)}, "no undecoded YOLOX"),
        ({}, {"logits": np.zeros(1000, np.float32)}, "expected simcc_x and simcc_y"),
    ],
    ids=[
        "two inputs",
        "grey images",
        "int32",
        "heatmaps",
        "raw boxes",
        "end-to-end rows",
        "YOLOv8",
        "a classifier",
    ],
)
def test_models_of_another_kind_are_refused_when_they_are_opened(
    tmp_path: Path, options: dict[str, Any], outputs: dict[str, np.ndarray], message: str
) -> None:
    x, y = simcc()
    path = constant_onnx(tmp_path / "m.onnx", outputs or {"simcc_x": x, "simcc_y": y}, **options)
    with pytest.raises(DataError, match=message):
        open_model(path, threads=1)


@pytest.mark.parametrize("content", [b"", b"not a model", b"\x08\x07\x12\x04abcd", b"PK\x03\x04" + bytes(64)])
@pytest.mark.parametrize("engine", ["onnxruntime", "openvino", "torch"])
def test_a_file_that_is_no_model_is_bad_data_on_every_engine(
    tmp_path: Path, content: bytes, engine: str, capfd: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip(engine)
    path = tmp_path / "rtmdet_m.onnx"
    path.write_bytes(content)
    image = tmp_path / "a.png"
    image.write_bytes(b"")
    with pytest.raises(DataError, match=r"rtmdet_m\.onnx"):
        open_model(path, engine=engine, threads=1)


def test_a_network_that_fails_while_it_runs_is_an_error_with_its_file(tmp_path: Path) -> None:
    """The input is declared smaller than the network wants it."""
    import onnx
    from onnx import helper, numpy_helper

    x, y = simcc()
    path = constant_onnx(tmp_path / "m.onnx", {"simcc_x": x, "simcc_y": y})
    model = onnx.load(str(path))
    model.graph.initializer.append(numpy_helper.from_array(np.array([7, 3, 5, 5]), "wrong"))
    model.graph.node.insert(0, helper.make_node("Reshape", ["input", "wrong"], ["reshaped"]))
    model.graph.node[1].input[0] = "reshaped"
    onnx.save(model, str(path))
    with pytest.raises(RtmError, match=r"m\.onnx: onnxruntime failed to run this model"):
        poses(path)


def test_the_verb_says_it_in_one_line(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = constant_onnx(tmp_path / "m.onnx", {"heatmaps": np.zeros((17, 64, 48), np.float32)})
    image = tmp_path / "a.png"
    import cv2

    cv2.imwrite(str(image), IMAGE)
    assert main(["pose", str(image), "--model", str(path)]) == 3
    error = capfd.readouterr().err
    assert error.startswith("rtm pose: ") and error.count("\n") == 1 and "heatmaps" in error


@pytest.mark.parametrize(
    "change",
    [
        {"width": "a"}, {"height": 0}, {"task": "segmenter"}, {"std": [0, 1, 1]}, {"mean": 3}, {"color": "cmyk"},
        {"codec": 7}, {"classes": []}, {"score": "high"},
    ],
    ids=str,
)  # fmt: skip
@pytest.mark.parametrize("engine", ["onnxruntime", "torch"])
def test_a_damaged_card_is_bad_data(tmp_path: Path, change: dict[str, Any], engine: str) -> None:
    import json

    import onnx

    pytest.importorskip(engine)
    card = {"name": "x", "family": "rtmdet", "size": "nano", "task": "detector", "width": 320, "height": 320}
    path = constant_onnx(tmp_path / "rtmdet_m.onnx", {"dets": BOXES, "labels": LABELS}, shape=SQUARE)
    model = onnx.load(str(path))
    onnx.helper.set_model_props(model, {"rtm.card": json.dumps(card | change)})
    onnx.save(model, str(path))
    with pytest.raises(DataError, match=f"model card 'x': {next(iter(change))} cannot be"):
        open_model(path, engine=engine, threads=1)


@pytest.mark.parametrize("card", ["[1]", "3", "null", "{", '"text"'])
def test_a_card_that_is_no_object_is_bad_data(tmp_path: Path, card: str) -> None:
    import onnx

    path = constant_onnx(tmp_path / "rtmdet_m.onnx", {"dets": BOXES, "labels": LABELS}, shape=SQUARE)
    model = onnx.load(str(path))
    onnx.helper.set_model_props(model, {"rtm.card": card})
    onnx.save(model, str(path))
    with pytest.raises(DataError, match="card"):
        open_model(path, threads=1)


def test_a_file_that_the_runtime_refuses_prints_nothing_to_stdout(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """ONNX Runtime printed "EP Error ... Falling back" to stdout, among the records."""
    content = bytearray((DATA / "pose_float16.onnx").read_bytes())
    content[content.index(b"ReduceMean")] = 0xC1  # no UTF-8
    (tmp_path / "m.onnx").write_bytes(content)
    with pytest.raises(DataError, match="onnxruntime cannot read this model"):
        open_model(tmp_path / "m.onnx", threads=1)
    assert capfd.readouterr().out == ""
