"""Angles of figures whose joint angles are known, in the image and in space."""

from pathlib import Path

import numpy as np
import pytest

from rtmcli import DataError, Frame, Instance, JointAngles, load_skeleton
from tests.helpers.figures import JOINTS, expected, figure, in_image, in_space
from tests.helpers.published_angles import PUBLISHED, published_angle

SKELETONS = ["coco17", "halpe26", "coco133", "openpose25"]
# Seen from the side these lines have hardly any length.
ACROSS = {"pelvis", "shoulders"}


def measured(keypoints: np.ndarray, skeleton: str, **options: object) -> dict:
    """The keys that an instance with these keypoints gets."""
    frame = Frame("a", 0, skeleton=skeleton, instances=[Instance(keypoints=keypoints)])
    return JointAngles(**options)(frame).instances[0].extra


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("skeleton", SKELETONS)
def test_all_angles_of_a_known_figure_are_exact_whichever_way_it_faces(skeleton: str, mirrored: bool) -> None:
    found = measured(in_image(figure(), skeleton, mirrored=mirrored), skeleton)
    assert found["side"] == ("left" if mirrored else "right")
    names = set(load_skeleton(skeleton).angles) - ACROSS
    assert names <= set(found["angles"])
    truth = expected()
    assert {name: found["angles"][name] for name in names} == pytest.approx(
        {name: truth[name] for name in names}, abs=1e-3
    )


def test_the_skeletons_have_the_angles_that_their_keypoints_allow() -> None:
    counts = {name: len(load_skeleton(name).angles) for name in SKELETONS}
    assert counts == {"coco17": 20, "halpe26": 24, "coco133": 28, "openpose25": 24}


def test_somebody_who_stands_has_joint_angles_of_0() -> None:
    still = figure(dict.fromkeys(JOINTS, 0.0), lean=0.0)
    found = measured(in_image(still, "coco133"), "coco133")["angles"]
    assert {name: found[name] for name in JOINTS} == pytest.approx(dict.fromkeys(JOINTS, 0.0), abs=1e-3)
    assert found["trunk"] == pytest.approx(90, abs=1e-3)
    assert found["right_shank"] == pytest.approx(-90, abs=1e-3)
    assert found["left_foot"] == pytest.approx(0, abs=1e-3)


@pytest.mark.parametrize("joint", sorted(JOINTS))
def test_a_joint_angle_follows_its_joint_alone_over_its_whole_range(joint: str) -> None:
    for degrees in (-30.0, 0.0, 30.0, 89.0, 91.0, 150.0):
        joints = {**JOINTS, joint: degrees}
        found = measured(in_image(figure(joints), "coco133"), "coco133", side="right")["angles"]
        assert {name: found[name] for name in JOINTS} == pytest.approx(joints, abs=2e-3)


@pytest.mark.parametrize("side", ["right", "left"])
def test_random_poses_have_the_angles_that_pose2sim_publishes(side: str) -> None:
    random = np.random.default_rng(0)
    names = load_skeleton("halpe26").keypoints
    for _ in range(200):
        keypoints = np.append(random.uniform(0, 1000, (26, 2)), np.ones((26, 1)), axis=1).astype(np.float32)
        sign = -1 if side == "left" else 1
        points = {n: complex(sign * x, y) for n, (x, y, _) in zip(names, keypoints.tolist(), strict=True)}
        found = measured(keypoints, "halpe26", side=side)["angles"]
        assert set(found) == set(PUBLISHED)
        for name, value in found.items():
            half = 180 if load_skeleton("halpe26").angles[name].period == 360 else 90
            difference = value - published_angle(name, points)
            assert (difference + half) % (2 * half) - half == pytest.approx(0, abs=1e-3), name


def test_seen_from_the_front_legs_and_arms_away_from_the_body_are_positive() -> None:
    # The person's right is on the left of the image; both legs are 20 degrees apart, both arms 50.
    names = load_skeleton("coco17").keypoints
    points = {"left_shoulder": (40, -150), "left_hip": (20, 0), "left_ear": (10, -200), "nose": (0, -190)}
    for name, start, length, degrees in (("knee", "hip", 100, 20), ("elbow", "shoulder", 80, 50)):
        x, y = points[f"left_{start}"]
        points[f"left_{name}"] = (
            x + length * np.sin(np.radians(degrees)),
            y + length * np.cos(np.radians(degrees)),
        )
    keypoints = np.full((17, 3), np.nan, np.float32)
    for name, (x, y) in points.items():
        for index, sign in ((names.index(name), 1), (names.index(name.replace("left", "right")), -1)):
            keypoints[index] = [sign * x, y, 1]
    for side, flipped in (("front", 1), ("back", -1)):
        found = measured(keypoints * np.float32([flipped, 1, 1]), "coco17", side=side)
        assert found["side"] == side
        angles = found["angles"]
        assert [angles[n] for n in ("right_hip", "left_hip")] == pytest.approx([20, 20], abs=1e-3)
        assert [angles[n] for n in ("right_shoulder", "left_shoulder")] == pytest.approx([50, 50], abs=1e-3)
        assert [angles[n] for n in ("pelvis", "shoulders")] == pytest.approx([0, 0], abs=1e-3)
        assert angles["trunk"] == pytest.approx(90, abs=1e-3)


