"""TRC files: header, axes, units, marker names, missing markers, and what is read of other programs' files."""

from pathlib import Path

import numpy as np
import pytest

from rtmcli.cli.app import main
from rtmcli.errors import DataError, UsageError
from rtmcli.formats.marker_names import marker_name, marker_names, skeleton_of_markers
from rtmcli.formats.trc import read_trc, write_trc
from rtmcli.records.frame import Frame, Instance
from rtmcli.records.ndjson import read_frames, write_frames


def walk(skeleton: str = "halpe26", people: int = 2, frames: int = 3) -> list[Frame]:
    """People in the image and in space at 25 frames a second; the second is absent from frame 1."""
    random, count = np.random.default_rng(0), len(marker_names(skeleton))
    found = []
    for number in range(frames):
        instances = []
        for person in range(people):
            if (number, person) == (1, 1):
                continue
            flat = np.concatenate([random.uniform(0, 900, (count, 2)), np.ones((count, 1))], axis=1)
            deep = np.concatenate([random.uniform(-1, 1, (count, 3)), np.ones((count, 1))], axis=1)
            instances.append(
                Instance(
                    id=3 + person,
                    label="person",
                    keypoints=flat.astype(np.float32),
                    keypoints3d=deep.astype(np.float32),
                )
            )
        found.append(
            Frame(f"clips/{skeleton}.mp4", number, time=number / 25, skeleton=skeleton, instances=instances)
        )
    return found


def columns(path: Path) -> tuple[list[list[str]], np.ndarray]:
    """The cells of the five lines of header, and the numbers below them."""
    lines = path.read_text().splitlines()
    return [line.split("\t") for line in lines[:5]], np.genfromtxt(lines[5:], delimiter="\t", ndmin=2)


def test_a_file_for_each_person_has_a_header_and_a_row_for_every_frame(tmp_path: Path) -> None:
    frames = walk()
    write_frames(frames, tmp_path / "in.jsonl")
    out = tmp_path / "out"
    assert main(["convert", str(tmp_path / "in.jsonl"), "--to", "trc", "-o", str(out)]) == 0
    assert sorted(file.name for file in out.iterdir()) == ["halpe26_person3.trc", "halpe26_person4.trc"]
    head, rows = columns(out / "halpe26_person4.trc")
    assert head[0] == ["PathFileType", "4", "(X/Y/Z)", "halpe26_person4.trc"]
    assert dict(zip(head[1], head[2], strict=True)) == {
        "DataRate": "25", "CameraRate": "25", "NumFrames": "3", "NumMarkers": "26", "Units": "m",
        "OrigDataRate": "25", "OrigDataStartFrame": "0", "OrigNumFrames": "3",
    }  # fmt: skip
    assert head[3][:2] == ["Frame#", "Time"] and head[3][2::3][:26] == list(marker_names("halpe26"))
    assert head[4][2:] == [f"{axis}{n}" for n in range(1, 27) for axis in "XYZ"]
    np.testing.assert_array_equal(rows[:, :2], [[0, 0], [1, 0.04], [2, 0.08]])
    assert "NaN" in (out / "halpe26_person4.trc").read_text().splitlines()[6] and np.isnan(rows[1, 2:]).all()


def test_metres_have_y_up_and_z_towards_the_camera(tmp_path: Path) -> None:
    frames = walk(people=1)
    write_trc(frames, str(tmp_path / "one.trc"))
    _, rows = columns(tmp_path / "one.trc")
    points = frames[2].instances[0].keypoints3d
    assert points is not None
    np.testing.assert_array_equal(rows[2, 2:].reshape(26, 3).astype(np.float32), points[:, :3] * [1, -1, -1])


def test_pixels_are_those_of_the_image_and_z_is_0(tmp_path: Path) -> None:
    frames = walk(people=1)
    write_trc(frames, str(tmp_path), pixels=True)
    head, rows = columns(tmp_path / "halpe26_px_person3.trc")
    assert head[2][4] == "px"
    points = frames[0].instances[0].keypoints
    assert points is not None
    expected = np.concatenate([points[:, :2], np.zeros((26, 1))], axis=1)
    np.testing.assert_array_equal(rows[0, 2:].reshape(26, 3).astype(np.float32), expected)


