"""What other programs' formats can hold comes back from them as it was."""

import csv
import io
import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from rtmcli.errors import DataError, UsageError
from rtmcli.formats.coco_labels_writer import write_coco_labels
from rtmcli.formats.coco_reader import read_coco_records
from rtmcli.formats.coco_writer import write_coco_results
from rtmcli.formats.csv_reader import read_table
from rtmcli.formats.csv_writer import write_table
from rtmcli.formats.mmpose import read_mmpose, write_mmpose
from rtmcli.formats.openpose_reader import read_openpose
from rtmcli.formats.openpose_writer import write_openpose
from rtmcli.records.frame import Frame, Instance
from rtmcli.records.ndjson import encode_frame
from rtmcli.skeletons import load_skeleton, map_keypoints
from tests.helpers.given import box_of, keypoints_of


def video(skeleton: str, *, frames: int = 3, source: str = "walk.mp4") -> list[Frame]:
    """A video with nobody, one and two people in its frames; one point of each does not exist."""
    count = len(load_skeleton(skeleton))
    found = []
    for number in range(frames):
        people = []
        for index in range(number % 3):
            random = np.random.default_rng(10 * number + index)
            points = random.uniform(1, 900, (count, 3)).astype(np.float32)
            points[:, 2] /= 900
            points[count - 1] = np.nan
            box = np.array([1.5, 2.25, 300.75, 400], np.float32)
            people.append(Instance(box=box, score=0.5, keypoints=points, id=index + 4, label="person"))
        found.append(
            Frame(
                source=source, frame=number, frames=frames, time=number / 30, width=1920, height=1080,
                skeleton=skeleton, model="m", instances=people,
            )
        )  # fmt: skip
    return found


def same_points(one: Frame, other: Frame) -> None:
    assert len(one.instances) == len(other.instances)
    for a, b in zip(one.instances, other.instances, strict=True):
        np.testing.assert_array_equal(keypoints_of(a), keypoints_of(b))


def written(write: object, frames: list[Frame], **options: object) -> bytes:
    out = io.BytesIO()
    write(frames, out, **options)
    return out.getvalue()


def test_a_table_gives_back_all_but_empty_frames() -> None:
    frames = video("halpe26", frames=6)
    table = written(write_table, frames)
    again = list(read_table(io.BytesIO(table)))
    expected = [encode_frame(frame) for frame in frames if frame.instances]
    assert [encode_frame(frame) for frame in again] == expected
    rows = list(csv.DictReader(io.StringIO(table.decode())))
    assert len(rows) == 26 * 6
    assert rows[0]["keypoint"] == "nose" and rows[25]["x"] == ""


@settings(max_examples=40, deadline=None)
@given(
    source=st.text(st.characters(exclude_categories=["Cs"]), min_size=1).filter(str.strip),
    number=st.floats(width=32, allow_nan=False, allow_infinity=False),
)
@example(source="\r\0", number=float(np.finfo(np.float32).max))
def test_a_table_keeps_any_source_name_and_any_number(source: str, number: float) -> None:
    one = Instance(
        box=np.full(4, number, np.float32), score=0.25, keypoints=np.full((2, 3), number, np.float32)
    )
    (again,) = read_table(io.BytesIO(written(write_table, [Frame(source=source, frame=3, instances=[one])])))
    assert again.source == source
    np.testing.assert_array_equal(keypoints_of(again.instances[0]), keypoints_of(one))
    np.testing.assert_array_equal(box_of(again.instances[0]), box_of(one))


@pytest.mark.parametrize(
    "text", ["a,b\n1,2\n", "source,frame,instance\nv,one,0\n", "source,frame,instance\nv,1\n"]
)
def test_a_table_of_another_kind_is_one_sentence(text: str) -> None:
    with pytest.raises(DataError):
        list(read_table(io.BytesIO(text.encode())))


@pytest.mark.parametrize("skeleton", ["openpose25", "openpose18"])
def test_openpose_bodies_come_back_from_files_named_as_openpose_names_them(
    skeleton: str, tmp_path: Path
) -> None:
    frames = video(skeleton)
    assert write_openpose(frames, tmp_path / "out") == 3
    names = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert names[2] == "walk_000000000002_keypoints.json"
    again = list(read_openpose(tmp_path / "out"))
    assert [frame.frame for frame in again] == [0, 1, 2]
    assert [frame.skeleton for frame in again] == [None, skeleton, skeleton]
    for one, other in zip(frames, again, strict=True):
        same_points(one, other)
        assert [person.id for person in one.instances] == [person.id for person in other.instances]


