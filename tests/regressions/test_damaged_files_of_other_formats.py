"""Files of other formats that are damaged or of another kind ended in internal errors, or in the words of Python."""

import json
from pathlib import Path
from typing import Any

import pytest

from rtmcli.cli.app import main

KEYPOINTS = [10, 20, 2] * 17
IMAGE = {"id": 1, "file_name": "a.jpg", "width": 640, "height": 480}
ANNOTATION = {"id": 1, "image_id": 1, "category_id": 1, "bbox": [1, 2, 30, 40], "keypoints": KEYPOINTS}
RESULT = {"image_id": 1, "category_id": 1, "keypoints": [10, 20, 0.9] * 17, "score": 0.9}
PERSON = {"image": "a.jpg", "joints": [[1, 2]] * 16, "joints_vis": [1] * 16, "center": [1, 2], "scale": 1}
HEADER = "source,frame,skeleton,instance,x1,y1,x2,y2,index,keypoint,x,y,keypoint_score\n"


def labels(**changes: Any) -> dict[str, Any]:
    return {
        "images": [IMAGE],
        "annotations": [ANNOTATION],
        "categories": [{"id": 1, "name": "person"}],
        **changes,
    }


def annotated(**changes: Any) -> dict[str, Any]:
    return labels(annotations=[{**ANNOTATION, **changes}])


# Name of the file, its content, format (None: by content), and the words of the error.
CASES: list[tuple[str, Any, str | None, str]] = [
    (
        "a.json",
        labels(images=[{**IMAGE, "width": float("nan")}]),
        None,
        "'width' must be a whole number; got nan",
    ),
    (
        "a.json",
        labels(images=[{**IMAGE, "height": float("inf")}]),
        None,
        "'height' must be a whole number; got inf",
    ),
    ("a.json", labels(categories=5), None, "'categories' must be a list; got 5"),
    ("a.json", annotated(bbox=[[1, 2, 30, 40]]), None, "'bbox' must be four numbers"),
    ("a.json", annotated(head_size="x"), None, "'head_size' must be a number"),
    ("a.json", annotated(bbox_head=[1, 2]), None, "'bbox_head' must be four numbers"),
    (
        "a.json",
        annotated(keypoints3d=[[1, 2, 3]] * 17),
        None,
        "'keypoints3d' must be a list of null or four numbers",
    ),
    ("a.json", annotated(keypoints3d=5), None, "'keypoints3d' must be a list of null or four numbers"),
    (
        "a.json",
        [{**PERSON, "center": [1]}],
        "coco",
        "entry 0 is not one of MPII's people: expected image, joints",
    ),
    ("a.json", [{**RESULT, "image_id": [1]}], None, "entry 0: 'image_id' must be a number or text; got [1]"),
    ("a.json", [{**RESULT, "category_id": {}}], None, "entry 0: 'category_id' must be a number or text"),
    ("a.json", [{**RESULT, "idx": float("inf")}], None, "entry 0 is not one of AlphaPose's"),
    (
        "a.json",
        {"instance_info": [{"instances": [5]}]},
        "mmpose",
        "frame 0 is not MMPose's: expected a list 'inst",
    ),
    ("a.json", {"people": [{"pose_keypoints_2d": [1] * 7}]}, None, "expected an object with a list 'people'"),
    ("a.json", {"a": 1}, "records", "no record, which has source, frame and instances"),
    (
        "a.csv",
        f"{HEADER}a.mp4,0,coco17,0,1,2,3,4,1000000000000,nose,1,2,0.9\n",
        None,
        "line 2: index must be that",
    ),
    (
        "a.csv",
        f"{HEADER}a.mp4,0,coco17,0,1,2,3,1e60,0,nose,1,2,0.9\n",
        None,
        "line 2: y2 must be a number up to",
    ),
    ("a.csv", f"{HEADER}a.mp4,0,coco71,0,1,2,3,4,,nose,1,2,0.9\n", None, "line 2: no such skeleton 'coco71'"),
    ("a.csv", f"{HEADER}a.mp4,0\n", None, "line 2: the row has 2 cells, the header has 13"),
    ("a.csv", f'{HEADER}"a.mp4\n', None, "line 2: unexpected end of data"),
    ("a.txt", "inf,1,1,2,3,4\n", "motchallenge", "line 1: expected frame,id,left,top"),
    (
        "a.trc",
        "PathFileType\t4\n\tUnits\n\tm\nFrame#\tTime\tNose\n\nX\ninf\t0\t1\t2\t3\n",
        "trc",
        "line 6: expected",
    ),
]


@pytest.mark.parametrize(("name", "content", "kind", "words"), CASES)
def test_what_is_wrong_is_one_sentence_with_the_place(
    name: str, content: Any, kind: str | None, words: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / name
    file.write_text(content if isinstance(content, str) else json.dumps(content))
    assert main(["convert", str(file), *(["--from", kind] if kind else [])]) == 3
    error = capfd.readouterr().err
    assert error.startswith(f"rtm convert: {file}") and words in error and error.count("\n") == 1, error


def test_keypoint_numbers_of_mmpose_that_are_names_say_no_skeleton(tmp_path: Path) -> None:
    file = tmp_path / "a.json"
    file.write_text(json.dumps({"meta_info": {"keypoint_id2name": {"a": "nose"}}, "instance_info": []}))
    assert main(["convert", str(file)]) == 0


@pytest.mark.parametrize("label", ["0 .5 .5\n", "0 nan .5 .2 .2\n", "inf .5 .5 .2 .2\n"])
def test_lines_of_yolo_without_a_box_say_what_was_expected(
    label: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    import cv2
    import numpy as np

    for folder in ("labels", "images"):
        (tmp_path / folder).mkdir()
    (tmp_path / "labels/a.txt").write_text(label)
    cv2.imwrite(str(tmp_path / "images/a.png"), np.zeros((4, 6, 3), np.uint8))
    assert main(["convert", str(tmp_path)]) == 3
    assert "line 1: expected class, box (4 numbers) and keypoints" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ('name = "a"\nkeypoints = "abc"\n', "'keypoints' must be a list, got 'abc'"),
        ('name = "a"\nkeypoints = ["x", "y"]\nparts = 5\n', "'parts' must be a table, got 5"),
        ('name = "a"\nkeypoints = ["x", "y"]\nfacing = 5\n', "'facing' must be a list, got 5"),
        ('name = 5\nkeypoints = ["x", "y"]\n', "'name' must be text, got 5"),
    ],
)
def test_keys_of_a_skeleton_file_have_their_types(
    content: str, words: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(content)
    assert main(["schema", "--skeleton", str(file)]) == 3
    assert f"skeleton {file}: {words}" in capfd.readouterr().err
