"""Boxes as plain arrays, and single images: what people pass to the models in Python."""

import math

import numpy as np
import pytest

from rtmcli import Detector, Instance, TopDown, UsageError, open_media
from rtmcli.inference.box_arrays import as_instances
from tests.helpers.given import keypoints_of

BOX = [100.0, 50.0, 220.0, 400.0]


@pytest.fixture(scope="module")
def pose() -> TopDown:
    return TopDown()


@pytest.fixture(scope="module")
def image() -> np.ndarray:
    (picture,) = open_media("demo", max_frames=1)
    return picture.image


@pytest.mark.parametrize(
    "boxes", [np.array([BOX]), np.array([BOX], np.int64), [BOX], (tuple(BOX),), np.float32([BOX])]
)
def test_boxes_of_any_number_type_become_people(boxes: object) -> None:
    (one,) = as_instances(boxes)
    assert one.label == "person" and one.score is None and one.box is not None
    assert one.box.dtype == np.float32 and one.box.tolist() == BOX


def test_no_boxes_are_nobody_and_instances_stay_themselves() -> None:
    assert as_instances([]) == [] and as_instances(np.zeros((0, 4))) == []
    people = [Instance(), Instance(box=np.float32(BOX))]
    assert all(one is other for one, other in zip(as_instances(people), people, strict=True))


@pytest.mark.parametrize(
    ("boxes", "message"),
    [
        ([[220, 50, 100, 400]], r"box 0 is \[220\.0, 50\.0, 100\.0, 400\.0\]: x2 must exceed x1"),
        ([BOX, [1, 9, 5, 9]], r"box 1 .* y2 must exceed y1; boxes are two corners, not a corner and a size"),
        ([[math.nan, 1, 2, 3]], r"box 0 is \[nan, .*must be finite numbers"),
        ([[0, 1, math.inf, 3]], "must be finite numbers"),
        (BOX, r"boxes must be \(N, 4\): x1, y1, x2, y2 in pixels for each; got an array of shape \(4,\)"),
        (np.zeros((2, 5)), r"got an array of shape \(2, 5\)"),
        ([[1, 2, 3, 4], [1, 2, 3]], r"boxes must be numbers x1, y1, x2, y2 in rows"),
        ([["a", "b", "c", "d"]], "boxes must be numbers"),
        ([Instance(), BOX], "boxes must be numbers x1, y1, x2, y2 in rows"),
    ],
)
def test_other_boxes_are_one_sentence(boxes: object, message: str, pose: TopDown) -> None:
    with pytest.raises(UsageError, match=message):
        pose(np.zeros((480, 640, 3), np.uint8), boxes)


def test_an_array_of_boxes_gives_the_poses_of_instances_with_these_boxes(
    pose: TopDown, image: np.ndarray
) -> None:
    boxes = np.array([BOX, [10, 20, 110, 220]])
    found = pose(image, boxes)
    people = [Instance(label="person", box=box.astype(np.float32)) for box in boxes]
    (expected,) = pose([image], [people])
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(keypoints_of(one), keypoints_of(other))
    first, second = pose([image, image], [boxes, people[:1]])
    assert [len(first), len(second)] == [2, 1]


def test_one_image_and_a_stack_of_images_are_found_as_a_list_of_images_is(image: np.ndarray) -> None:
    detector = Detector()
    (expected,) = detector([image])
    assert len(expected) >= 1
    for found in (detector(image), *detector(np.stack([image, image]))):
        assert [one.score for one in found] == [one.score for one in expected]
    assert detector([]) == []


def test_a_wrong_number_of_images_or_a_grey_image_is_one_sentence(pose: TopDown, image: np.ndarray) -> None:
    with pytest.raises(UsageError, match="got 1 images and boxes for 2: give a list of boxes for each image"):
        pose([image], np.array([BOX, BOX]))
    with pytest.raises(UsageError, match=r"expected images \(H, W, 3\) uint8 BGR, got \(480, 640\) uint8"):
        pose(np.zeros((480, 640), np.uint8), [BOX])
