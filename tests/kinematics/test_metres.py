"""Keypoints in metres: the scale from a height or two points, the floor from resting feet."""

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from rtmcli import DataError, Frame, Instance, JointAngles, UsageError, load_skeleton
from rtmcli.cli.app import main
from rtmcli.kinematics.body_height import body_heights, typical_height
from rtmcli.kinematics.metres import to_metres
from rtmcli.records.ndjson import read_frames, write_frames
from tests.helpers.figures import JOINTS, expected, figure, in_space
from tests.helpers.given import keypoints_of

STANDING = dict.fromkeys(JOINTS, 0.0)
# Of the figure in its units: heel to ankle, shank, thigh, hip to shoulder, shoulders to the top of the head.
TALL = 0.5 + 2.4 + 2.5 + 3 + 1.008
HEIGHT, PIXELS = 1.75, 490.0
SCALE = HEIGHT / PIXELS  # metres a pixel
LEVEL = 900.0  # of the floor at the left edge


def world(places: list[float], skeleton: str, joints: dict[str, float] = STANDING) -> list[np.ndarray]:
    """Keypoints (K, 2) in metres of a figure that stands with its toes on the floor at these places."""
    found = []
    for place in places:
        points = in_space(figure(joints, lean=0.0 if joints is STANDING else 9.0), skeleton)[:, :2] * [1, -1]
        names = load_skeleton(skeleton).keypoints
        foot = "left_big_toe" if "left_big_toe" in names else "left_ankle"
        points = (points - points[names.index(foot)]) * HEIGHT / TALL
        if "toe" not in foot:
            points[:, 1] += 0.039 * HEIGHT
        found.append(points + [place, 0])
    return found


def clip(
    metres: list[np.ndarray], skeleton: str, degrees: float = 0.0, mirrored: bool = False
) -> list[Frame]:
    """Four frames for each place, in an image whose floor rises to the right."""
    turn = np.radians(degrees)
    frames = []
    for place in metres:
        x, y = place.T
        x = 9 - x if mirrored else x
        right, up = x * np.cos(turn) - y * np.sin(turn), x * np.sin(turn) + y * np.cos(turn)
        rows = np.stack([right / SCALE, LEVEL - up / SCALE, np.where(np.isnan(x), np.nan, 0.9)], axis=-1)
        for _ in range(4):
            number = len(frames)
            one = Instance(id=2, keypoints=rows.astype(np.float32))
            frames.append(
                Frame(
                    "a.mp4",
                    number,
                    time=number / 30,
                    width=1920,
                    height=1080,
                    skeleton=skeleton,
                    instances=[one],
                )
            )
    return frames


def rows_of(frame: Frame) -> np.ndarray:
    rows = frame.instances[0].extra["keypoints_metres"]
    return np.array([[np.nan] * 2 if row is None else row for row in rows], np.float64)


