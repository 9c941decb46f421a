"""Heel strikes, toe-offs and repetitions of figures that move in a known way."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest

from rtmcli import DataError, Frame, Instance, JointAngles, UsageError, mark_events
from tests.helpers.figures import JOINTS, figure, in_image

STRIDES = 0.9  # a second
RATE = 50.0  # frames a second


def walk(
    skeleton: str = "halpe26", *, mirrored: bool = False, seconds: float = 5.0, person: int | None = 1
) -> list[Frame]:
    """Somebody whose stiff legs swing as pendulums: the right one is in front at a quarter of each stride."""
    random = np.random.default_rng(0)
    frames = []
    for number in range(int(seconds * RATE)):
        swing = 25 * np.sin(2 * np.pi * STRIDES * number / RATE)
        joints = {**dict.fromkeys(JOINTS, 0.0), "right_hip": swing, "left_hip": -swing, "right_knee": 0.0}
        keypoints = in_image(figure(joints, lean=0.0), skeleton, mirrored=mirrored)
        keypoints[:, 0] += np.float32((-1 if mirrored else 1) * 80 * number / RATE)
        keypoints[:, :2] += random.normal(0, 0.3, keypoints[:, :2].shape).astype(np.float32)
        one = Instance(id=person, keypoints=keypoints)
        frames.append(Frame("walk.mp4", number, time=number / RATE, skeleton=skeleton, instances=[one]))
    return frames


def times_of(frames: Iterable[Frame], event: str) -> list[float]:
    return [f.time for f in frames for one in f.instances if event in one.extra.get("events", ())]


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("skeleton", ["halpe26", "coco17", "coco133", "openpose25"])
def test_strikes_and_toe_offs_are_found_where_the_legs_turn_round(skeleton: str, mirrored: bool) -> None:
    lines: list[str] = []
    found = list(
        mark_events(map(JointAngles(), walk(skeleton, mirrored=mirrored)), "gait", report=lines.append)
    )
    quarters = {"right_heel_strike": 1, "right_toe_off": 3, "left_heel_strike": 3, "left_toe_off": 1}
    for event, quarter in quarters.items():
        expected = [t for k in range(5) if (t := (k + quarter / 4) / STRIDES) < 4.9]
        assert times_of(found, event) == pytest.approx(expected, abs=0.07), event
    assert len(found) == 250
    (line,) = lines
    assert line.startswith("walk.mp4, id 1: 9 heel strikes, 9 toe-offs, cadence 10")
    assert float(line.split("cadence ")[1].split()[0]) == pytest.approx(2 * 60 * STRIDES, rel=0.02)


def test_somebody_who_turns_round_is_measured_in_both_directions() -> None:
    there, back = walk(seconds=4), walk(mirrored=True, seconds=4)
    for number, frame in enumerate(back, len(there)):
        frame.frame, frame.time = number, number / RATE
    found = list(mark_events(map(JointAngles(), there + back), "gait"))
    strikes = times_of(found, "right_heel_strike")
    expected = [start + (k + 0.25) / STRIDES for start in (0, 4) for k in range(4)]
    assert [t for t in strikes if abs(t - 4) > 0.5] == pytest.approx(
        [t for t in expected if t < 7.9 and abs(t - 4) > 0.5], abs=0.07
    )


def test_a_source_that_starts_again_has_the_events_of_both_runs() -> None:
    found = list(mark_events(map(JointAngles(), walk() + walk()), "gait"))
    strikes = times_of(found, "right_heel_strike")
    assert len(strikes) == 2 * len(times_of(found[:250], "right_heel_strike")) == 10


def test_a_skeleton_without_ankles_is_an_error_that_names_them(tmp_path: Path) -> None:
    file = tmp_path / "trunk.toml"
    file.write_text(
        'name = "trunk"\nkeypoints = ["left_hip", "right_hip", "neck"]\n[angles]\n'
        'pelvis = { to = ["right_hip", "left_hip"], period = 180 }\n'
    )
    one = Instance(id=1, keypoints=np.ones((3, 3), np.float32))
    with pytest.raises(DataError, match="has no left_ankle and right_ankle; gait needs them"):
        list(mark_events(map(JointAngles(), [Frame("a", 0, skeleton=str(file), instances=[one])]), "gait"))


def test_somebody_who_stands_takes_no_step() -> None:
    frames = walk()
    for frame in frames:
        frame.instances[0].keypoints = frames[0].instances[0].keypoints + np.random.default_rng(
            frame.frame
        ).normal(0, 2, (26, 3)).astype(np.float32) * np.float32([1, 1, 0])
    found = list(mark_events(map(JointAngles(), frames), "gait"))
    assert all("events" not in one.extra for frame in found for one in frame.instances)


def test_repetitions_are_the_peaks_of_the_named_angle() -> None:
    frames = []
    for number in range(300):
        joints = {**JOINTS, "left_knee": 60 - 50 * np.cos(2 * np.pi * 0.5 * number / 30)}
        one = Instance(id=4, keypoints=in_image(figure(joints), "coco17"))
        frames.append(Frame("gym.mp4", number, time=number / 30, skeleton="coco17", instances=[one]))
    lines: list[str] = []
    found = list(mark_events(map(JointAngles(), frames), "reps", of="left_knee", report=lines.append))
    assert times_of(found, "repetition") == pytest.approx([1, 3, 5, 7, 9])
    assert lines == ["gym.mp4, id 4: 5 repetitions, 30.0 a minute"]
    others = mark_events(map(JointAngles(), frames), "reps", of="right_knee")
    assert times_of(others, "repetition") == []


def test_an_unknown_angle_and_missing_ids_are_errors_with_the_remedy() -> None:
    with pytest.raises(UsageError, match="no angle 'left_kne'; did you mean left_knee"):
        list(mark_events(map(JointAngles(), walk(seconds=1)), "reps", of="left_kne"))
    with pytest.raises(DataError, match="run 'rtm track' first"):
        list(mark_events(map(JointAngles(), walk(seconds=1, person=None)), "gait"))


def test_frames_without_people_pass() -> None:
    frames = [Frame("a", number) for number in range(3)]
    assert [frame.frame for frame in mark_events(frames, "gait")] == [0, 1, 2]