@pytest.mark.parametrize("turn", [0.0, 40.0, 90.0, 200.0])
@pytest.mark.parametrize("skeleton", SKELETONS)
def test_joint_angles_in_space_do_not_depend_on_the_camera(skeleton: str, turn: float) -> None:
    about_up, about_x = np.radians(turn), np.radians(25)
    c, s = np.cos(about_up), np.sin(about_up)
    spin = np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]])
    c, s = np.cos(about_x), np.sin(about_x)
    tilt = np.array([[1, 0, 0], [0, c, -s], [0, s, c]])
    rows = in_space({name: tilt @ spin @ point for name, point in figure().items()}, skeleton)
    frame = Frame("a", 0, skeleton=skeleton, instances=[Instance(keypoints3d=rows)])
    (person,) = JointAngles()(frame).instances
    assert "angles" not in person.extra and "side" not in person.extra
    joints = {name: value for name, value in JOINTS.items() if name in load_skeleton(skeleton).angles}
    assert person.extra["angles3d"] == pytest.approx(joints, abs=1e-3)


def test_a_missing_keypoint_takes_its_angles_away_and_no_others() -> None:
    keypoints = in_image(figure(), "halpe26")
    everything = measured(keypoints, "halpe26")["angles"]
    knee = load_skeleton("halpe26").keypoints.index("right_knee")
    keypoints[knee] = np.nan
    rest = measured(keypoints, "halpe26")["angles"]
    assert set(everything) - set(rest) == {f"right_{n}" for n in ("ankle", "knee", "hip", "shank", "thigh")}
    assert rest == {name: everything[name] for name in rest}


def test_a_low_score_counts_as_missing_unless_the_keypoint_was_filled_in() -> None:
    keypoints = in_image(figure(), "halpe26")
    wrist = load_skeleton("halpe26").keypoints.index("left_wrist")
    keypoints[wrist, 2] = 0.1
    assert "left_elbow" not in measured(keypoints, "halpe26")["angles"]
    assert "left_elbow" in measured(keypoints, "halpe26", min_score=0.05)["angles"]
    filled = Instance(keypoints=keypoints, extra={"filled": [wrist]})
    (person,) = JointAngles()(Frame("a", 0, skeleton="halpe26", instances=[filled])).instances
    assert person.extra["angles"]["left_elbow"] == pytest.approx(JOINTS["left_elbow"], abs=1e-3)
    assert list(person.extra) == ["filled", "side", "angles"]


def test_two_keypoints_at_one_place_have_no_direction() -> None:
    keypoints = in_image(figure(), "coco17")
    names = load_skeleton("coco17").keypoints
    keypoints[names.index("right_wrist")] = keypoints[names.index("right_elbow")]
    found = measured(keypoints, "coco17")["angles"]
    assert "right_forearm" not in found and "right_elbow" not in found and "right_arm" in found


def test_where_no_foot_is_seen_the_face_tells_the_side() -> None:
    keypoints = in_image(figure(), "halpe26", mirrored=True)
    names = load_skeleton("halpe26").keypoints
    for name in ("left_heel", "right_big_toe"):
        keypoints[names.index(name)] = np.nan
    assert measured(keypoints, "halpe26")["side"] == "left"
    keypoints[names.index("nose")] = np.nan
    found = measured(keypoints, "halpe26")
    assert "side" not in found and "right_knee" in found["angles"]


def test_velocities_are_the_change_a_second_at_uneven_times() -> None:
    measure = JointAngles(velocity=True)
    times, found = [0.0, 0.04, 0.1, 0.12], []
    for number, time in enumerate(times):
        keypoints = in_image(figure({**JOINTS, "right_knee": 20 + 100 * time}), "halpe26")
        keypoints[:, 0] += np.float32(50 * time)
        person = Instance(id=3, keypoints=keypoints)
        found.append(
            measure(Frame("a", number, time=time, skeleton="halpe26", instances=[person])).instances[0].extra
        )
    assert "angular_velocity" not in found[0] and "keypoint_speeds" not in found[0]
    for keys in found[1:]:
        assert keys["angular_velocity"]["right_knee"] == pytest.approx(100, abs=0.02)
        assert keys["angular_velocity"]["left_knee"] == pytest.approx(0, abs=0.02)
        assert keys["keypoint_speeds"][0] == pytest.approx(50, abs=0.02)


