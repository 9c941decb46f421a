"""PoseTrack files: frame numbers, ids, head keypoints, scores, unlabelled frames, and evaluation of tracks."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rtmcli.cli.app import main
from rtmcli.errors import DataError, UsageError
from rtmcli.formats.posetrack import read_posetrack, write_posetrack
from rtmcli.records.frame import Frame, Instance
from rtmcli.records.ndjson import read_frames, write_frames
from rtmcli.skeletons import load_skeleton
from tests.helpers.given import box_of, keypoints_of

NAMES = load_skeleton("posetrack17").keypoints
SEQUENCE = "images/val/012834_mpii_test"


def labels(*numbers: int, unlabelled: tuple[int, ...] = ()) -> dict[str, Any]:
    """Ground truth in PoseTrack18's form: two people in each labelled frame, ears without labels."""
    images, annotations = [], []
    for number in numbers:
        image = 10128340000 + number
        images.append(
            {
                "has_no_densepose": True, "is_labeled": number not in unlabelled, "nframes": 140, "frame_id": image,
                "id": image, "vid_id": "012834", "file_name": f"{SEQUENCE}/{number:06d}.jpg",
                "ignore_regions_x": [], "ignore_regions_y": [],
            }
        )  # fmt: skip
        for track in () if number in unlabelled else (0, 7):
            points = np.array([[100 + 40 * track + 3 * k, 50 + number + 9 * k, 1] for k in range(17)], float)
            points[3:5] = 0
            annotations.append(
                {
                    "bbox_head": [1, 2, 3, 4], "keypoints": points.ravel().tolist(), "track_id": track,
                    "image_id": image, "bbox": [90 + 40 * track, 40, 80, 200], "scores": [], "category_id": 1,
                    "id": image * 100 + track,
                }
            )  # fmt: skip
    category = {
        "supercategory": "person",
        "id": 1,
        "name": "person",
        "keypoints": list(NAMES),
        "skeleton": [[16, 14]],
    }
    return {"categories": [category], "images": images, "annotations": annotations}


@pytest.fixture
def truth(tmp_path: Path) -> Path:
    path = tmp_path / "012834_mpii_test.json"
    path.write_text(json.dumps(labels(0, 4, 5, 8, unlabelled=(5,))))
    return path


def test_ground_truth_becomes_frames_of_its_sequence(truth: Path, tmp_path: Path) -> None:
    for path in (truth, tmp_path):
        frames = list(read_posetrack(str(path)))
        assert [(f.source, f.frame, f.frames, f.time) for f in frames] == [
            ("012834_mpii_test", number, 140, None) for number in (0, 4, 8)
        ]
        assert frames[1].extra["file"] == f"{SEQUENCE}/000004.jpg"
        assert [one.id for one in frames[1].instances] == [0, 7]
        assert frames[0].skeleton == "posetrack17"
        points = frames[1].instances[0].keypoints
        assert points is not None
        assert points[2] == pytest.approx([106, 72, 1]) and np.isnan(points[3:5]).all()


def tracked(skeleton: str, frames: int = 3) -> list[Frame]:
    random, count = np.random.default_rng(1), len(load_skeleton(skeleton))
    found = []
    for number in range(frames):
        people = []
        for person in (1, 2, None):
            points = random.uniform(0.1, 1, (count, 3)).astype(np.float32) * np.float32([640, 480, 1])
            people.append(
                Instance(
                    id=person, keypoints=points, box=np.float32([1, 2, 31, 62]), score=0.75, label="person"
                )
            )
        found.append(
            Frame(
                "clips/walk.mp4", number, frames=9, time=number / 30, width=640, height=480, skeleton=skeleton,
                instances=people,
            )
        )  # fmt: skip
    return found


def test_a_file_has_the_ids_names_and_scores_that_posetracks_tools_read(tmp_path: Path) -> None:
    write_posetrack(tracked("posetrack17"), str(tmp_path / "out"))
    data = json.loads((tmp_path / "out" / "walk.json").read_text())
    assert data["categories"][0]["keypoints"] == list(NAMES)
    assert [image["file_name"] for image in data["images"]] == [f"images/walk/{n:06d}.jpg" for n in range(3)]
    assert {key: data["images"][2][key] for key in ("id", "frame_id", "vid_id", "nframes", "is_labeled")} == {
        "id": 10000010002, "frame_id": 10000010002, "vid_id": "000001", "nframes": 9, "is_labeled": True,
    }  # fmt: skip
    # As poseval's `posetrack18_id2fname` takes an id apart: type, number of the sequence, number of the frame.
    assert divmod(data["images"][2]["id"], 10_000_000_000)[0] == 1
    assert [(a["id"], a["track_id"]) for a in data["annotations"][:3]] == [
        (1000001000000, 1), (1000001000001, 2), (1000001000100, 1),
    ]  # fmt: skip
    first = data["annotations"][0]
    assert len(first["keypoints"]) == 51 and len(first["scores"]) == 17 and first["bbox"] == [1, 2, 30, 60]
    assert first["keypoints"][2::3] == [1] * 17 and first["score"] == 0.75


