"""AlphaPose lists and OpenPose folders as other programs number them lost ids, boxes and frames, or were refused."""

import io
import json
from pathlib import Path

import numpy as np
import pytest

from rtmcli.cli.app import main
from rtmcli.errors import DataError
from rtmcli.formats.coco_reader import read_coco_records
from rtmcli.formats.openpose_reader import read_openpose
from rtmcli.records.ndjson import write_frames
from rtmcli.records.schema import check_records
from tests.helpers.coco_evaluation import DATA, plain

SCORES = np.linspace(0.2, 0.9, 17)


def alphapose(image, *, idx=3, box_score=0.8, count=17, **more):
    """An entry as AlphaPose writes it: its score is above 1."""
    scores = np.linspace(0.2, 0.9, count)
    points = np.column_stack([np.arange(count) + 10.0, np.arange(count) + 20.0, scores])
    return {
        "image_id": image,
        "category_id": 1,
        "keypoints": points.ravel().tolist(),
        "score": float(scores.mean() + box_score + 1.25 * scores.max()),
        "box": [8.0, 18.0, 30.0, 40.0],
        "idx": idx,
    } | more


def read(tmp_path, entries):
    path = tmp_path / "alphapose-results.json"
    path.write_text(json.dumps(entries))
    frames = list(read_coco_records(path))
    out = io.BytesIO()
    write_frames(frames, out)
    assert "valid" in check_records(io.BytesIO(out.getvalue()))
    return frames


@pytest.mark.parametrize("idx", [3, 3.0, [3], [3.0], [[3.0]]])
def test_alphaposes_ids_boxes_and_scores_are_read(idx, tmp_path):
    (frame,) = read(tmp_path, [alphapose("walk.jpg", idx=idx)])
    assert (frame.source, frame.frame, frame.frames, frame.skeleton) == ("walk.jpg", 0, 1, "coco17")
    (one,) = frame.instances
    assert one.id == 3
    np.testing.assert_array_equal(one.box, [8, 18, 38, 58])
    assert one.score == pytest.approx(0.8)
    np.testing.assert_allclose(one.keypoints[:, 2], SCORES, rtol=1e-6)
    assert one.extra["proposal_score"] > 1


@pytest.mark.parametrize(
    ("count", "skeleton"), [(17, "coco17"), (26, "halpe26"), (136, "halpe136"), (133, "coco133")]
)
def test_alphaposes_skeletons_are_known_by_their_number_of_keypoints(count, skeleton, tmp_path):
    (frame,) = read(tmp_path, [alphapose("a.png", count=count)])
    assert frame.skeleton == skeleton


def test_an_alphapose_video_has_frames_in_order(tmp_path):
    order = [0, 10, 2, 1]
    frames = read(tmp_path, [alphapose(f"{n}.jpg", idx=n % 2) for n in order] + [alphapose("1.jpg", idx=5)])
    assert [(f.source, f.frame) for f in frames] == [("alphapose-results", n) for n in (0, 1, 2, 10)]
    assert [[p.id for p in f.instances] for f in frames] == [[0], [1, 5], [0], [0]]


def test_alphaposes_images_keep_their_names(tmp_path):
    names = ["000000000785.jpg", "000000040083.jpg", "cat 1.png"]
    frames = read(tmp_path, [alphapose(name) for name in names])
    assert [(f.source, f.frames) for f in frames] == [(name, 1) for name in names]


@pytest.mark.parametrize(
    "change", [{"idx": None}, {"box": None}, {"idx": [], "box": None}, {"score": 0.7}, {"score": 7.5}]
)
def test_what_alphapose_left_out_or_another_program_wrote_is_no_error(change, tmp_path):
    (frame,) = read(tmp_path, [alphapose("a.jpg") | change])
    (one,) = frame.instances
    assert one.id == (None if "idx" in change else 3)
    assert (one.box is None) == ("box" in change)
    assert one.score == pytest.approx({0.7: 0.7, 7.5: 1.0}.get(change.get("score"), 0.8))


@pytest.mark.parametrize(
    ("change", "told"),
    [({"idx": "three"}, "'idx' must be a whole number"), ({"box": [1, 2, 3]}, "'box' must be four numbers")],
)
def test_an_alphapose_entry_that_is_wrong_is_named(change, told, tmp_path):
    with pytest.raises(DataError, match=told):
        read(tmp_path, [alphapose("a.jpg") | change])


def test_an_alphapose_list_is_evaluated_by_the_names_of_its_images(tmp_path, capsys):
    truth = plain()
    names = {image["id"]: image["file_name"] for image in truth["images"]}
    entries = [
        alphapose(names[a["image_id"]], score=2.5) | {"keypoints": a["keypoints"]}
        for a in truth["annotations"]
    ]
    path = tmp_path / "alphapose-results.json"
    path.write_text(json.dumps(entries))
    assert main(["eval", str(DATA / "labels_plain.json"), str(path)]) == 0
    assert json.loads(capsys.readouterr().out)["AP"] == pytest.approx(1)