@pytest.mark.parametrize("degrees", [0.0, 5.0, -3.0])
@pytest.mark.parametrize("floor_angle", ["auto", "given"])
def test_a_figure_of_known_height_has_its_coordinates_along_and_above_the_floor(
    degrees: float, floor_angle: str
) -> None:
    places = [1.0, 1.6, 2.2, 2.8, 3.4]
    metres = world(places, "halpe26")
    notes: list[str] = []
    angle = "auto" if floor_angle == "auto" else degrees
    found = list(
        to_metres(clip(metres, "halpe26", degrees), height=HEIGHT, floor_angle=angle, report=notes.append)
    )
    for number, frame in enumerate(found):
        assert frame.extra["metres_per_pixel"] == pytest.approx(SCALE, rel=1e-5)
        assert frame.extra["floor_angle"] == pytest.approx(degrees, abs=1e-3)
        np.testing.assert_allclose(rows_of(frame), metres[number // 4], atol=2e-4)
    estimated = f"; floor angle {degrees:.2f} degrees" if angle == "auto" else ""
    assert notes == [f"a.mp4: 3.571 mm a pixel, id 2 is 490 pixels tall{estimated}"]


def test_a_bent_knee_does_not_change_the_height() -> None:
    names = load_skeleton("halpe26").keypoints
    for joints in (STANDING, JOINTS):
        points = in_space(figure(joints), "halpe26")[None, :, :2].astype(np.float64)
        assert body_heights(points, names) == pytest.approx([TALL], rel=2e-3)  # the heel moves with the ankle
        points[0, names.index("left_knee")] = np.nan
        assert body_heights(points, names) == pytest.approx([TALL], rel=2e-3)  # the heel moves with the ankle
        points[0, names.index("right_knee")] = np.nan
        assert np.isnan(body_heights(points, names)).all()


def test_a_skeleton_without_heels_and_top_of_the_head_uses_the_usual_proportions() -> None:
    # Ankles at .039 and shoulders at .818 of the height, as in Winter (2009).
    points = in_space(figure(STANDING, lean=0.0), "coco17")[None, :, :2].astype(np.float64)
    assert body_heights(points, load_skeleton("coco17").keypoints) == pytest.approx([(2.4 + 2.5 + 3) / 0.779])
    assert np.isnan(body_heights(np.zeros((2, 21, 2)), load_skeleton("hand21").keypoints)).all()


def test_single_wrong_frames_do_not_change_the_height() -> None:
    assert typical_height(np.array([1.0, 100, 101, 99, 100, 500, np.nan, 100])) == pytest.approx(100, abs=0.5)
    assert np.isnan(typical_height(np.array([np.nan])))


def test_two_known_points_give_the_scale() -> None:
    metres = world([2.0, 3.0], "coco17")
    frames = clip(metres, "coco17")
    found = list(to_metres(frames, known=(100, 50, 100, 50 + 1 / SCALE, 1.0), floor_angle=0))
    assert found[0].extra["metres_per_pixel"] == pytest.approx(SCALE)
    np.testing.assert_allclose(rows_of(found[0])[:, 0], metres[0][:, 0], atol=1e-4)
    # Without toes the floor lies below the ankles by their part of the body's height.
    seen = rows_of(found[0])[load_skeleton("coco17").keypoints.index("left_ankle"), 1]
    assert 0.05 < seen < 0.08


def test_known_points_do_not_need_ids_and_a_floor_angle_alone_needs_no_later_frames() -> None:
    (frame, *_) = clip(world([2.0], "coco17"), "coco17")
    frame.instances = [Instance(keypoints=frame.instances[0].keypoints) for _ in range(2)]
    (scaled,) = to_metres([frame], known=(0, 0, 100, 0, 1.0))
    assert all("keypoints_metres" in one.extra for one in scaled.instances)

    def endless() -> Iterator[Frame]:
        while True:
            yield frame

    assert next(to_metres(endless(), floor_angle=3)).extra == {"floor_angle": 3.0}


def test_feet_that_stay_in_one_place_leave_the_floor_level_and_a_note_says_so() -> None:
    notes: list[str] = []
    frames = clip(world([2.0] * 5, "halpe26"), "halpe26", degrees=4)
    (first, *_) = to_metres(frames, height=HEIGHT, floor_angle="auto", report=notes.append)
    assert first.extra["floor_angle"] == 0
    assert notes[0].endswith("; the floor is taken as level, because resting feet do not span a metre")


@pytest.mark.parametrize("mirrored", [False, True])
def test_segment_angles_are_those_to_the_floor(mirrored: bool) -> None:
    metres = world([1.0, 1.6, 2.2, 2.8], "halpe26", JOINTS)
    frames = clip(metres, "halpe26", degrees=6, mirrored=mirrored)
    frames[0].instances[0].extra["mine"] = [1]
    # The toes of the other foot rest as well, at another height, so that the angle is given.
    found = list(map(JointAngles(), to_metres(frames, floor_angle=6.0)))
    assert "keypoints_metres" not in found[0].instances[0].extra and "metres_per_pixel" not in found[0].extra
    truth = expected()
    for frame in found:
        extra = frame.instances[0].extra
        assert extra["side"] == ("left" if mirrored else "right")
        for name, value in extra["angles"].items():
            if name not in ("pelvis", "shoulders"):
                assert value == pytest.approx(truth[name], abs=5e-3), name
    assert found[0].instances[0].extra["mine"] == [1]


def test_speeds_are_also_in_metres_a_second() -> None:
    metres = [world([1.0], "halpe26")[0] + [0.02 * n, 0] for n in range(4)]
    frames = [clip([one], "halpe26")[0] for one in metres]
    for number, frame in enumerate(frames):
        frame.frame, frame.time = number, number / 30
    *_, last = map(JointAngles(velocity=True), to_metres(frames, height=HEIGHT))
    speeds = last.instances[0].extra["keypoint_speeds_metres"]
    assert speeds[5] == pytest.approx(0.6, rel=1e-3)
    assert last.instances[0].extra["keypoint_speeds"][5] == pytest.approx(0.6 / SCALE, rel=1e-3)


def test_the_scale_comes_from_the_person_in_most_frames() -> None:
    frames = clip(world([1.0, 2.0], "halpe26"), "halpe26")
    for frame in frames[:5]:
        small = keypoints_of(frame.instances[0]) * np.float32([0.5, 0.5, 1])
        frame.instances.insert(0, Instance(id=1, keypoints=small))
    notes: list[str] = []
    list(to_metres(frames, height=HEIGHT, report=notes.append))
    assert "id 2 is 490 pixels tall" in notes[0]


def test_what_gives_no_scale_is_an_error_that_says_what_to_do() -> None:
    frames = clip(world([1.0], "halpe26"), "halpe26")
    with pytest.raises(UsageError, match="a height or from two known points; give one"):
        list(to_metres(frames, height=1, known=(0, 0, 1, 1, 1)))
    with pytest.raises(UsageError, match="two known points are the same"):
        list(to_metres(frames, known=(3, 4, 3, 4, 1)))
    with pytest.raises(DataError, match=r"nobody's height can be measured.*give two known points"):
        list(to_metres([Frame("a", 0)], height=1.8))
    frames[0].instances.append(Instance(keypoints=frames[0].instances[0].keypoints))
    frames[0].instances.append(Instance(keypoints=frames[0].instances[0].keypoints))
    with pytest.raises(DataError, match=r"frame 0: several people have no id.*run 'rtm track' first"):
        list(to_metres(frames, height=1.8))


def test_the_verbs_scale_keypoints_and_write_them_as_trc(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    metres = world([1.0, 1.8, 2.6], "halpe26")
    source = tmp_path / "in.jsonl"
    write_frames(clip(metres, "halpe26", degrees=2), source)
    scale = ["--height", str(HEIGHT), "--floor-angle", "auto"]
    assert main(["angles", str(source), *scale]) == 0
    captured = capsys.readouterr()
    assert (
        captured.err
        == "rtm angles: a.mp4: 3.571 mm a pixel, id 2 is 490 pixels tall; floor angle 2.00 degrees\n"
    )
    first = json.loads(captured.out.splitlines()[0])
    names = load_skeleton("halpe26").keypoints
    assert first["instances"][0]["keypoints_metres"][names.index("left_eye")] is None
    assert main(["convert", str(source), *scale, "--to", "trc", "-o", f"{tmp_path}/direct"]) == 0
    (tmp_path / "angles.jsonl").write_text(captured.out)
    assert main(["convert", f"{tmp_path}/angles.jsonl", "--to", "trc", "-o", f"{tmp_path}/piped"]) == 0
    file = "a_person2.trc"
    assert (tmp_path / "direct" / file).read_bytes() == (tmp_path / "piped" / file).read_bytes()
    assert main(["convert", f"{tmp_path}/direct", "-o", f"{tmp_path}/again.jsonl"]) == 0
    for number, frame in enumerate(read_frames(tmp_path / "again.jsonl")):
        (one,) = frame.instances
        assert one.keypoints3d is not None
        np.testing.assert_allclose(one.keypoints3d[:, :2] * [1, -1], metres[number // 4], atol=2e-4)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            ["--known", "1,2,3"],
            "--known '1,2,3' is not two points and a distance; write pixels and metres as in",
        ),
        (["--known", "1,2,3,4,0"], "is not two points and a distance"),
        (["--floor-angle", "steep"], "--floor-angle 'steep' is neither degrees from -45 to 45 nor 'auto'"),
        (["--min-score", "0.1"], "--min-score has no effect without --to trc or c3d, or a scale in metres"),
    ],
)
def test_wrong_options_are_one_sentence(
    options: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["convert", "x.jsonl", *options]) == 2
    assert message in capsys.readouterr().err
