"""Label and results files as tools write them: nulls, ids as text, other categories, run-length masks, absent keys.

Where pycocotools evaluates a file, rtm gives its figures; where pycocotools fails, rtm says what is wrong.
"""

import json

import pytest

from rtmcli.cli.app import main
from tests.helpers.coco_evaluation import DATA, evaluate, plain, pycocotools_figures, results_of

RLE = {"counts": "`Sb1h0X70O2", "size": [240, 320]}


def text_ids(truth):
    for image in truth["images"]:
        image["id"] = f"img{image['id']}"
    for annotation in truth["annotations"]:
        annotation["image_id"] = f"img{annotation['image_id']}"


def category_three(truth):
    truth["categories"] = [{"id": 3, "name": "dancer"}]
    for annotation in truth["annotations"]:
        annotation["category_id"] = 3


def category_zero(truth):
    truth["categories"] = [{"id": 0, "name": "person"}]
    for annotation in truth["annotations"]:
        annotation["category_id"] = 0


def run_length_masks(truth):
    for annotation in truth["annotations"]:
        annotation["segmentation"] = RLE


def no_points_by_count(truth):
    """num_keypoints decides in pycocotools, whatever the points say."""
    truth["annotations"][0]["num_keypoints"] = 0


def nulls(truth):
    for image in truth["images"]:
        image |= {"license": None, "date_captured": None}
    for annotation in truth["annotations"]:
        annotation |= {"segmentation": None, "attributes": None}


def more_images_than_labels(truth):
    truth["images"].append({"id": 77, "file_name": "empty.jpg"})


def an_area_of_zero(truth):
    truth["annotations"][0]["area"] = 0


def two_categories(truth):
    truth["categories"] = [{"id": 1, "name": "person"}, {"id": 2, "name": "child"}]
    truth["annotations"][1]["category_id"] = 2


@pytest.mark.parametrize(
    "change",
    [
        text_ids,
        category_three,
        category_zero,
        run_length_masks,
        no_points_by_count,
        nulls,
        more_images_than_labels,
        an_area_of_zero,
        two_categories,
    ],
    ids=lambda change: change.__name__,
)
def test_a_file_that_pycocotools_evaluates_gives_its_figures(change, tmp_path, capsys):
    truth = plain()
    change(truth)
    results = results_of(truth)
    code, figures, err = evaluate(tmp_path, capsys, truth, results)
    assert code == 0, err
    assert figures == pytest.approx(pycocotools_figures(truth, results), abs=1e-9)


@pytest.mark.parametrize(
    "key", ["keypoints", "bbox", "area", "iscrowd", "num_keypoints", "category_id", "id"]
)
@pytest.mark.parametrize("absent", [True, False], ids=["absent", "null"])
def test_a_null_counts_as_an_absent_key(key, absent, tmp_path, capsys):
    changed = plain()
    if absent:
        del changed["annotations"][0][key]
    else:
        changed["annotations"][0][key] = None
    code, figures, err = evaluate(tmp_path, capsys, changed, results_of(plain(), shift=0))
    if key == "bbox":
        assert code == 3
        assert "has no bbox of four numbers" in err
    elif key == "area":
        assert code == 3
        assert "1 of 3 labelled people have no area above 0" in err
        assert "--area box takes 0.53 of the box" in err
    else:
        assert (code, figures[0]) == (0, pytest.approx(1))


def test_keypoints_that_are_null_are_a_person_without_labelled_keypoints(tmp_path, capsys):
    code = main(["eval", str(DATA / "labels_keypoints_null.json"), str(DATA / "records_of_labels.jsonl")])
    out, _ = capsys.readouterr()
    assert code == 0
    assert json.loads(out)["AP"] == pytest.approx(1)
    assert main(["convert", "--from", "coco", str(DATA / "labels_keypoints_null.json")]) == 0
    frames = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [len(frame["instances"]) for frame in frames] == [1, 1, 1]


@pytest.mark.parametrize(
    ("path", "value", "told"),
    [
        (("annotations", 0), None, "annotations[0] must be an object with 'image_id'; got None"),
        (("images", 1), "a.jpg", "images[1] must be an object with 'id'; got a.jpg"),
        (("annotations", 0, "keypoints"), "1 2 2", "annotations[0]: 'keypoints' must be a list of numbers"),
        (
            ("annotations", 0, "keypoints"),
            [1, None, 2] * 17,
            "annotations[0]: 'keypoints' must be a list of numbers",
        ),
        (("annotations", 0, "keypoints"), [1, 2] * 17, "the 34 numbers of 'keypoints' are not triples"),
        (("annotations", 0, "keypoints"), ["1", "2", "2"] * 17, "'keypoints' must be a list of numbers"),
        (("annotations", 0, "keypoints"), [[1, 2, 2], [3]], "'keypoints' must be a list of numbers"),
        (("annotations", 0, "image_id"), [3], "annotations[0]: 'image_id' must be a number or text; got [3]"),
        (("images", 0, "width"), "<=640", "images[0]: 'width' must be a whole number; got '<=640'"),
        (("annotations", 0, "bbox"), [1, 2, 3], "annotations[0]: 'bbox' must be four numbers"),
        (("annotations", 0, "area"), "5088", "annotations[0]: 'area' must be a number; got '5088'"),
        (("annotations", 0, "image_id"), "3", "some image ids are numbers and some are text (such as '3')"),
        (
            ("annotations", 0, "category_id"),
            "1",
            "some category ids are numbers and some are text (such as '1')",
        ),
        (("images",), None, "has no list 'images'"),
        (("categories",), [{"id": 9, "name": "person"}], "annotations have 1, the list 9"),
    ],
)
def test_what_is_wrong_in_a_label_file_is_named(path, value, told, tmp_path, capsys):
    truth = plain()
    results = results_of(truth)
    place = truth
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    code, _, err = evaluate(tmp_path, capsys, truth, results)
    assert code == 3
    assert told in err
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"image_id": "3"}, "image_id '3' is text, the labels have numbers such as 1"),
        ({"category_id": 2}, "the results are of category 2, the labels of 1"),
        ({"score": None}, "entry 0 has no image_id or no score"),
        ({"score": "high"}, "entry 0: 'score' must be a number"),
        ({"keypoints": None}, "entry 0 has neither keypoints nor a bbox"),
        ({"keypoints": None, "segmentation": RLE}, "masks are not evaluated"),
    ],
)
def test_what_is_wrong_in_a_results_file_is_named(change, told, tmp_path, capsys):
    truth = plain()
    results = [{**result, **change} for result in results_of(truth)]
    code, _, err = evaluate(tmp_path, capsys, truth, results)
    assert code == 3
    assert told in err


def test_a_box_without_a_width_is_never_found_but_does_not_stop_the_others(tmp_path, capsys):
    truth = plain()
    truth["annotations"][0]["bbox"][2] = 0
    results = [
        {"image_id": a["image_id"], "category_id": 1, "bbox": a["bbox"], "score": 0.5}
        for a in plain()["annotations"]
    ]
    code, figures, err = evaluate(tmp_path, capsys, truth, results)
    assert code == 0
    assert "1 of 3 labelled boxes have no width or height" in err
    assert figures == pytest.approx(pycocotools_figures(truth, results, "bbox"), abs=1e-9)
