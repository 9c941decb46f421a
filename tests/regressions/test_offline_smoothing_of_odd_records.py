"""Offline smoothing ended with an internal error at equal or falling times, and warned of poses without places."""

import warnings
from collections.abc import Callable

import numpy as np
import pytest

from rtmcli import Frame, Instance, OfflineOptions, smooth_offline

METHODS = ["butterworth", "savgol", "kalman", "median", "gaussian", "oneeuro"]


def walk(
    times: list[float], change: Callable[[int, Instance], None] = lambda number, one: None
) -> list[Frame]:
    """A person who moves 3 pixels to the right from frame to frame."""
    frames = []
    for number, time in enumerate(times):
        points = np.array([[10 * k + 3 * number, 5 * k, 0.9] for k in range(17)], np.float32)
        box = np.array([3 * number, 0, 160 + 3 * number, 80], np.float32)
        one = Instance(box=box, keypoints=points, id=1)
        change(number, one)
        frames.append(Frame("walk.mp4", number, time=time, skeleton="coco17", instances=[one]))
    return frames


def smoothed(frames: list[Frame], method: str = "butterworth") -> list[Frame]:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return list(smooth_offline(frames, OfflineOptions(method=method)))


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    "times",
    [[n / 25 - 0.04 * (n > 8) for n in range(20)], [n / 25 - 0.4 * (n > 9) for n in range(20)]],
    ids=["two frames at one time", "times that jump back"],
)
def test_times_that_do_not_increase_keep_every_frame_and_every_place(times: list[float], method: str) -> None:
    frames = smoothed(walk(times), method)
    assert [frame.time for frame in frames] == times
    places = np.array([frame.instances[0].keypoints for frame in frames])
    assert np.isfinite(places).all()
    # The person moves evenly, 3 pixels a frame.
    assert np.abs(places[:, 0, 0] - 3 * np.arange(20)).max() < 5


@pytest.mark.parametrize("method", METHODS)
def test_frames_that_all_have_one_time_are_kept(method: str) -> None:
    places = np.array([frame.instances[0].keypoints for frame in smoothed(walk([1.0] * 20), method)])
    assert places.shape == (20, 17, 3) and np.isfinite(places).all()


def test_a_pose_without_keypoints_stays_as_it_is() -> None:
    def empty(number: int, one: Instance) -> None:
        one.keypoints = np.zeros((0, 3), np.float32)

    frames = smoothed(walk([n / 25 for n in range(8)], empty))
    assert all(one.keypoints is not None and len(one.keypoints) == 0 for f in frames for one in f.instances)


def test_people_without_boxes_who_are_away_for_some_frames_cause_no_warning() -> None:
    def without_box(number: int, one: Instance) -> None:
        one.box = None

    frames = walk([n / 25 for n in range(12)], without_box)
    for frame in frames[4:7]:
        frame.instances = []
    assert [len(frame.instances) for frame in smoothed(frames)] == [1] * 4 + [0] * 3 + [1] * 5


def test_boxes_and_points_with_missing_numbers_cause_no_warning() -> None:
    def halves(number: int, one: Instance) -> None:
        assert one.keypoints is not None and one.box is not None
        one.keypoints[:, 1] = np.nan
        one.box[:] = np.nan

    assert len(smoothed(walk([n / 25 for n in range(8)], halves))) == 8
