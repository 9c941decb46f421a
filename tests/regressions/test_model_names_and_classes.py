"""Family, class and skeleton of a file without a card come from the file, then from whole words of its name.

`handball/rtmdet_m.onnx` was a detector of hands, `interface/` one of faces, and `--classes all` an unknown class.
"""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from rtmcli.cli.app import main
from rtmcli.errors import DataError, UsageError
from rtmcli.inference.detector import Detector
from rtmcli.inference.open_model import open_model
from rtmcli.zoo.infer_card import COCO80
from rtmcli.zoo.onnx_classes import count_classes
from tests.helpers.constant_onnx import constant_onnx, simcc

DATA = Path(__file__).parent / "data"
BOXES = np.array([[10, 20, 60, 90, 0.9], [100, 20, 150, 90, 0.8]], np.float32)
LABELS = np.array([0, 1], np.int64)
SQUARE = ("N", 3, 320, 320)


def detector_file(path: Path, classes: int | None = None) -> Path:
    """A detector; with a classification layer of so many classes."""
    layer = "bbox_head.rtm_cls.0.weight"
    weights = {} if classes is None else {layer: np.zeros((classes, 3, 1, 1), np.float32)}
    return constant_onnx(path, {"dets": BOXES, "labels": LABELS}, shape=SQUARE, weights=weights)


@pytest.fixture
def image(tmp_path: Path) -> str:
    cv2.imwrite(str(tmp_path / "a.png"), np.zeros((320, 320, 3), np.uint8))
    return str(tmp_path / "a.png")


@pytest.mark.parametrize(
    ("options", "labels"),
    [
        (["--classes", "all"], ["person", "dog", "person"]),
        ([], ["person", "person"]),
        (["--classes", "dog"], ["dog"]),
    ],
)
def test_a_folder_called_handball_says_nothing_about_its_detector(
    image: str, options: list[str], labels: list[str], capfd: pytest.CaptureFixture[str]
) -> None:
    detector = str(DATA / "handball" / "rtmdet_m.onnx")
    assert main(["detect", image, "--detector", detector, *options]) == 0
    record = json.loads(capfd.readouterr().out)
    assert [found["label"] for found in record["instances"]] == labels


@pytest.mark.parametrize(
    "folder", ["handball", "interface", "facebook", "my_hands", "surface-scans", "persona", "face", "yolo"]
)
@pytest.mark.parametrize(("count", "classes"), [(80, COCO80), (1, ("person",)), (None, COCO80)])
def test_no_folder_that_is_not_a_models_name_changes_the_classes(
    tmp_path: Path, folder: str, count: int | None, classes: tuple[str, ...]
) -> None:
    path = detector_file(tmp_path / folder / "rtmdet_m.onnx", count)
    assert open_model(path, threads=1).card.classes == classes


@pytest.mark.parametrize(
    ("name", "classes"),
    [
        ("rtmdet_nano_8xb32-300e_hand-267f9c8f/end2end.onnx", ("hand",)),
        ("rtmdet_m_8xb32-100e_coco-obj365-person-235e8209/end2end.onnx", ("person",)),
        ("models/yolox-s-face.onnx", ("face",)),
        ("handball/rtmdet-nano-hand.onnx", ("hand",)),
        ("rtmdet-hand/rtmdet-face.onnx", ("face",)),
    ],
)
def test_whole_words_of_a_models_name_tell_the_class_of_a_detector_of_one(
    tmp_path: Path, name: str, classes: tuple[str, ...]
) -> None:
    assert open_model(detector_file(tmp_path / name, 1), threads=1).card.classes == classes


@pytest.mark.parametrize(
    ("name", "skeleton"),
    [
        ("animal_study/pose.onnx", "coco17"),
        ("animal_study/end2end.onnx", "coco17"),
        ("animals/rtmpose-m.onnx", "coco17"),
        ("minimal/animalistic.onnx", "coco17"),
        ("rtmpose-m_simcc-ap10k_pt-aic-coco_210e-256x256/end2end.onnx", "ap10k17"),
        ("x/rtmpose-m_simcc-ap-10k_pt-aic-coco.onnx", "ap10k17"),
        ("x/rtmpose_m_animal.onnx", "ap10k17"),
    ],
)
def test_whole_words_of_a_models_name_tell_animals_from_people(
    tmp_path: Path, name: str, skeleton: str
) -> None:
    x, y = simcc()
    card = open_model(constant_onnx(tmp_path / name, {"simcc_x": x, "simcc_y": y}), threads=1).card
    assert (card.skeleton, card.family) == (skeleton, "rtmpose")


def test_the_family_is_a_whole_word_too(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--family"):
        open_model(detector_file(tmp_path / "yoloxtra" / "myrtmdetection.onnx"), threads=1)
    x, y = simcc()
    pose = constant_onnx(tmp_path / "rtmwide" / "rtmwork.onnx", {"simcc_x": x, "simcc_y": y})
    assert open_model(pose, threads=1).card.family == "rtmpose"


@pytest.mark.parametrize("count", [1, 3, 80])
def test_the_number_of_classes_comes_from_the_file(tmp_path: Path, count: int) -> None:
    path = detector_file(tmp_path / "rtmdet_m.onnx", count)
    assert count_classes(path) == count
    assert len(open_model(path, threads=1).card.classes) == count


def test_a_custom_detectors_classes_get_their_names(
    tmp_path: Path, image: str, capfd: pytest.CaptureFixture[str]
) -> None:
    path = str(detector_file(tmp_path / "rtmdet_m.onnx", 2))
    assert main(["detect", image, "--detector", path, "--det-classes", "ball, player"]) == 0
    record = json.loads(capfd.readouterr().out)
    assert [found["label"] for found in record["instances"]] == ["ball", "player"]
    assert (
        main(["detect", image, "--detector", path, "--det-classes", "ball,player", "--classes", "player"])
        == 0
    )
    record = json.loads(capfd.readouterr().out)
    assert [found["label"] for found in record["instances"]] == ["player"]
    assert main(["detect", image, "--detector", path, "--det-classes", "ball"]) == 2
    assert "has 2 classes, but --det-classes names 1" in capfd.readouterr().err


def test_names_for_a_model_with_a_card_must_be_as_many(tmp_path: Path) -> None:
    assert open_model("rtmdet-nano", threads=1, classes=["player"]).card.classes == ("player",)
    with pytest.raises(UsageError, match="has 1 classes, but --det-classes names 2"):
        open_model("rtmdet-nano", threads=1, classes=["ball", "player"])


def test_a_label_beyond_the_names_is_an_error(tmp_path: Path) -> None:
    path = detector_file(tmp_path / "rtmdet_m.onnx")
    detector = Detector(open_model(path, threads=1, classes=["ball"]))
    with pytest.raises(DataError, match="the label 1, but has 1 class"):
        detector([np.zeros((320, 320, 3), np.uint8)])
