"""Offline smoothing of times that are equal, fall, are huge or less than 1 ms apart, and of poses without places.

It ended with an internal error at equal times, then took every interval below 1 ms for 1 ms.
"""

import warnings
from collections.abc import Callable

import numpy as np
import pytest

from rtmcli import Frame, Instance, OfflineOptions, Smoother, smooth_offline

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


def smoothed(frames: list[Frame], method: str = "butterworth", cutoff: float = 6) -> list[Frame]:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return list(smooth_offline(frames, OfflineOptions(method=method, cutoff=cutoff)))


def places(frames: list[Frame]) -> np.ndarray:
    """The keypoints of the one person of each frame, (N, 17, 2)."""
    return np.array([frame.instances[0].keypoints for frame in frames])[..., :2]


def shaken(number: int, one: Instance) -> None:
    """Add noise to the keypoints, and exchange nothing."""
    assert one.keypoints is not None
    one.keypoints[:, :2] += np.random.default_rng(number).normal(0, 1, (17, 2))


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    "times",
    [[n / 25 - 0.04 * (n > 8) for n in range(20)], [n / 25 - 0.4 * (n > 9) for n in range(20)]],
    ids=["two frames at one time", "times that jump back"],
)
def test_times_that_do_not_increase_keep_every_frame_and_every_place(times: list[float], method: str) -> None:
    frames = smoothed(walk(times), method)
    assert [frame.time for frame in frames] == times
    found = places(frames)
    assert np.isfinite(found).all()
    # The person moves evenly, 3 pixels a frame.
    assert np.abs(found[:, 0, 0] - 3 * np.arange(20)).max() < 5


@pytest.mark.parametrize("method", METHODS)
def test_frames_that_all_have_one_time_are_kept(method: str) -> None:
    found = places(smoothed(walk([1.0] * 20), method))
    assert found.shape == (20, 17, 2) and np.isfinite(found).all()


# Without kalman, which begins with a speed of its own in pixels a second.
@pytest.mark.parametrize("method", [method for method in METHODS if method != "kalman"])
def test_a_recording_a_hundred_times_as_fast_is_smoothed_alike(method: str) -> None:
    slow = smoothed(walk([n / 25 for n in range(40)], shaken), method, cutoff=3)
    fast = smoothed(walk([n / 2500 for n in range(40)], shaken), method, cutoff=300)
    np.testing.assert_allclose(places(fast), places(slow), atol=1e-3)
    assert np.abs(places(slow) - places(walk([0.0] * 40, shaken))).mean() > 0.2


def test_a_recording_a_hundred_times_as_fast_is_smoothed_alike_frame_by_frame() -> None:
    slow, fast = Smoother(min_cutoff=2, d_cutoff=2), Smoother(min_cutoff=200, d_cutoff=200)
    before = [slow(frame) for frame in walk([n / 25 for n in range(40)], shaken)]
    after = [fast(frame) for frame in walk([n / 2500 for n in range(40)], shaken)]
    np.testing.assert_allclose(places(after), places(before), atol=1e-3)


def test_two_frames_at_one_time_are_spread_evenly_up_to_the_next_time() -> None:
    even = [n / 25 for n in range(20)]
    equal = [n / 25 - 0.04 * (n in (9, 19)) for n in range(20)]
    np.testing.assert_allclose(
        places(smoothed(walk(equal, shaken))), places(smoothed(walk(even, shaken))), atol=1e-3
    )


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    "times",
    [
        [1e15 + n / 30 for n in range(40)],
        [n * 1e-9 for n in range(40)],
        [n // 3 / 10 + n % 3 * 1e-9 for n in range(40)],
    ],
    ids=["huge times", "nanoseconds", "bursts"],
)
def test_times_in_a_wrong_unit_neither_fail_nor_fill_the_memory(times: list[float], method: str) -> None:
    assert np.isfinite(places(smoothed(walk(times), method))).all()


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