def test_ids_of_coco_results_are_read_back_and_scores_stay_valid(tmp_path):
    entry = {"image_id": 7, "category_id": 1, "keypoints": [1, 2, 0.5] * 17, "score": 1.67, "track_id": 4}
    (frame,) = read(tmp_path, [entry])
    assert (frame.source, frame.instances[0].id, frame.instances[0].score) == ("7", 4, 1.0)


def openpose(folder: Path, names, *, count=25):
    """Files whose person stands at the number in the name."""
    folder.mkdir()
    for place, name in enumerate(names):
        person = {"person_id": [-1], "pose_keypoints_2d": [place + 1.0, 2.0, 0.5] * count}
        (folder / name).write_text(json.dumps({"version": 1.3, "people": [person]}))
    frames = list(read_openpose(folder))
    out = io.BytesIO()
    write_frames(frames, out)
    assert "valid" in check_records(io.BytesIO(out.getvalue()))
    return [(f.source, f.frame, f.instances[0].keypoints[0, 0]) for f in frames]


@pytest.mark.parametrize(
    "pattern",
    [
        "walk_{:012d}_keypoints.json",
        "walk_{}_keypoints.json",
        "walk_{:06d}.json",
        "walk.{:04d}.json",
        "walk-{}.json",
    ],
)
def test_openpose_files_with_other_numbers_are_frames_in_order(pattern, tmp_path):
    numbers = [2, 9, 10, 11, 100]
    found = openpose(tmp_path / "op", [pattern.format(n) for n in numbers])
    assert found == [("walk", n, place + 1.0) for place, n in enumerate(numbers)]


@pytest.mark.parametrize("pattern", ["{}.json", "{:06d}.json", "{}_keypoints.json"])
def test_openpose_files_of_numbers_alone_are_frames_of_the_folder(pattern, tmp_path):
    found = openpose(tmp_path / "walk", [pattern.format(n) for n in range(8, 12)])
    assert found == [("walk", n, n - 7.0) for n in range(8, 12)]


def test_openpose_files_of_images_are_images(tmp_path):
    names = ["000000000785_keypoints.json", "000000040083_keypoints.json", "000000196141_keypoints.json"]
    assert [source for source, *_ in openpose(tmp_path / "a", names)] == [n.split("_")[0] for n in names]
    names = ["cat_keypoints.json", "dog 1_keypoints.json"]
    assert openpose(tmp_path / "b", names) == [("cat", 0, 1.0), ("dog 1", 0, 2.0)]


def test_two_openpose_sources_in_one_folder_stay_apart(tmp_path):
    names = [f"{name}_{n:06d}.json" for name in ("cam1", "cam2") for n in (0, 1)]
    found = openpose(tmp_path / "op", names)
    assert [entry[:2] for entry in found] == [("cam1", 0), ("cam1", 1), ("cam2", 0), ("cam2", 1)]


@pytest.mark.parametrize(
    ("count", "skeleton"), [(17, "coco17"), (26, "halpe26"), (25, "openpose25"), (18, "openpose18")]
)
def test_openpose_files_with_other_bodies_are_known_by_their_number_of_keypoints(count, skeleton, tmp_path):
    openpose(tmp_path / "op", ["walk_000001.json"], count=count)
    (frame,) = read_openpose(tmp_path / "op")
    assert frame.skeleton == skeleton


def test_an_openpose_person_without_a_body_has_hands_or_is_nobody(tmp_path):
    hand = {"hand_left_keypoints_2d": [1.0, 2.0, 0.5] * 21, "pose_keypoints_2d": []}
    for name, person in (
        ("a_000000000000_keypoints.json", hand),
        ("b_000000000000_keypoints.json", {"person_id": [1]}),
    ):
        (tmp_path / name).write_text(json.dumps({"people": [person]}))
    first, second = read_openpose(tmp_path)
    assert first.skeleton == "coco133"
    assert np.isnan(first.instances[0].keypoints[:91]).all()
    np.testing.assert_array_equal(first.instances[0].keypoints[91], [1, 2, 0.5])
    assert second.instances == []


@pytest.mark.parametrize(("people", "points"), [("people", "pose_keypoints_2d"), ("bodies", "joints")])
def test_alphaposes_file_in_openposes_form_has_a_frame_per_image(people, points, tmp_path):
    def content(names):
        path = tmp_path / "alphapose-results.json"
        entries = {
            name: {"version": "AlphaPose v0.3", people: [{points: [place + 1.0, 2.0, 0.5] * 18}]}
            for place, name in enumerate(names)
        }
        path.write_text(json.dumps(entries))
        return [
            (f.source, f.frame, f.frames, f.skeleton, f.instances[0].keypoints[0, 0])
            for f in read_openpose(path)
        ]

    assert content(["0.jpg", "10.jpg", "2.jpg"]) == [
        ("alphapose-results", 0, None, "openpose18", 1.0),
        ("alphapose-results", 2, None, "openpose18", 3.0),
        ("alphapose-results", 10, None, "openpose18", 2.0),
    ]
    assert [entry[:3] for entry in content(["cat.jpg", "dog.jpg"])] == [("cat.jpg", 0, 1), ("dog.jpg", 0, 1)]
