"""Below one frame a second `max_gap` is shorter than the interval between frames: people must keep their ids."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from rtmcli import Frame, Instance, Smoother, Tracker, read_frames

STANDING = Path(__file__).parent / "data" / "two_standing_every_2_s.jsonl"


def ids(frames: list[Frame]) -> list[list[int | None]]:
    tracker = Tracker()
    return [[person.id for person in tracker(frame).instances] for frame in frames]


@pytest.mark.parametrize("seconds", [0.99, 1.01, 2.0, 10.0, 3600.0])
def test_people_who_stand_still_keep_their_ids_at_any_frame_rate(seconds: float) -> None:
    frames = [replace(frame, time=seconds * n) for n, frame in enumerate(read_frames(STANDING))]
    assert ids(frames) == [[1, 2]] * 10


def test_records_without_times_that_skip_frames_keep_their_ids() -> None:
    frames = [replace(frame, time=None, frame=60 * n) for n, frame in enumerate(read_frames(STANDING))]
    assert ids(frames) == [[1, 2]] * 10


def test_somebody_who_walks_keeps_the_id_at_one_frame_in_two_seconds() -> None:
    def walker(n: int) -> Frame:
        box = np.array([100 + 40 * n, 300, 200 + 40 * n, 500], np.float32)
        return Frame("s", 60 * n, time=2.0 * n, width=1280, height=720, instances=[Instance(box=box)])

    assert ids([walker(n) for n in range(12)]) == [[1]] * 12


def test_somebody_who_was_away_longer_than_the_gap_gets_a_new_id() -> None:
    frames = list(read_frames(STANDING))
    frames[4] = replace(frames[4], instances=[])
    assert ids(frames) == [[1, 2]] * 4 + [[]] + [[3, 4]] * 5


def test_smoothing_has_an_effect_at_one_frame_in_two_seconds() -> None:
    noise = np.random.default_rng(0)
    smoother, raw, smooth = Smoother(), [], []
    for frame in read_frames(STANDING):
        people = [
            replace(person, box=(person.box + noise.normal(0, 4, 4)).astype(np.float32))
            for person in frame.instances
            if person.box is not None
        ]
        smoothed = smoother(replace(frame, instances=people))
        raw.append([person.box for person in people])
        smooth.append([person.box for person in smoothed.instances])
        assert [person.id for person in smoothed.instances] == [1, 2]
    raw_boxes, smooth_boxes = np.array(raw), np.array(smooth)  # (10, 2, 4)
    # 2 s are long for a filter of 1.5 Hz: alpha is 0.95.
    assert (
        np.abs(np.diff(smooth_boxes[3:], axis=0)).mean()
        < 0.97 * np.abs(np.diff(raw_boxes[3:], axis=0)).mean()
    )
    assert np.abs(smooth_boxes - raw_boxes).max() < 4