def test_pycocotools_reads_people_and_keypoints_of_each_image(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from pycocotools.coco import COCO

    frames = tracked("posetrack17")
    write_posetrack(frames, str(tmp_path / "walk.json"))
    read = COCO(str(tmp_path / "walk.json"))
    for frame, image in zip(frames, read.loadImgs(sorted(read.getImgIds())), strict=True):
        assert image["frame_id"] % 10_000 == frame.frame
        people = read.loadAnns(sorted(read.getAnnIds(imgIds=image["id"])))
        kept = [one for one in frame.instances if one.id is not None]
        assert [person["track_id"] for person in people] == [one.id for one in kept]
        for person, one in zip(people, kept, strict=True):
            assert one.keypoints is not None
            points = np.array(person["keypoints"], np.float32).reshape(17, 3)
            np.testing.assert_array_equal(points[:, :2], one.keypoints[:, :2])
            np.testing.assert_array_equal(np.array(person["scores"], np.float32), one.keypoints[:, 2])


@pytest.mark.parametrize(
    ("file", "image_id", "video"),
    [
        ("images/val/012834_mpii_test/000003.jpg", 10128340003, "012834"),
        ("000001_mpiinew_test/000003.jpg", 30000010003, "000001"),
        ("a/000010_bonn_train/000003.jpg", 20000100003, "000010"),
    ],
)
def test_images_of_posetrack_keep_its_own_ids_and_names(
    file: str, image_id: int, video: str, tmp_path: Path
) -> None:
    frame = Frame("x", 1, frames=2, extra={"file": file})  # the second of the images that were read
    write_posetrack([frame], str(tmp_path))
    name = Path(file).parent.name
    (image,) = json.loads((tmp_path / f"{name}.json").read_text())["images"]
    assert (image["id"], image["vid_id"], image["file_name"]) == (image_id, video, file)
    assert [frame.frame for frame in read_posetrack(tmp_path)] == [3]


def test_points_ids_scores_and_frame_numbers_come_back(tmp_path: Path) -> None:
    frames = tracked("posetrack17")
    write_frames(frames, tmp_path / "in.jsonl")
    out = tmp_path / "out.json"
    assert main(["convert", str(tmp_path / "in.jsonl"), "--to", "posetrack", "-o", str(out)]) == 0
    assert main(["convert", str(out), "-o", str(tmp_path / "again.jsonl")]) == 0
    again = list(read_frames(tmp_path / "again.jsonl"))
    assert [(f.source, f.frame, f.frames, f.width) for f in again] == [("walk", n, 9, 640) for n in range(3)]
    for before, after in zip(frames, again, strict=True):
        kept = [one for one in before.instances if one.id is not None]
        assert [one.id for one in after.instances] == [1, 2]
        for one, other in zip(kept, after.instances, strict=True):
            np.testing.assert_array_equal(keypoints_of(other), keypoints_of(one))
            np.testing.assert_array_equal(box_of(other), box_of(one))
            assert other.score == one.score


@pytest.mark.parametrize(
    ("skeleton", "absent"),
    [
        ("coco17", ["head_bottom", "head_top"]),
        ("halpe26", ["head_bottom"]),
        ("openpose25", ["head_bottom", "head_top"]),
    ],
)
def test_head_keypoints_that_records_have_not_are_0_and_a_note_says_so(
    skeleton: str, absent: list[str], tmp_path: Path
) -> None:
    notes: list[str] = []
    write_posetrack(tracked(skeleton, 1), str(tmp_path), note=notes.append)
    assert notes == [
        f"the records have no {' and '.join(absent)}, which are written as 0: "
        "PoseTrack's metrics count them as missed"
    ]
    entry = json.loads((tmp_path / "walk.json").read_text())["annotations"][0]
    points = dict(zip(NAMES, np.array(entry["keypoints"]).reshape(17, 3), strict=True))
    assert [name for name in NAMES if not points[name].any()] == absent
    own = load_skeleton(skeleton).keypoints
    source = tracked(skeleton, 1)[0].instances[0].keypoints
    assert source is not None
    pairs = [("left_knee", "left_knee"), ("right_ear", "right_ear")] + [("head_top", "head")] * (
        skeleton == "halpe26"
    )
    for theirs, ours in pairs:
        assert points[theirs][:2] == pytest.approx(source[own.index(ours), :2])


def test_skeleton_names_the_keypoints_that_are_written(tmp_path: Path) -> None:
    write_posetrack(tracked("coco17"), str(tmp_path), skeleton="coco17")
    (first, *_) = read_posetrack(str(tmp_path))
    assert first.skeleton == "coco17"


def test_tracks_are_compared_with_the_labelled_frames_alone(
    truth: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["convert", str(truth), "-o", str(tmp_path / "tracks.jsonl")]) == 0
    lines = (tmp_path / "tracks.jsonl").read_text().splitlines()
    between = json.loads(lines[1])
    between["frame"] = 5  # somebody stands in a frame that has no labels
    (tmp_path / "tracks.jsonl").write_text("\n".join([*lines[:2], json.dumps(between), lines[2]]))
    assert main(["eval", "--tracks", str(truth), str(tmp_path / "tracks.jsonl")]) == 0
    figures = json.loads(capsys.readouterr().out)
    assert (figures["HOTA"], figures["IDF1"], figures["MOTA"], figures["IDSW"]) == (1, 1, 1, 0)
    assert main(["eval", "--tracks", str(truth), str(truth)]) == 0
    assert json.loads(capsys.readouterr().out)["HOTA"] == 1


def test_the_real_sample_of_posetrack18_keeps_sequences_ids_and_heads(data_dir: Path) -> None:
    folder = data_dir / "samples/posetrack18/annotations"
    whole = list(read_posetrack(str(folder / "test_posetrack18_val.json")))
    apart = list(read_posetrack(str(folder / "val")))
    assert {frame.source for frame in whole} == {f"{n}_mpii_test" for n in ("003418", "009473", "012834")}
    assert sorted(frame.source for frame in apart) == sorted(frame.source for frame in whole)
    for frame in whole:
        assert (frame.frame, frame.skeleton, frame.width) == (0, "posetrack17", 1920)
        assert [one.id for one in frame.instances] == list(range(len(frame.instances)))
        for one in frame.instances:
            assert one.keypoints is not None
            # Ears have no labels in PoseTrack; in these images the top of every head is above its bottom.
            assert np.isnan(one.keypoints[3:5]).all()
            assert one.keypoints[2, 1] < one.keypoints[1, 1]


def test_what_is_not_posetracks_is_one_sentence(tmp_path: Path) -> None:
    file = tmp_path / "a.json"
    for content, message in (
        ("[]", "not a PoseTrack file"),
        (
            '{"images": [{"id": 1, "file_name": "a.jpg"}], "annotations": []}',
            "image 1 is not one of PoseTrack's",
        ),
        (
            '{"images": [{"id": 1, "vid_id": "1", "file_name": "s/x.jpg"}], "annotations": []}',
            "needs 'vid_id' and",
        ),
    ):
        file.write_text(content)
        with pytest.raises(DataError, match=message):
            list(read_posetrack(str(file)))
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(DataError, match=r"no \.json files here"):
        list(read_posetrack(str(empty)))


def test_what_a_file_cannot_hold_is_an_error_with_the_remedy(tmp_path: Path) -> None:
    other = [Frame("b/walk.mp4", 0)]
    with pytest.raises(DataError, match="holds one sequence, and these records hold 2: name a folder"):
        write_posetrack([*tracked("posetrack17"), *other], str(tmp_path / "a.json"))
    with pytest.raises(DataError, match=r"would both be walk\.json; convert them to two folders"):
        write_posetrack([*tracked("posetrack17"), *other], str(tmp_path / "a"))
    with pytest.raises(DataError, match="numbers frames with four digits"):
        write_posetrack([Frame("a", 10_000)], str(tmp_path / "a"))
    with pytest.raises(UsageError, match="hand21 cannot become posetrack17"):
        write_posetrack(tracked("hand21"), str(tmp_path / "a"))
    assert not list(tmp_path.iterdir())
