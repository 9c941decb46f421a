"""Labels and predictions that would end in an AP of 0 or -1 end with exit code 3 and a sentence."""

import json

import numpy as np
import pytest

from rtmcli.records.frame import Frame, Instance
from rtmcli.records.ndjson import write_frames
from tests.helpers.eval_runs import perfect_records, run


@pytest.fixture
def golden(goldens):
    return json.loads((goldens / "eval_coco17_a.json").read_text())


@pytest.fixture
def files(golden, tmp_path):
    """The golden's labels and results as files, and a function that writes changed copies."""
    (tmp_path / "gt.json").write_text(json.dumps(golden["gt"]))
    (tmp_path / "results.json").write_text(json.dumps(golden["results"]))
    return tmp_path


def fails(capsys, gt, predictions, *options):
    code, out, err = run(capsys, gt, predictions, *options)
    assert code == 3
    assert out == ""
    assert len(err.splitlines()) == 1
    return err


def test_records_of_other_pictures(files, golden, capsys):
    perfect_records(golden["gt"], files / "records.jsonl", source="elsewhere/x.jpg")
    err = fails(capsys, files / "gt.json", files / "records.jsonl")
    assert "does not have: elsewhere/x.jpg, elsewhere/x.jpg" in err
    assert "--unmatched skip" in err
    err = fails(capsys, files / "gt.json", files / "records.jsonl", "--unmatched", "skip")
    assert "no record is of an image" in err


def test_results_with_other_ids(files, golden, capsys):
    for result in golden["results"][:3]:
        result["image_id"] = 999999
    (files / "results.json").write_text(json.dumps(golden["results"]))
    assert "image_id 999999" in fails(capsys, files / "gt.json", files / "results.json")


@pytest.mark.parametrize("area", [0, -5, None])
def test_areas_that_are_not_above_zero(files, golden, capsys, area):
    for annotation in golden["gt"]["annotations"]:
        if area is None:
            del annotation["area"]
        else:
            annotation["area"] = area
    (files / "gt.json").write_text(json.dumps(golden["gt"]))
    err = fails(capsys, files / "gt.json", files / "results.json")
    assert "no area above 0" in err
    assert run(capsys, files / "gt.json", files / "results.json", "--area", "box")[0] == 0


def test_a_skeleton_with_another_number_of_sigmas(files, golden, capsys):
    err = fails(capsys, files / "gt.json", files / "results.json", "--skeleton", "halpe26")
    assert "17 keypoints, but halpe26 has sigmas for 26" in err


def test_records_with_another_skeleton(files, golden, capsys):
    perfect_records(golden["gt"], files / "records.jsonl", skeleton="halpe26")
    err = fails(capsys, files / "gt.json", files / "records.jsonl")
    assert "rtm convert --skeleton coco17" in err


def test_results_with_another_number_of_points(files, golden, capsys):
    golden["results"][4]["keypoints"] += [1, 2, 0.5]
    (files / "results.json").write_text(json.dumps(golden["results"]))
    assert "has 18 keypoints" in fails(capsys, files / "gt.json", files / "results.json")


def test_labels_without_a_labelled_point(files, golden, capsys):
    for annotation in golden["gt"]["annotations"]:
        annotation["keypoints"] = [0] * 51
    (files / "gt.json").write_text(json.dumps(golden["gt"]))
    assert "has a labelled keypoint" in fails(capsys, files / "gt.json", files / "results.json")


def test_labels_of_another_category(files, golden, capsys):
    for result in golden["results"]:
        result["category_id"] = 7
    (files / "results.json").write_text(json.dumps(golden["results"]))
    assert "category 7" in fails(capsys, files / "gt.json", files / "results.json")


def test_boxes_of_another_class(files, golden, capsys):
    golden["gt"]["categories"][0] = {"id": 1, "name": "ball"}
    for annotation in golden["gt"]["annotations"]:
        del annotation["keypoints"]
    (files / "gt.json").write_text(json.dumps(golden["gt"]))
    frames = [
        Frame(
            source=image["file_name"],
            frame=0,
            frames=1,
            instances=[Instance(box=np.array([0, 0, 9, 9], np.float32), score=0.5, label="person")],
        )
        for image in golden["gt"]["images"]
    ]
    write_frames(frames, files / "boxes.jsonl")
    err = fails(capsys, files / "gt.json", files / "boxes.jsonl")
    assert "the records hold only person" in err
    assert "only ball; --category ball takes" in err
    assert run(capsys, files / "gt.json", files / "boxes.jsonl", "--category", "ball")[0] == 0


@pytest.mark.parametrize(
    ("text", "told"),
    [("", "no records"), ("[1, 2", "not JSON"), ("{}", "line 1"), ('[{"image_id": 1}]', "entry 0")],
)
def test_predictions_that_are_none(files, capsys, text, told):
    (files / "broken").write_text(text)
    assert told in fails(capsys, files / "gt.json", files / "broken")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[]", "is a list of results"),
        ("{}", "no list 'images'"),
        ('{"images": [], "annotations": [{}]}', "annotations[0] has no 'image_id'"),
        ("nothing", "not JSON"),
    ],
)
def test_labels_that_are_none(files, capsys, text, told):
    (files / "gt.json").write_text(text)
    assert told in fails(capsys, files / "gt.json", files / "results.json")


def test_files_that_are_not_there(files, capsys):
    assert "cannot read" in fails(capsys, files / "none.json", files / "results.json")
    assert "cannot read" in fails(capsys, files / "gt.json", files / "none.jsonl")