def test_the_keypoints_in_metres_of_a_record_go_before_those_in_space(tmp_path: Path) -> None:
    frames = walk(people=1, frames=1)
    rows = [None] * 25 + [[0.5, 1.25]]
    frames[0].instances[0].extra["keypoints_metres"] = rows
    write_trc(frames, str(tmp_path / "a.trc"))
    _, found = columns(tmp_path / "a.trc")
    np.testing.assert_array_equal(found[0, 2:], [*[np.nan] * 75, 0.5, 1.25, 0])


@pytest.mark.parametrize("pixels", [True, False])
def test_points_ids_times_and_frame_numbers_come_back(pixels: bool, tmp_path: Path) -> None:
    frames = walk()
    for frame in frames:
        frame.frame += 100
    write_frames(frames, tmp_path / "in.jsonl")
    flags = ["--pixels"] * pixels
    assert main(["convert", str(tmp_path / "in.jsonl"), "--to", "trc", "-o", f"{tmp_path}/t", *flags]) == 0
    assert main(["convert", f"{tmp_path}/t", "-o", str(tmp_path / "again.jsonl")]) == 0
    again = list(read_frames(tmp_path / "again.jsonl"))
    assert [(f.frame, f.time, f.source, f.skeleton) for f in again] == [
        (n + 100, n / 25, "halpe26", "halpe26") for n in range(3)
    ]
    for before, after in zip(frames, again, strict=True):
        assert [one.id for one in after.instances] == [one.id for one in before.instances]
        for one, other in zip(before.instances, after.instances, strict=True):
            own, read = (one.keypoints, other.keypoints) if pixels else (one.keypoints3d, other.keypoints3d)
            np.testing.assert_array_equal(read, own)


def test_a_low_score_counts_as_missing_unless_the_keypoint_was_filled_in(tmp_path: Path) -> None:
    frames = walk(people=1, frames=1)
    (one,) = frames[0].instances
    assert one.keypoints is not None
    one.keypoints[:3, 2] = 0.2
    one.extra["filled"] = [1]
    write_trc(frames, str(tmp_path / "a.trc"), pixels=True)
    _, rows = columns(tmp_path / "a.trc")
    assert np.isnan(rows[0, 2:].reshape(26, 3)).all(axis=1).tolist() == [True, False, True] + [False] * 23
    write_trc(frames, str(tmp_path / "b.trc"), pixels=True, min_score=0.1)
    assert not np.isnan(columns(tmp_path / "b.trc")[1]).any()


def test_marker_names_are_those_of_pose2sim() -> None:
    assert marker_names("halpe26")[15:] == (
        "LAnkle", "RAnkle", "Head", "Neck", "Hip", "LBigToe", "RBigToe", "LSmallToe", "RSmallToe", "LHeel", "RHeel",
    )  # fmt: skip
    names = [
        "mid_hip",
        "left_forefinger1",
        "left_forefinger2",
        "right_thumb2",
        "right_pinky_finger1",
        "face-0",
    ]
    names += ["face-17", "face-26", "face-35", "face-36", "face-67", "nose"]
    assert [marker_name(name) for name in names] == [
        "CHip", "LIndex", "LIndex2", "RThumb", "RPinky", "Jaw1", "EyebrowR1", "EyebrowL5", "Nose9", "REye1",
        "Mouth20", "Nose",
    ]  # fmt: skip


def test_the_skeleton_is_the_smallest_of_pose2sims_with_all_markers() -> None:
    assert skeleton_of_markers(["RHip", "LHip", "Nose"]) == "coco17"
    assert skeleton_of_markers(["Hip", "RHip", "Neck"]) == "halpe26"
    assert skeleton_of_markers(["CHip"]) == "openpose25"
    assert skeleton_of_markers(["RIndex", "RBigToe"]) == "coco133"
    assert skeleton_of_markers(["r.ASIS_study"]) is None


