"""Records as objects of supervision."""

import numpy as np
import pytest

from rtmcli import DataError, Frame, Instance, to_supervision

supervision = pytest.importorskip("supervision", reason="the extra supervision is not installed")


def frame() -> Frame:
    points = np.random.default_rng(0).uniform(1, 90, (2, 17, 3)).astype(np.float32)
    points[0, 5] = np.nan
    people = [
        Instance(id=n, label=label, box=np.float32([n, 2, 30, 40]), score=0.5 + 0.25 * n, keypoints=points[n])
        for n, label in enumerate(["person", "dog"])
    ]
    return Frame("a", 0, width=100, height=100, skeleton="coco17", instances=[*people, Instance(label="cat")])


def test_keypoints_scores_labels_and_ids_are_those_of_the_people() -> None:
    found = to_supervision(frame())
    assert isinstance(found, supervision.KeyPoints) and len(found) == 2
    points = np.stack([one.keypoints for one in frame().instances[:2]])
    np.testing.assert_array_equal(found.xy[1], points[1, :, :2])
    assert found.xy[0, 5].tolist() == [0, 0] and not found.visible[0, 5] and found.visible.sum() == 33
    np.testing.assert_array_equal(found.keypoint_confidence[1], points[1, :, 2])
    assert found.detection_confidence.tolist() == [0.5, 0.75]
    assert found.data["tracker_id"].tolist() == [0, 1] and found.data["class_name"].tolist() == [
        "person",
        "dog",
    ]
    assert found.class_id.tolist() == [1, 0]


def test_boxes_become_detections() -> None:
    found = to_supervision(frame(), "detections")
    assert isinstance(found, supervision.Detections)
    assert found.xyxy.tolist() == [[0, 2, 30, 40], [1, 2, 30, 40]]
    assert (found.tracker_id.tolist(), found.confidence.tolist()) == ([0, 1], [0.5, 0.75])
    without = frame()
    for one in without.instances:
        one.id = one.score = None
    found = to_supervision(without, "detections")
    assert found.tracker_id is None and found.confidence is None


def test_its_annotators_draw_them() -> None:
    image = np.zeros((100, 100, 3), np.uint8)
    drawn = supervision.VertexAnnotator(radius=2).annotate(image.copy(), to_supervision(frame()))
    assert drawn.any()
    boxed = supervision.BoxAnnotator().annotate(image.copy(), to_supervision(frame(), "detections"))
    assert boxed.any()


def test_nobody_is_empty_and_mixed_numbers_of_keypoints_are_an_error() -> None:
    empty = Frame("a", 0)
    assert len(to_supervision(empty)) == 0 and len(to_supervision(empty, "detections")) == 0
    mixed = frame()
    mixed.instances.append(Instance(keypoints=np.ones((21, 3), np.float32)))
    with pytest.raises(DataError, match="people have 17 and 21 keypoints"):
        to_supervision(mixed)
