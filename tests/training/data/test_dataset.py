"""Sets: where pixels may lie, how skeletons and ratios mix, and what a check finds."""

import json
import pickle
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest

from rtmcli.errors import DataError, UsageError
from rtmcli.records.frame import Frame, Instance
from rtmcli.records.ndjson import write_frames
from rtmcli.skeletons import load_skeleton
from rtmcli.training.data.dataset import check_set, epoch_order, load_set
from rtmcli.training.data.image_store import Store

COCO = load_skeleton("coco17")
WHOLE = load_skeleton("coco133")


def test_pixels_are_the_same_from_a_folder_a_tar_a_zip_and_a_folder_of_tars(dots: Path) -> None:
    folder = dots / "images"
    names = sorted(path.name for path in folder.iterdir())
    shards = dots / "shards"
    shards.mkdir()
    for shard, part in (("a.tar", names[:3]), ("b.tar", names[3:])):
        with tarfile.open(shards / shard, "w") as archive:
            for name in part:
                archive.add(folder / name, name)
    with zipfile.ZipFile(dots / "all.zip", "w") as archive_:
        for name in names:
            archive_.write(folder / name, name)
    plain = Store(folder)
    for other in (
        Store(shards),
        Store(dots / "all.zip"),
        pickle.loads(pickle.dumps(Store(dots / "all.zip"))),
    ):
        for name in names:
            np.testing.assert_array_equal(other.read(name), plain.read(name))


def test_a_set_holds_people_boxes_and_crowds(dots: Path) -> None:
    file = dots / "labels.json"
    content = json.loads(file.read_text())
    content["annotations"].append(
        {"id": 99, "image_id": 0, "category_id": 1, "iscrowd": 1, "bbox": [1, 2, 30, 40], "area": 5}
    )
    file.write_text(json.dumps(content))
    data = load_set(file, dots / "images", skeleton=COCO)
    assert len(data.people) == 8
    first = data.images[0].labels
    np.testing.assert_array_equal(first.boxes, [[15, 10, 65, 85]])
    np.testing.assert_array_equal(first.crowds, [[1, 2, 31, 42]])
    assert first.keypoints.shape == (1, 17, 2)
    assert load_set(file, dots / "images", skeleton=None).images[0].labels.keypoints.shape == (1, 0, 2)


def test_another_skeleton_is_mapped_and_points_it_lacks_weigh_nothing(dots: Path) -> None:
    data = load_set(
        dots / "labels.json", dots / "images", skeleton=load_skeleton("halpe26"), source_skeleton="coco17"
    )
    labels = data.images[0].labels
    assert labels.keypoints.shape == (1, 26, 2)
    assert (labels.weights[0, :17] == 1).all()
    assert (labels.weights[0, 20:] == 0).all()  # halpe's feet


def test_labels_of_an_unsaid_skeleton_are_an_error_that_names_the_flag(dots: Path) -> None:
    with pytest.raises(UsageError, match="--data-skeleton"):
        load_set(dots / "labels.json", dots / "images", skeleton=load_skeleton("halpe26"))


def test_records_are_a_teacher_s_labels_weighted_by_score(dots: Path) -> None:
    pose = np.full((17, 3), 0.4, np.float32)
    pose[:, :2] = 30
    pose[0, 2] = 1.3
    person = Instance(box=np.array([10, 10, 60, 80], np.float32), score=0.9, keypoints=pose)
    frame = Frame("000.png", 0, skeleton="coco17", instances=[person])
    file = dots / "teacher.jsonl"
    write_frames([frame], file)
    labels = load_set(file, dots / "images", skeleton=COCO).images[0].labels
    assert labels.weights[0, 0] == 1
    assert labels.weights[0, 1] == pytest.approx(0.4)


def test_a_whole_body_s_fields_become_its_133_points_in_order(bodies: Path) -> None:
    file = bodies / "whole.json"
    content = json.loads(file.read_text())
    note = content["annotations"][0]
    left = note["lefthand_kpts"]
    del note["foot_kpts"], content["annotations"][1]["keypoints3d"]
    file.write_text(json.dumps(content))
    data = load_set(file, bodies / "whole", skeleton=WHOLE)
    labels = data.images[0].labels
    assert labels.keypoints.shape == (1, 133, 2)
    np.testing.assert_allclose(labels.keypoints[0, 91], left[:2])
    assert (labels.weights[0, 17:23] == 0).all()
    assert labels.weights.sum() == 127
    assert labels.depths is not None and labels.depths[0, 11] == 5 and np.isnan(labels.depths[0, 40])
    assert data.images[1].labels.depths is None
    # the body alone, where the skeleton has no more
    assert load_set(file, bodies / "whole", skeleton=COCO).images[0].labels.keypoints.shape == (1, 17, 2)


def test_depths_of_another_number_of_points_are_an_error(bodies: Path) -> None:
    file = bodies / "whole.json"
    content = json.loads(file.read_text())
    content["annotations"][0]["keypoints3d"].pop()
    file.write_text(json.dumps(content))
    with pytest.raises(DataError, match="keypoints3d must have 133 rows"):
        load_set(file, bodies / "whole", skeleton=WHOLE)


def test_depths_follow_the_points_into_another_skeleton(dots: Path) -> None:
    file = dots / "labels.json"
    content = json.loads(file.read_text())
    content["annotations"][0]["keypoints3d"] = [[0, 0, k / 10, 1] for k in range(17)]
    file.write_text(json.dumps(content))
    data = load_set(file, dots / "images", skeleton=WHOLE, source_skeleton="coco17")
    depths = data.images[0].labels.depths
    assert depths is not None
    np.testing.assert_allclose(depths[0, :17], np.arange(17) / 10)
    assert np.isnan(depths[0, 17:]).all()


def test_an_epoch_takes_each_set_by_its_ratio_and_is_the_same_again() -> None:
    order = epoch_order([100, 10], [0.3, 3], seed=1, epoch=4)
    assert sum(number == 0 for number, _ in order) == 30
    assert sorted(index for number, index in order if number == 1) == sorted([*range(10)] * 3)
    assert order == epoch_order([100, 10], [0.3, 3], seed=1, epoch=4)
    assert order != epoch_order([100, 10], [0.3, 3], seed=1, epoch=5)


def test_a_check_names_missing_images_empty_boxes_and_points_outside(dots: Path) -> None:
    file = dots / "labels.json"
    content = json.loads(file.read_text())
    content["annotations"][1]["bbox"] = [5, 5, 0, 0]
    content["annotations"][2]["keypoints"][0] = 900
    file.write_text(json.dumps(content))
    (dots / "images/000.png").unlink()
    (dots / "images/003.png").write_bytes(b"no image")
    found = list(check_set(load_set(file, dots / "images", skeleton=COCO)))
    for words in ("000.png is in the labels but not in", "001.png, person 0: the box", "002.png", "003.png"):
        assert any(words in line for line in found), words
    assert len(found) == 4


def test_a_file_that_is_no_label_file_says_so(dots: Path) -> None:
    (dots / "other.json").write_text('{"shapes": []}')
    with pytest.raises(DataError, match="not a COCO label file"):
        load_set(dots / "other.json", dots / "images", skeleton=COCO)