def test_velocities_in_space_are_those_of_the_keypoints_in_3d() -> None:
    measure, found = JointAngles(velocity=True), []
    for number, time in enumerate((0.0, 0.04, 0.1)):
        rows = in_space(figure({**JOINTS, "left_elbow": 20 + 100 * time}), "halpe26")
        rows[:, :3] += np.float32([0.3 * time, 0, 0.4 * time])
        person = Instance(id=3, keypoints3d=rows)
        frame = Frame("a", number, time=time, skeleton="halpe26", instances=[person])
        found.append(measure(frame).instances[0].extra)
    assert "angular_velocity3d" not in found[0]
    for keys in found[1:]:
        assert "angular_velocity" not in keys and "keypoint_speeds" not in keys
        assert keys["angular_velocity3d"]["left_elbow"] == pytest.approx(100, abs=0.02)
        assert keys["angular_velocity3d"]["right_knee"] == pytest.approx(0, abs=0.02)
        assert "trunk" not in keys["angular_velocity3d"]
        assert keys["keypoint_speeds3d"][0] == pytest.approx(0.5, abs=1e-3)


def test_an_angle_that_passes_180_degrees_has_a_small_velocity() -> None:
    measure = JointAngles(side="right", velocity=True)
    for number, degrees in enumerate((179.0, 181.0)):
        keypoints = in_image(figure({**JOINTS, "right_shoulder": degrees}), "coco17")
        frame = Frame(
            "a", number, time=number / 10, skeleton="coco17", instances=[Instance(id=1, keypoints=keypoints)]
        )
        (person,) = measure(frame).instances
    assert person.extra["angles"]["right_shoulder"] == pytest.approx(-179, abs=1e-3)
    assert person.extra["angular_velocity"]["right_shoulder"] == pytest.approx(20, abs=0.05)


def test_a_person_who_was_not_in_the_frame_before_has_no_velocity() -> None:
    measure = JointAngles(velocity=True)
    person = Instance(id=1, keypoints=in_image(figure(), "coco17"))
    frames = [Frame("a", n, time=n / 10, skeleton="coco17", instances=[person] * (n != 1)) for n in range(4)]
    found = ["angular_velocity" in one.extra for f in frames for one in measure(f).instances]
    assert found == [False, False, True]


def test_the_given_frame_stays_as_it_is() -> None:
    person = Instance(keypoints=in_image(figure(), "coco17"), extra={"mine": 1})
    frame = Frame("a", 0, skeleton="coco17", instances=[person])
    out = JointAngles()(frame)
    assert person.extra == {"mine": 1} and out.instances[0].extra["mine"] == 1
    assert out.instances[0].keypoints is person.keypoints


def test_people_with_boxes_alone_pass_unchanged() -> None:
    frame = Frame("a", 0, instances=[Instance(box=np.float32([0, 0, 9, 9]))])
    assert JointAngles()(frame) is frame


@pytest.mark.parametrize(
    ("skeleton", "count", "message"),
    [
        ("hand21", 21, "no angles are defined for the skeleton hand21.*coco133, coco17, halpe26, openpose25"),
        (None, 17, "no 'skeleton'.*--source-skeleton NAME"),
        ("coco17", 26, "coco17 has 17 keypoints, got 26"),
    ],
)
def test_a_skeleton_without_angles_is_an_error_that_says_what_to_do(
    skeleton: str | None, count: int, message: str
) -> None:
    person = Instance(keypoints=np.ones((count, 3), np.float32))
    with pytest.raises(DataError, match=message):
        JointAngles()(Frame("a", 0, skeleton=skeleton, instances=[person]))


def test_a_skeleton_file_of_ones_own_may_define_angles(tmp_path: Path) -> None:
    file = tmp_path / "leg.toml"
    file.write_text(
        'name = "leg"\nkeypoints = ["left", "hip", "knee", "ankle"]\n[angles]\npelvis = { to = ["hip", "left"] }\n'
        'knee = { from = ["knee", "hip"], to = ["ankle", "knee"], sign = -1 }\n'
    )
    keypoints = np.float32([[0, 0, 1], [0, 0, 1], [0, 100, 1], [-100, 100, 1]])
    assert measured(keypoints, str(file))["angles"]["knee"] == pytest.approx(90, abs=1e-3)


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ("x = { from = [0, 1] }", "angle 'x': 'to' is missing"),
        ("x = { to = [0, 1], sing = 1 }", "angle 'x': unknown key 'sing'"),
        ("x = { to = [0, 1], sign = 2 }", "'sign' must be 1 or -1"),
        ("x = { to = [0] }", "'x': a vector is a list of two points"),
        ('x = { to = ["a", "hed"] }', "no keypoint 'hed'; did you mean head"),
    ],
)
def test_a_wrong_entry_in_a_skeleton_file_is_an_error_that_names_it(
    tmp_path: Path, entry: str, message: str
) -> None:
    file = tmp_path / "wrong.toml"
    file.write_text(f'name = "wrong"\nkeypoints = ["a", "head"]\n[angles]\n{entry}\n')
    with pytest.raises(DataError, match=message):
        load_skeleton(file)
