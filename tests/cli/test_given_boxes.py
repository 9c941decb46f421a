"""`rtm pose --boxes`: boxes of COCO labels and detections come to the right pictures."""

import json

import cv2
import numpy as np
import pytest

from rtmcli.cli.given_boxes import given_items
from rtmcli.errors import DataError
from rtmcli.zoo.card import Card

CARD = Card(name="a", family="rtmpose", size="t", task="topdown", width=96, height=128, skeleton="coco17")


@pytest.fixture
def folder(tmp_path):
    """Three pictures that differ in size."""
    for number in (1, 2, 3):
        cv2.imwrite(str(tmp_path / f"{number:012d}.png"), np.zeros((40, 50 + number, 3), np.uint8))
    return tmp_path


def write(path, data):
    path.write_text(json.dumps(data))
    return str(path)


def test_labels_give_their_own_pictures_in_their_order(folder, tmp_path):
    labels = {
        "images": [{"id": 7, "file_name": "000000000003.png"}, {"id": 8, "file_name": "000000000001.png"}],
        "annotations": [{"image_id": 8, "bbox": [1, 2, 30, 20], "keypoints": [5, 5, 2] * 17}],
    }
    items = list(given_items(write(tmp_path / "labels.json", labels), str(folder), CARD))
    assert [item.image.shape[1] for item in items] == [53, 51]
    assert [len(item.frame.instances) for item in items] == [0, 1]
    np.testing.assert_array_equal(items[1].frame.instances[0].box, [1, 2, 31, 22])
    assert items[1].frame.source.endswith("000000000001.png")


def test_detections_come_to_the_pictures_of_the_source_by_their_number(folder, tmp_path):
    detections = [
        {"image_id": 2, "category_id": 1, "bbox": [0, 0, 9, 9], "score": 0.9},
        {"image_id": 2, "category_id": 1, "bbox": [3, 0, 9, 9], "score": 0.1},
        {"image_id": 2, "category_id": 18, "bbox": [0, 0, 5, 5], "score": 0.9},
    ]
    path = write(tmp_path / "detections.json", detections)
    items = list(given_items(path, str(folder), CARD, score=0.3))
    assert [[person.score for person in item.frame.instances] for item in items] == [[], [0.9], []]
    assert (
        len(next(i for i in given_items(path, str(folder), CARD) if i.frame.instances).frame.instances) == 2
    )


def test_boxes_of_other_pictures_are_an_error(folder, tmp_path):
    path = write(tmp_path / "d.json", [{"image_id": 99, "category_id": 1, "bbox": [0, 0, 9, 9], "score": 1}])
    with pytest.raises(DataError, match="none of the images"):
        list(given_items(path, str(folder), CARD))


def test_pose_results_are_no_detections(folder, tmp_path):
    path = write(tmp_path / "r.json", [{"image_id": 1, "keypoints": [1, 2, 0.5], "score": 1}])
    with pytest.raises(DataError, match="without a bbox"):
        list(given_items(path, str(folder), CARD))
