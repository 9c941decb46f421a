"""Label files with several categories, or with a person of another name, gave an AP of 0 or an error."""

import json

import numpy as np
import pytest

from rtmcli.cli.app import main
from rtmcli.records.frame import Frame, Instance
from rtmcli.records.ndjson import write_frames
from rtmcli.skeletons import load_skeleton
from tests.helpers.coco_evaluation import DATA, evaluate, plain, pycocotools_figures, results_of


def two_kinds():
    """People with 17 keypoints, and hands with 21 in the same file."""
    truth = plain()
    truth["categories"] = [
        {"id": 1, "name": "person", "keypoints": list(load_skeleton("coco17").keypoints)},
        {"id": 4, "name": "hand", "keypoints": list(load_skeleton("hand21").keypoints)},
    ]
    for number in (1, 2, 3):
        truth["annotations"].append(
            {
                "id": 10 + number, "image_id": number, "category_id": 4, "iscrowd": 0, "num_keypoints": 21,
                "area": 900.0, "bbox": [5, 5, 30, 30], "keypoints": [10.0 * number, 12.0, 2] * 21,
            }
        )  # fmt: skip
    return truth


def test_one_of_several_categories_is_chosen_by_name(tmp_path, capsys):
    truth = two_kinds()
    results = results_of(truth)
    code, _, err = evaluate(tmp_path, capsys, truth, results)
    assert code == 3
    assert "17 and 21 keypoints" in err
    assert "--category" in err
    people = [result for result in results if result["category_id"] == 1]
    only_people = {**truth, "annotations": truth["annotations"][:3]}
    expected = pycocotools_figures(only_people, people, categories=[1])
    for name in ("person", "Person", "1"):
        code, figures, err = evaluate(tmp_path, capsys, truth, results, "--category", name)
        assert code == 0, err
        assert figures == pytest.approx(expected, abs=1e-9)
    assert evaluate(tmp_path, capsys, truth, results, "--category", "hand")[0] == 0
    code, _, err = evaluate(tmp_path, capsys, truth, results, "--category", "foot")
    assert code == 3
    assert "has no category 'foot'; it has person, hand" in err


@pytest.mark.parametrize("name", ["dancer", "Person", "human", None])
def test_the_only_category_with_keypoints_is_the_person_whatever_its_name(name, tmp_path, capsys):
    truth = plain()
    truth["categories"] = [{"id": 1, "name": name}, {"id": 2, "name": "ball"}]
    truth["annotations"].append({"id": 9, "image_id": 1, "category_id": 2, "bbox": [1, 1, 9, 9], "area": 81})
    (tmp_path / "labels.json").write_text(json.dumps(truth))
    code = main(["eval", str(tmp_path / "labels.json"), str(DATA / "records_of_labels.jsonl")])
    out, err = capsys.readouterr()
    assert code == 0, err
    assert json.loads(out)["AP"] == pytest.approx(1)


def test_an_instance_of_another_class_is_left_out_with_a_note(tmp_path, capsys):
    truth = plain()
    truth["categories"] = [{"id": 1, "name": "person"}, {"id": 2, "name": "ball"}]
    (tmp_path / "labels.json").write_text(json.dumps(truth))
    frames = [
        Frame(
            source=image["file_name"],
            frame=0,
            frames=1,
            instances=[
                Instance(box=np.array([1, 1, 50, 50], np.float32), score=0.9, label=label)
                for label in ("person", "dog")
            ],
        )
        for image in truth["images"]
    ]
    write_frames(frames, tmp_path / "records.jsonl")
    assert main(["eval", str(tmp_path / "labels.json"), str(tmp_path / "records.jsonl")]) == 0
    assert "left out instances of other classes than the labels': 3 dog" in capsys.readouterr().err


def test_results_are_written_with_the_category_of_the_labels(tmp_path, capsys):
    truth = plain()
    truth["categories"] = [{"id": 3, "name": "dancer"}]
    for annotation in truth["annotations"]:
        annotation["category_id"] = 3
    (tmp_path / "labels.json").write_text(json.dumps(truth))
    records, labels, out = DATA / "records_of_labels.jsonl", tmp_path / "labels.json", tmp_path / "out.json"
    assert main(["convert", str(records), "--to", "coco", "--labels", str(labels), "-o", str(out)]) == 0
    assert {entry["category_id"] for entry in json.loads(out.read_text())} == {3}


def test_detections_of_several_categories_are_not_all_people(tmp_path, capsys):
    results = [
        {"image_id": 1, "category_id": category, "bbox": [1, 2, 30, 40], "score": 0.5} for category in (1, 18)
    ]
    (tmp_path / "results.json").write_text(json.dumps(results))
    truth = {
        "images": [{"id": 1, "file_name": "a.jpg"}],
        "annotations": [],
        "categories": [{"id": 1, "name": "person"}, {"id": 18, "name": "dog"}],
    }
    (tmp_path / "labels.json").write_text(json.dumps(truth))

    def labels(*options):
        assert main(["convert", "--from", "coco", str(tmp_path / "results.json"), *options]) == 0
        return [one.get("label") for one in json.loads(capsys.readouterr().out)["instances"]]

    assert labels() == ["person", None]
    assert labels("--labels", str(tmp_path / "labels.json")) == ["person", "dog"]
