"""YOLO-pose folders as Ultralytics documents and writes them."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from rtmcli.errors import DataError
from rtmcli.formats.yolo import read_yolo, write_yolo
from rtmcli.records.frame import Frame, Instance
from rtmcli.skeletons import load_skeleton
from tests.helpers.given import keypoints_of
from tests.helpers.pose_records import clip

BLOCK = """# COCO8-pose
path: coco8-pose # dataset root dir
train: images/train
val: images/val
kpt_shape: [17, 3] # number of keypoints, number of dims
flip_idx: [0, 2, 1, 4, 3, 6, 5, 8, 7, 10, 9, 12, 11, 14, 13, 16, 15]
names:
  0: person
kpt_names:
  0:
    - nose
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A data set with one image of 200 x 100."""
    for part in ("images/train", "labels/train"):
        (tmp_path / part).mkdir(parents=True)
    cv2.imwrite(str(tmp_path / "images/train/a.png"), np.zeros((100, 200, 3), np.uint8))
    (tmp_path / "data.yaml").write_text(BLOCK)
    return tmp_path


def label(folder: Path, *numbers: object) -> None:
    (folder / "labels/train/a.txt").write_text(" ".join(map(str, numbers)) + "\n")


def test_places_are_in_units_of_the_image(folder: Path) -> None:
    label(folder, 0, 0.5, 0.5, 0.25, 0.5, *[0.5, 0.25, 2] * 16, 0, 0, 0)
    (frame,) = read_yolo(folder)
    assert (frame.source, frame.width, frame.height) == (str(folder / "images/train/a.png"), 200, 100)
    assert (frame.skeleton, frame.frames) == ("coco17", 1)
    (person,) = frame.instances
    assert person.box is not None and person.keypoints is not None
    np.testing.assert_array_equal(person.box, [75, 25, 125, 75])
    np.testing.assert_array_equal(person.keypoints[0], [100, 25, 1])
    assert np.isnan(person.keypoints[16]).all()
    assert (person.label, person.score, person.id) == ("person", 1.0, None)


def test_predictions_have_scores_and_track_ids(folder: Path) -> None:
    label(folder, 0, 0.5, 0.5, 0.25, 0.5, *[0.5, 0.25, 0.75] * 17, 0.875, 7)
    (frame,) = read_yolo(folder)
    (person,) = frame.instances
    assert person.keypoints is not None
    assert (person.score, person.id, person.keypoints[0, 2]) == (0.875, 7, 0.75)


@pytest.mark.parametrize(
    "yaml",
    [
        "kpt_shape: [3, 2]\nnames: ['ball', \"dog\"]\n",
        "kpt_shape:\n  - 3\n  - 2\nnames:\n  - ball\n  - dog\n",
        "names: {0: ball, 1: dog}\nkpt_shape: [3, 2]\n",
    ],
)
def test_two_columns_and_other_classes_are_read(yaml: str, folder: Path) -> None:
    (folder / "data.yaml").write_text(yaml)
    label(folder, 1, 0.5, 0.5, 0.25, 0.5, *[0.5, 0.25] * 3)
    (frame,) = read_yolo(folder)
    (person,) = frame.instances
    assert person.keypoints is not None
    assert (frame.skeleton, person.label) == (None, "dog")
    np.testing.assert_array_equal(person.keypoints, [[100, 25, 1]] * 3)


def test_what_does_not_fit_is_named(folder: Path) -> None:
    label(folder, 0, 0.5, 0.5, 0.25, 0.5, 1, 2, 3)
    with pytest.raises(DataError, match=r"a.txt, line 1: 8 numbers are not a box and 17 keypoints of 3"):
        list(read_yolo(folder))
    (folder / "images/train/a.png").unlink()
    with pytest.raises(DataError, match="there is no image"):
        list(read_yolo(folder))
    with pytest.raises(DataError, match=r"has no labels/\*.txt"):
        list(read_yolo(folder / "images"))


def test_a_data_set_says_its_skeleton_and_is_read_in_it(tmp_path: Path) -> None:
    points = np.random.default_rng(0).uniform(1, 99, (17, 3)).astype(np.float32)
    frame = Frame("a.png", 0, 1, None, 200, 100, "posetrack17", "m", [Instance(keypoints=points)])
    said: list[str] = []
    assert write_yolo([frame], tmp_path, note=said.append) == 1
    assert "images are not" in said[0]
    yaml = (tmp_path / "data.yaml").read_text()
    assert "kpt_shape: [17, 3]" in yaml
    flip = json.loads(yaml.split("flip_idx: ")[1].splitlines()[0])
    assert flip == load_skeleton("posetrack17").flip.tolist()
    cv2.imwrite(str(tmp_path / "images/a.png"), np.zeros((100, 200, 3), np.uint8))
    (again,) = read_yolo(tmp_path)
    assert again.skeleton == "posetrack17"
    np.testing.assert_array_equal(keypoints_of(again.instances[0])[:, :2], points[:, :2])


def test_what_yolo_cannot_hold_is_an_error(tmp_path: Path) -> None:
    person = Instance(keypoints=np.ones((17, 3), np.float32))
    sizeless = Frame("a.png", 0, 1, skeleton="coco17", instances=[person])
    with pytest.raises(DataError, match="has no width and height"):
        write_yolo([sizeless], tmp_path)
    frames = [Frame(f"{folder}/a.png", 0, 1, None, 9, 9, "coco17", "m", [person]) for folder in "xy"]
    with pytest.raises(DataError, match=r"would both be labels/a.txt"):
        write_yolo(frames, tmp_path)


def outsiders() -> list[Frame]:
    """A clip whose first person has a keypoint left of the image and a box beyond it; the last one is nowhere."""
    frames = clip(people=(1, 0, 2))
    first, last = frames[0].instances[0], frames[2].instances[1]
    assert first.keypoints is not None and first.box is not None and last.keypoints is not None
    first.keypoints[0, 0] = -5
    first.box = np.array([-20, 30, 700, 400], np.float32)
    last.box, last.keypoints = None, np.full((17, 3), np.nan, np.float32)
    return frames


def test_what_is_outside_the_image_is_not_labelled(tmp_path: Path) -> None:
    said: list[str] = []
    write_yolo(outsiders(), tmp_path, note=said.append)
    (line,) = (tmp_path / "labels/walk_000000.txt").read_text().splitlines()
    numbers = [float(word) for word in line.split()]
    assert numbers[1] == 0.5 and numbers[3] == 1 and numbers[5:8] == [0, 0, 0]
    assert max(numbers[5::3]) <= 1 and min(numbers) == 0
    assert len((tmp_path / "labels/walk_000002.txt").read_text().splitlines()) == 1
    assert said[0].startswith("1 keypoints outside their images")


def test_ultralytics_accepts_every_label(tmp_path: Path) -> None:
    utils = pytest.importorskip("ultralytics.data.utils")
    write_yolo(outsiders(), tmp_path)
    found = []
    for frame in outsiders():
        stem = f"walk_{frame.frame:06d}"
        cv2.imwrite(str(tmp_path / f"images/{stem}.png"), np.zeros((480, 640, 3), np.uint8))
        names = (str(tmp_path / f"images/{stem}.png"), str(tmp_path / f"labels/{stem}.txt"))
        _, boxes, shape, _, points, missing, _, _, corrupt, text = utils.verify_image_label(
            (*names, "", True, 1, 17, 3, False)
        )
        assert (missing, corrupt, text) == (0, 0, "") and shape == (480, 640)
        found.append((boxes, points))
    for (boxes, points), frame in zip(found, outsiders(), strict=True):
        people = [one for one in frame.instances if one.box is not None]
        assert len(boxes) == len(people)
        for one, places in zip(people, points if len(people) else [], strict=True):
            assert one.keypoints is not None
            expected = one.keypoints[:, :2] / [640, 480]
            expected[~((expected >= 0) & (expected <= 1)).all(axis=1)] = 0
            np.testing.assert_allclose(places[:, :2], expected, rtol=1e-6)
            assert set(places[:, 2]) == {0, 2}


def test_ultralytics_checks_data_yaml(tmp_path: Path) -> None:
    utils = pytest.importorskip("ultralytics.data.utils")
    write_yolo(clip("halpe26"), tmp_path)
    data = utils.check_det_dataset(str(tmp_path / "data.yaml"), autodownload=False)
    assert data["kpt_shape"] == [26, 3] and data["names"] == {0: "person"}
    assert data["flip_idx"] == load_skeleton("halpe26").flip.tolist()


def test_sleap_io_reads_the_data_set(tmp_path: Path) -> None:
    sio = pytest.importorskip("sleap_io")
    write_yolo(clip(people=(1, 2)), tmp_path)
    for number in range(2):
        cv2.imwrite(str(tmp_path / f"images/walk_{number:06d}.png"), np.zeros((480, 640, 3), np.uint8))
    labels = sio.load_ultralytics(str(tmp_path), split="train")
    people = [one for frame in labels for one in frame.instances]
    expected = [one for frame in clip(people=(1, 2)) for one in frame.instances]
    for one, other in zip(people, expected, strict=True):
        assert other.keypoints is not None
        np.testing.assert_allclose(one.numpy(), other.keypoints[:, :2], rtol=1e-5)