# As Pose2Sim's triangulation writes it: other order, some of the keypoints, millimetres, a trailing tab, empty cells.
POSE2SIM = (
    "PathFileType\t4\t(X/Y/Z)\tS00_P1_0-1.trc\n"
    "DataRate\tCameraRate\tNumFrames\tNumMarkers\tUnits\tOrigDataRate\tOrigDataStartFrame\tOrigNumFrames\n"
    "60\t60\t2\t3\tmm\t60\t0\t2\n"
    "Frame#\tTime\tHip\t\t\tRHip\t\t\tHead\t\t\t\n"
    "\t\tX1\tY1\tZ1\tX2\tY2\tZ2\tX3\tY3\tZ3\t\n"
    "\n"
    "0\t0.0\t100\t900\t-50\t1\t2\t3\t\t\t\n"
    "1\t0.0166\t100\t900\t-50\t1\t2\t3\n"
)


def test_other_programs_files_are_read(tmp_path: Path) -> None:
    (tmp_path / "S00_P1_0-1.trc").write_text(POSE2SIM)
    first, second = read_trc(str(tmp_path))
    assert (first.source, first.skeleton, second.time) == ("S00", "halpe26", 0.0166)
    (one,) = second.instances
    assert one.id == 1 and one.keypoints3d is not None and one.keypoints is None
    names = marker_names("halpe26")
    np.testing.assert_allclose(one.keypoints3d[names.index("Hip")], [0.1, -0.9, 0.05, 1], rtol=1e-6)
    assert np.isnan(one.keypoints3d[names.index("Head")]).all()
    assert np.isfinite(one.keypoints3d).all(axis=1).sum() == 2


def test_markers_of_no_skeleton_need_its_name_and_are_then_left_out_with_a_note(tmp_path: Path) -> None:
    file = tmp_path / "lab.trc"
    file.write_text(POSE2SIM.replace("Head", "C7"))
    with pytest.raises(
        DataError, match=r"no skeleton has the markers Hip, RHip, C7; name one with --source-"
    ):
        list(read_trc(str(file)))
    notes: list[str] = []
    first, _ = read_trc(str(file), skeleton="halpe26", note=notes.append)
    assert first.skeleton == "halpe26" and notes == ["lab: halpe26 has no keypoint for C7: left out"]
    with pytest.raises(DataError, match="hand21 has none of the markers Hip, RHip, C7"):
        list(read_trc(str(file), skeleton="hand21"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a\tb\n", "not a TRC file"),
        (POSE2SIM.replace("\tmm\t", "\tinch\t"), "unit must be one of m, cm, mm, px; got 'inch'"),
        (POSE2SIM.replace("0.0166", "x"), "line 8: expected a frame, a time and 9 numbers"),
        (POSE2SIM + "2\t0.03\t" + "1\t" * 9 + "7\n", "line 9: expected"),
    ],
)
def test_a_file_of_another_form_is_one_sentence(text: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "a.trc").write_text(text)
    with pytest.raises(DataError, match=message):
        list(read_trc(str(tmp_path / "a.trc")))


def test_what_a_file_cannot_hold_is_an_error_with_the_remedy(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one = str(tmp_path / "one.trc")
    with pytest.raises(
        DataError, match=r"TRC holds one person, and these records hold 2 \(id 3, 4\): name a folder"
    ):
        write_trc(walk(), one)
    with pytest.raises(DataError, match=r"must increase, got 0 after 0\.08 seconds"):
        write_trc(walk() + walk(), one)
    changed = walk(people=1)
    changed[2].skeleton = "coco17"
    changed[2].instances[0].keypoints3d = np.ones((17, 4), np.float32)
    with pytest.raises(DataError, match="skeleton changes from halpe26 to coco17"):
        write_trc(changed, one)
    flat = walk(people=1)
    for frame in flat:
        frame.instances[0].keypoints3d = None
    with pytest.raises(UsageError, match="keypoints in pixels and none in metres; give --height METRES"):
        write_trc(flat, one)
    for frame in flat:
        frame.instances[0].id = None
    with pytest.raises(DataError, match="run 'rtm track' first"):
        write_trc(flat, one, pixels=True)
    with pytest.raises(DataError, match=r"no \.trc files here"):
        list(read_trc(str(tmp_path)))
    assert not list(tmp_path.iterdir())
    assert main(["convert", "x.jsonl", "--pixels", "-o", "a.csv"]) == 2
    assert "--pixels has no effect without --to trc" in capsys.readouterr().err
