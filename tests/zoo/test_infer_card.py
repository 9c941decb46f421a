"""A file without a card is recognised by its ports, its bytes and its path, or the flag that settles it is named."""

from pathlib import Path

import pytest

from rtmcli.engines.base import Port
from rtmcli.errors import DataError, UsageError
from rtmcli.zoo.infer_card import COCO80, infer_card

PICTURE = Port("input", (None, 3, None, None), "float32")
BOXES = [Port("dets", (None, None, 5), "float32"), Port("labels", (None, None), "int64")]


def file(tmp_path: Path, name: str, content: bytes = b"x") -> Path:
    path = tmp_path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def simcc(points: int, *sides: int) -> list[Port]:
    """Vectors of two bins a pixel along sides of 192 and 256 pixels, or of others."""
    return [
        Port(f"simcc_{axis}", (None, points, 2 * side), "float32")
        for axis, side in zip("xyz", sides or (192, 256), strict=False)
    ]


def crop(height: int = 256, width: int = 192) -> list[Port]:
    return [Port("input", (None, 3, height, width), "float32")]


@pytest.mark.parametrize(
    ("points", "name", "skeleton"),
    [
        (17, "rtmpose-m_simcc-body7_pt-body7_420e-256x192", "coco17"),
        (17, "rtmpose-m_simcc-ap10k_pt-aic-coco_210e-256x256", "ap10k17"),
        (26, "rtmpose-m_simcc-body7_pt-body7-halpe26_700e-256x192", "halpe26"),
        (133, "rtmw-m", "coco133"),
        (21, "rtmpose-m_simcc-hand5", "hand21"),
    ],
)
def test_pose_models_have_their_skeleton_by_count_and_name(
    tmp_path: Path, points: int, name: str, skeleton: str
) -> None:
    card = infer_card(file(tmp_path, f"{name}/end2end.onnx"), crop(), simcc(points))
    assert (card.task, card.skeleton, card.width, card.height) == ("topdown", skeleton, 192, 256)
    assert card.color == "rgb" and card.mean[0] == 123.675
    assert card.family == ("rtmw" if "rtmw" in name else "rtmpose") and card.size == "m"


def test_three_vectors_are_a_pose_in_space(tmp_path: Path) -> None:
    card = infer_card(file(tmp_path, "rtmw3d-x.onnx"), crop(384, 288), simcc(133, 288, 384, 288))
    assert card.family == "rtmw3d" and card.codec["name"] == "simcc3d"


def test_the_layers_names_tell_the_detectors_apart_where_the_path_does_not(tmp_path: Path) -> None:
    rtmdet = infer_card(file(tmp_path, "person_320.onnx", b"..rtm_cls.0.weight"), [PICTURE], BOXES)
    assert (rtmdet.family, rtmdet.mean[0], rtmdet.width, rtmdet.classes) == (
        "rtmdet",
        103.53,
        320,
        ("person",),
    )
    yolox = infer_card(file(tmp_path, "a_640.onnx", b"multi_level_conv_cls"), [PICTURE], BOXES)
    assert (yolox.family, yolox.mean[0], yolox.classes) == ("yolox", 0.0, COCO80)
    assert yolox.color == rtmdet.color == "bgr"


def test_what_stays_open_is_an_error_that_names_the_flag(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--family"):
        infer_card(file(tmp_path, "detector_640.onnx"), [PICTURE], BOXES)
    with pytest.raises(UsageError, match="--det-size 640x640"):
        infer_card(file(tmp_path, "rtmdet_m.onnx", b"rtm_cls"), [PICTURE], BOXES)
    with pytest.raises(UsageError, match="--skeleton"):
        infer_card(file(tmp_path, "own.onnx"), crop(), simcc(5))
    with pytest.raises(UsageError, match="leave --size out"):
        infer_card(file(tmp_path, "own.onnx"), crop(), simcc(17), size=(100, 100))


def test_the_flags_settle_it(tmp_path: Path) -> None:
    card = infer_card(file(tmp_path, "d.onnx"), [PICTURE], BOXES, size=(640, 384), family="rtmdet")
    assert (card.width, card.height, card.family) == (640, 384, "rtmdet")
    assert infer_card(file(tmp_path, "own.onnx"), crop(), simcc(5), skeleton="mine").skeleton == "mine"


def test_one_stage_models_say_their_keypoints(tmp_path: Path) -> None:
    ports = [BOXES[0], Port("keypoints", (None, None, 17, 3), "float32")]
    card = infer_card(file(tmp_path, "rtmo-s_640x640.onnx"), [PICTURE], ports)
    assert (card.family, card.task, card.size, card.width, card.skeleton) == (
        "rtmo",
        "onestage",
        "s",
        640,
        "coco17",
    )


def test_a_model_of_another_kind_is_refused_with_its_outputs(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="logits"):
        infer_card(file(tmp_path, "cat.onnx"), crop(), [Port("logits", (None, 1000), "float32")])