def test_a_whole_body_goes_to_openpose_and_back_but_for_what_it_has_no_place_for(tmp_path: Path) -> None:
    frames = video("coco133")
    write_openpose(frames, tmp_path / "out")
    data = json.loads((tmp_path / "out" / "walk_000000000001_keypoints.json").read_text())
    person = data["people"][0]
    assert data["version"] == 1.3
    lengths = {key: len(value) for key, value in person.items() if key.endswith("2d")}
    assert lengths == {
        "pose_keypoints_2d": 75, "face_keypoints_2d": 210, "hand_left_keypoints_2d": 63, "hand_right_keypoints_2d": 63,
    }  # fmt: skip
    neck = np.array(person["pose_keypoints_2d"], np.float32).reshape(25, 3)[1]
    points = frames[1].instances[0].keypoints
    assert points is not None
    np.testing.assert_allclose(neck[:2], points[5:7, :2].mean(axis=0), rtol=1e-6)
    assert neck[2] == points[5:7, 2].min()
    again = list(read_openpose(tmp_path / "out"))
    assert again[1].skeleton == "coco133"
    for one, other in zip(frames, again, strict=True):
        same_points(one, other)


def test_a_body_of_17_points_becomes_openposes_25(tmp_path: Path) -> None:
    frames = video("coco17")
    write_openpose(frames, tmp_path)
    again = list(read_openpose(tmp_path))
    expected = map_keypoints(keypoints_of(frames[1].instances[0]), "coco17", "openpose25")
    np.testing.assert_array_equal(keypoints_of(again[1].instances[0]), expected)


def test_two_sources_of_one_name_do_not_overwrite_each_other(tmp_path: Path) -> None:
    frames = [*video("coco17", source="a/walk.mp4"), *video("coco17", source="b/walk.mp4")]
    with pytest.raises(DataError, match="convert them to two folders"):
        write_openpose(frames, tmp_path)


def test_a_hand_alone_is_no_openpose_body(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="hand21 cannot become openpose25"):
        write_openpose(video("hand21"), tmp_path)


@pytest.mark.parametrize(
    "content", ["{}", '{"people": 3}', '{"people": [{"pose_keypoints_2d": [1, 2]}]}', "not json"]
)
def test_a_file_that_is_not_openposes_is_one_sentence(content: str, tmp_path: Path) -> None:
    (tmp_path / "a_000000000000_keypoints.json").write_text(content)
    with pytest.raises(DataError, match=r"a_000000000000_keypoints.json"):
        list(read_openpose(tmp_path))


def test_mmpose_documents_come_back(tmp_path: Path) -> None:
    frames = video("coco133", frames=4)
    path = tmp_path / "walk.json"
    path.write_bytes(written(write_mmpose, frames))
    document = json.loads(path.read_text())
    assert document["meta_info"]["keypoint_id2name"]["0"] == "nose"
    assert [entry["frame_id"] for entry in document["instance_info"]] == [1, 2, 3, 4]
    assert np.shape(document["instance_info"][1]["instances"][0]["bbox"]) == (1, 4)
    again = list(read_mmpose(path))
    assert [frame.frame for frame in again] == [0, 1, 2, 3]
    for one, other in zip(frames, again, strict=True):
        same_points(one, other)
        assert [person.id for person in one.instances] == [person.id for person in other.instances]


def test_the_inferencers_lists_are_read_too(tmp_path: Path) -> None:
    person = {
        "keypoints": [[1, 2]] * 17,
        "keypoint_scores": [0.5] * 17,
        "bbox": [[1, 2, 3, 4]],
        "bbox_score": 0.9,
    }
    path = tmp_path / "a.json"
    path.write_text(json.dumps([{"frame_id": 0, "instances": []}, {"frame_id": 1, "instances": [person]}]))
    frames = list(read_mmpose(path))
    assert [(frame.frame, len(frame.instances), frame.skeleton) for frame in frames] == [
        (0, 0, None),
        (1, 1, "coco17"),
    ]
    path.write_text(json.dumps([person]))
    (picture,) = read_mmpose(path)
    assert (picture.frame, picture.frames) == (0, 1)
    np.testing.assert_array_equal(box_of(picture.instances[0]), [1, 2, 3, 4])


def test_an_mmpose_document_holds_one_source() -> None:
    with pytest.raises(DataError, match="an MMPose file holds one source"):
        written(write_mmpose, [*video("coco17"), *video("coco17", source="b.mp4")])
    assert json.loads(written(write_mmpose, [])) == {"meta_info": {}, "instance_info": []}


