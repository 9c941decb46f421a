"""The detector finds what a direct run of the network finds, and nothing in blank images."""

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import onnxruntime
import pytest

from rtmcli.errors import MissingError, UsageError
from rtmcli.geometry.boxes import iou_matrix
from rtmcli.geometry.letterbox import letterbox
from rtmcli.inference.detector import Detector
from rtmcli.inference.open_model import OpenModel

BGR_MEAN, BGR_STD = np.array([103.53, 116.28, 123.675]), np.array([57.375, 57.12, 58.395])


@pytest.fixture(scope="module")
def bundled() -> Detector:
    return Detector(threads=1)


@pytest.fixture(scope="module")
def pictures(data_dir: Path) -> list[np.ndarray]:
    files = sorted((data_dir / "val" / "images").iterdir())[:8]
    return [cv2.imread(str(file)) for file in files]


def test_the_official_file_gives_the_boxes_of_a_straight_run(
    data_dir: Path, pictures: list[np.ndarray]
) -> None:
    file = data_dir / "weights" / "rtmdet_nano_person.onnx"
    detector = Detector(file, threads=1, score_threshold=0.05)
    assert (detector.card.width, detector.card.height, detector.card.classes) == (320, 320, ("person",))
    session = onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
    for picture in pictures:
        canvas, (fx, fy) = letterbox(picture, (320, 320))
        planes = ((canvas - BGR_MEAN) / BGR_STD).astype(np.float32).transpose(2, 0, 1)[None]
        dets = session.run(["dets"], {"input": planes})[0][0]
        dets = dets[dets[:, 4] > 0.05]
        limit = np.array(picture.shape[1::-1] * 2)
        expected = np.clip(dets[:, :4] / [fx, fy, fx, fy], 0, limit)
        found = detector([picture])[0]
        assert len(found) == len(expected)
        np.testing.assert_allclose([p.box for p in found], expected, atol=1e-2)
        np.testing.assert_allclose([p.score for p in found], dets[:, 4], atol=1e-5)


def test_a_batch_of_pictures_of_all_sizes_gives_what_each_gives_alone(
    bundled: Detector, pictures: list[np.ndarray]
) -> None:
    alone = [bundled([picture])[0] for picture in pictures]
    assert sum(map(len, alone)) >= 8
    for one, other in zip(alone, bundled(pictures), strict=True):
        np.testing.assert_allclose([p.score for p in one], [p.score for p in other], atol=1e-5)
        np.testing.assert_allclose([p.box for p in one], [p.box for p in other], atol=1e-2)


@pytest.mark.parametrize("grey", [0, 114, 255])
def test_a_blank_image_has_no_boxes(bundled: Detector, grey: int) -> None:
    assert bundled([np.full((90, 160, 3), grey, np.uint8)]) == [[]]


def test_no_pictures_give_no_lists(bundled: Detector) -> None:
    assert bundled([]) == []


def test_a_higher_score_keeps_the_best_and_a_stricter_nms_leaves_no_overlap(
    pictures: list[np.ndarray],
) -> None:
    all_found = Detector(threads=1, score_threshold=0.05)(pictures)
    few = Detector(threads=1, score_threshold=0.5)(pictures)
    apart = Detector(threads=1, score_threshold=0.05, iou_threshold=0.2)(pictures)
    for everyone, sure, single in zip(all_found, few, apart, strict=True):
        assert [p.score for p in sure] == [p.score for p in everyone if p.score > 0.5]
        boxes = np.array([p.box for p in single])
        assert (iou_matrix(boxes, boxes)[~np.eye(len(boxes), dtype=bool)] <= 0.2 + 1e-6).all()
    assert sum(map(len, apart)) < sum(map(len, all_found))


def test_the_default_score_is_the_cards_threshold_else_0_3(bundled: Detector) -> None:
    card = replace(bundled.card, threshold=0.42)
    assert Detector(OpenModel(bundled.engine, card)).score_threshold == 0.42
    assert Detector(OpenModel(bundled.engine, replace(card, threshold=None))).score_threshold == 0.3
    assert Detector(OpenModel(bundled.engine, card), score_threshold=0.05).score_threshold == 0.05


def test_a_class_the_model_does_not_know_is_named_with_those_it_knows() -> None:
    with pytest.raises(UsageError, match="'horse'; it has person"):
        Detector(threads=1, classes=["horse"])


def test_a_pose_model_is_no_detector() -> None:
    with pytest.raises(UsageError, match="rtmpose-t is a top-down pose model"):
        Detector("rtmpose-t", threads=1)


def test_an_unknown_name_suggests_the_nearest() -> None:
    with pytest.raises(MissingError, match="rtmdet-nano"):
        Detector("rtmdet-nanoo", threads=1)
