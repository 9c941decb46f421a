"""COCO's files to frames and back, and pictures found from records."""

import json

import numpy as np
import pytest

from rtmcli.errors import DataError
from rtmcli.formats import coco, labels
from rtmcli.formats.coco_boxes import read_coco_boxes
from rtmcli.formats.image_matching import ImageMatcher
from rtmcli.records.frame import Frame, Instance


def pictures(*names):
    return ImageMatcher([{"id": 100 + i, "file_name": name} for i, name in enumerate(names)])


def test_a_picture_is_found_by_its_base_name_whatever_its_folder():
    found = pictures("train/a.jpg", "train/b.jpg").find(Frame(source="/elsewhere/b.jpg", frame=0, frames=1))
    assert found["id"] == 101


def test_the_file_of_a_folder_read_as_a_clip_goes_before_its_source():
    frame = Frame(source="a.jpg", frame=3, frames=9, extra={"file": "b.jpg"})
    assert pictures("a.jpg", "b.jpg").find(frame)["id"] == 101


def test_of_two_pictures_of_one_name_the_one_in_the_right_folder_is_meant():
    table = pictures("cam1/0.jpg", "cam2/0.jpg")
    assert table.find(Frame(source="x/cam2/0.jpg", frame=0, frames=1))["id"] == 101
    assert table.find(Frame(source="x/cam1/0.jpg", frame=0, frames=1))["id"] == 100


def test_a_picture_in_another_format_is_found_by_its_number():
    table = ImageMatcher([{"id": 785, "file_name": "000000000785.jpg"}])
    assert table.find(Frame(source="crops/000000000785.png", frame=0, frames=1))["id"] == 785
    assert table.find(Frame(source="crops/000000000786.png", frame=0, frames=1)) is None


def test_frames_of_a_video_are_found_by_their_number_in_its_own_pictures():
    table = pictures("walk/000001.jpg", "walk/000002.jpg", "run/000001.jpg")
    assert table.find(Frame(source="run.mp4", frame=1, frames=9))["id"] == 102
    assert table.find(Frame(source="walk.mp4", frame=2, frames=9))["id"] == 101
    assert table.find(Frame(source="run.mp4", frame=2, frames=9)) is None
    assert table.find(Frame(source="swim.mp4", frame=1, frames=9)) is None


def test_boxes_of_labels_are_clipped_scored_one_and_leave_crowds_out(tmp_path):
    def entry(box, **more):
        return {"image_id": 1, "category_id": 1, "bbox": box, "keypoints": [1, 1, 2] * 17} | more

    truth = {
        "images": [
            {"id": 1, "file_name": "in/a.jpg", "width": 100, "height": 50},
            {"id": 2, "file_name": "b.jpg"},
        ],
        "annotations": [
            entry([-5, 10, 50, 60]),
            entry([1, 1, 9, 9], iscrowd=1),
            entry([1, 1, 0, 9]),
            entry([2, 2, 9, 9], keypoints=[0] * 51),
        ],
        "categories": [{"id": 1, "name": "person"}],
    }
    path = tmp_path / "labels.json"
    path.write_text(json.dumps(truth))
    boxes = read_coco_boxes(path)
    (person,) = boxes.of_file("in/a.jpg")
    np.testing.assert_array_equal(person.box, [0, 10, 45, 49])
    assert (person.score, person.label) == (1.0, "person")
    assert boxes.of_file("/else/where/b.jpg") == []
    assert boxes.of_file("c.jpg") is None


def test_boxes_of_a_detection_file_are_found_by_the_pictures_number(tmp_path):
    path = tmp_path / "detections.json"
    path.write_text(json.dumps([{"image_id": 785, "category_id": 1, "bbox": [1, 2, 3, 4], "score": 0.5}]))
    (person,) = read_coco_boxes(path).of_file("val/000000000785.jpg")
    np.testing.assert_array_equal(person.box, [1, 2, 4, 6])
    assert person.score == 0.5


def test_results_go_to_frames_and_back(goldens):
    golden = json.loads((goldens / "eval_coco17_a.json").read_text())
    back = []
    for frame, rows in coco.frames_of_results(golden["results"], golden["gt"]):
        image = ImageMatcher(golden["gt"]["images"]).find(frame)
        assert len(rows) == len(frame.instances)
        back += [coco.plain_result(coco.result_of(p, image["id"], 1)) for p in frame.instances]
    assert [r["image_id"] for r in back] == [r["image_id"] for r in golden["results"]]
    for result, original in zip(back, golden["results"], strict=True):
        np.testing.assert_allclose(result["keypoints"], original["keypoints"], rtol=1e-6)
        assert result["score"] == pytest.approx(original["score"])


def test_a_point_that_does_not_exist_becomes_zeros():
    points = np.full((2, 3), np.nan, np.float32)
    points[1] = 3, 4, 0.5
    result = coco.plain_result(coco.result_of(Instance(keypoints=points), 7, 1))
    assert result == {"image_id": 7, "category_id": 1, "keypoints": [0, 0, 0, 3, 4, 0.5], "score": 1.0}


def test_whole_body_fields_are_joined_in_order():
    fields = {name: [i, i, 1] for i, name in enumerate(labels.POINT_FIELDS)}
    np.testing.assert_array_equal(labels.points_of(fields)[:, 0], [0, 1, 2, 3, 4])


def test_results_that_are_no_triples_are_refused():
    with pytest.raises(DataError, match="not triples"):
        coco.check_results([{"image_id": 1, "score": 1, "keypoints": [1, 2]}], "r.json")