@pytest.mark.parametrize("skeleton", ["coco17", "coco133"])
def test_coco_results_come_back(skeleton: str, tmp_path: Path) -> None:
    frames = [frame for frame in video(skeleton, frames=6) if frame.instances]
    for number, frame in enumerate(frames):
        frame.source, frame.frame, frame.frames, frame.time = f"{number + 40:012d}.jpg", 0, 1, None
    path = tmp_path / "results.json"
    path.write_bytes(written(write_coco_results, frames))
    entries = json.loads(path.read_text())
    assert [entry["image_id"] for entry in entries] == [40, 41, 41, 42, 43, 43]
    fields = {
        "coco17": ["keypoints"],
        "coco133": ["keypoints", "foot_kpts", "face_kpts", "lefthand_kpts", "righthand_kpts"],
    }
    assert [key for key in entries[0] if key.endswith(("kpts", "points"))] == fields[skeleton]
    again = list(read_coco_records(path))
    assert {frame.skeleton for frame in again} == {skeleton}
    for one, other in zip(frames, again, strict=True):
        same_points(one, other)


def test_pictures_are_numbered_by_labels_or_by_their_names(tmp_path: Path) -> None:
    labels = tmp_path / "labels.json"
    labels.write_text(json.dumps({"images": [{"id": 77, "file_name": "cat.jpg"}], "annotations": []}))
    picture = Frame(source="x/cat.jpg", frame=0, frames=1, instances=[Instance(box=np.zeros(4, np.float32))])
    (entry,) = json.loads(written(write_coco_results, [picture], labels=labels))
    assert entry["image_id"] == 77
    numbered = Frame(source="7.jpg", frame=0, frames=1, instances=picture.instances)
    with pytest.raises(DataError, match="no number in its name for image_id, and earlier images have one"):
        written(write_coco_results, [numbered, picture])
    clash = [
        Frame(source=f"{folder}/7.jpg", frame=0, frames=1, instances=picture.instances) for folder in "ab"
    ]
    with pytest.raises(DataError, match="would both have an image 7"):
        written(write_coco_results, clash)
    with pytest.raises(DataError, match=r"b.mp4 and walk.mp4 would both have an image 1"):
        written(write_coco_results, [*video("coco17"), *video("coco17", source="b.mp4")])


def test_images_without_numbers_are_numbered_as_in_a_data_set() -> None:
    person = Instance(box=np.ones(4, np.float32), label="person")
    frames = [
        Frame(source=f"{name}.jpg", frame=0, frames=1, width=9, height=9, instances=[person] * count)
        for name, count in (("cat", 1), ("empty", 0), ("dog", 2), ("7", 1))
    ]
    said: list[str] = []
    results = json.loads(written(write_coco_results, frames, note=said.append))
    labels = json.loads(written(write_coco_labels, frames))
    assert [entry["image_id"] for entry in results] == [1, 3, 3, 4]
    assert [entry["image_id"] for entry in labels["annotations"]] == [1, 3, 3, 4]
    assert said == ["images without a number in their names are numbered from 1, as by --to coco-labels"]


def test_the_score_of_a_result_is_what_coco_ranks_by() -> None:
    points = np.array([[1, 2, 0.5], [3, 4, 0.7], [5, 6, 0.1]], np.float32)
    one = Instance(box=np.array([0, 0, 9, 9], np.float32), score=0.5, keypoints=points)
    for model, score in (("rtmpose-m", 0.3), ("rtmo-s", 0.5)):
        frame = Frame(source="7.jpg", frame=0, frames=1, model=model, instances=[one])
        (entry,) = json.loads(written(write_coco_results, [frame]))
        assert entry["score"] == pytest.approx(score)


def test_coco_labels_become_records(tmp_path: Path) -> None:
    points = [10, 20, 2, 0, 0, 0, *[5, 6, 1] * 15]
    labels = {
        "images": [{"id": 1, "file_name": "a.jpg", "width": 64, "height": 48}, {"id": 2, "file_name": "b.jpg"}],
        "annotations": [
            {"image_id": 1, "category_id": 1, "bbox": [1, 2, 3, 4], "keypoints": points},
            {"image_id": 1, "category_id": 1, "bbox": [1, 2, 3, 4], "iscrowd": 1},
        ],
        "categories": [{"id": 1, "name": "person"}],
    }  # fmt: skip
    path = tmp_path / "labels.json"
    path.write_text(json.dumps(labels))
    first, second = read_coco_records(path)
    assert (first.source, first.width, first.skeleton, second.instances) == ("a.jpg", 64, "coco17", [])
    (one,) = first.instances
    assert one.keypoints is not None and one.box is not None
    np.testing.assert_array_equal(one.keypoints[:2], [[10, 20, 1], [np.nan] * 3])
    np.testing.assert_array_equal(one.box, [1, 2, 4, 6])
