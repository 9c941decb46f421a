"""Offline smoothing: nearer to the truth than the causal filter, no lag, sides repaired, gaps filled."""

import numpy as np
import pytest

from rtmcli import Frame, Smoother, UsageError
from rtmcli.filters.offline import smooth_offline
from rtmcli.filters.swaps import find_swaps, limb_pairs
from rtmcli.filters.track_smoothing import OfflineOptions, Repairs
from rtmcli.filters.zero_lag import FILTERS, butterworth, kalman
from rtmcli.skeletons import load_skeleton
from tests.helpers.gait import HEIGHT, Recording, record
from tests.helpers.given import keypoints_of

METHODS = [*FILTERS, "kalman"]


def error(frames: list[Frame], recording: Recording) -> float:
    """Root mean square distance from the truth in pixels, over the keypoints that were seen."""
    squares = []
    for k, frame in enumerate(frames):
        for instance in frame.instances:
            assert instance.keypoints is not None and instance.id is not None
            if "filled" not in instance.extra:
                away = instance.keypoints[:, :2] - recording.truth[k, instance.id - 1]
                squares.append((away**2).sum(axis=1))
    return float(np.sqrt(np.concatenate(squares).mean()))


@pytest.mark.parametrize("method", METHODS)
def test_offline_filters_beat_the_causal_one_on_a_recording_with_faults(method: str) -> None:
    recording = record(0)
    smoother = Smoother()
    causal = error([smoother(frame) for frame in recording.frames], recording)
    offline = error(list(smooth_offline(recording.frames, OfflineOptions(method=method))), recording)
    assert offline <= 0.7 * causal


@pytest.mark.parametrize("method", METHODS)
def test_offline_filters_do_not_lag(method: str) -> None:
    recording = record(1, noise=0, outliers=0, exchanged=0)
    frames = list(smooth_offline(recording.frames, OfflineOptions(method=method)))
    rows = range(200, 300)
    found = np.array(
        [[keypoints_of(i)[15, 0] for i in frames[k].instances if i.id == 1] for k in rows]
    ).ravel()
    truth = recording.truth[:, 0, 15, 0]
    lags = {lag: np.abs(found - truth[200 + lag : 300 + lag]).mean() for lag in (-2, -1, 0, 1, 2)}
    assert min(lags, key=lags.__getitem__) == 0


def test_exchanged_legs_are_put_right_and_crossing_legs_are_left_alone() -> None:
    true = hits = false = 0
    for seed in range(6):
        recording = record(seed)
        for person in range(2):
            rows = np.flatnonzero(~recording.unseen[:, person])
            points = np.array(
                [
                    next(keypoints_of(i)[:, :2] for i in recording.frames[k].instances if i.id == person + 1)
                    for k in rows
                ],
                np.float64,
            )
            for pairs in limb_pairs(load_skeleton("coco17")):
                wanted = recording.exchanged[rows, person] & (pairs[0] == (13, 14))
                found = find_swaps(points, rows / 30, pairs, HEIGHT)
                true += int(wanted.sum())
                hits += int((found & wanted).sum())
                false += int((found & ~wanted).sum())
    assert hits >= 0.95 * true
    assert false <= 6  # of 27,768 poses of a limb: an exchange that ends where the legs cross


def test_legs_that_only_cross_are_never_exchanged() -> None:
    recording = record(3, exchanged=0, outliers=0)
    repairs = Repairs()
    list(smooth_offline(recording.frames, OfflineOptions(), repairs))
    assert repairs.swaps == 0


def test_gaps_are_filled_near_the_truth_marked_and_without_a_score() -> None:
    recording = record(0)
    away = []
    for k, frame in enumerate(smooth_offline(recording.frames, OfflineOptions(fill=0.5))):
        for instance in frame.instances:
            assert instance.id is not None and instance.keypoints is not None
            if recording.unseen[k, instance.id - 1]:
                assert instance.extra["filled"] == list(range(17)) and not instance.keypoints[:, 2].any()
                away.append(
                    np.linalg.norm(instance.keypoints[:, :2] - recording.truth[k, instance.id - 1], axis=1)
                )
            else:
                assert "filled" not in instance.extra
    assert len(away) == recording.unseen.sum()
    assert np.concatenate(away).mean() <= 0.03 * HEIGHT


def test_a_gap_that_is_too_long_stays_open() -> None:
    recording = record(0)
    frames = list(smooth_offline(recording.frames, OfflineOptions(fill=0.3)))
    assert [len(f.instances) for f in frames] == [len(f.instances) for f in recording.frames]


def test_butterworth_equals_filtfilt_of_scipy_on_even_times() -> None:
    from scipy.signal import butter, filtfilt

    recording = record(5, outliers=0, exchanged=0)
    frames = list(smooth_offline(recording.frames, OfflineOptions(outliers=False, swaps=False)))
    rows = range(100)  # before the first gap of person 1
    raw = np.array([keypoints_of(recording.frames[k].instances[0])[:, 0] for k in rows])
    b, a = butter(2, 6 / 15)
    signal = np.random.default_rng(0).normal(size=(200, 3))
    np.testing.assert_allclose(butterworth(signal, 30, 6), filtfilt(b, a, signal, axis=0), atol=1e-12)
    recording.frames[100:] = []
    short = list(smooth_offline(recording.frames, OfflineOptions(outliers=False, swaps=False)))
    found = np.array([keypoints_of(frame.instances[0])[:, 0] for frame in short])
    np.testing.assert_allclose(found, filtfilt(b, a, raw, axis=0), rtol=1e-5, atol=1e-3)
    assert len(frames) == 600


def test_the_kalman_smoother_trusts_a_sample_by_its_score() -> None:
    signal = np.zeros((61, 2))
    signal[30] = 10
    scores = np.ones((61, 2))
    scores[30, 1] = 0.1
    smooth = kalman(signal, 30, 6, scores)
    assert smooth[30, 1] < 0.1 * smooth[30, 0]
    np.testing.assert_allclose(smooth[:, 0], smooth[::-1, 0], atol=0.05)  # no side of the peak is favoured


def test_uneven_times_are_resampled_and_mapped_back() -> None:
    rng = np.random.default_rng(2)
    recording = record(2, outliers=0, exchanged=0)
    kept = [k for k in range(100) if rng.random() > 0.15]
    frames = [recording.frames[k] for k in kept]
    even = list(smooth_offline(recording.frames[:100]))
    uneven = list(smooth_offline(frames))
    for frame, k in zip(uneven, kept, strict=True):
        for a, b in zip(frame.instances, even[k].instances, strict=True):
            assert a.keypoints is not None and b.keypoints is not None
            assert np.abs(a.keypoints[:, :2] - b.keypoints[:, :2]).max() < 0.05 * HEIGHT


def test_people_without_ids_and_unknown_skeletons_pass() -> None:
    recording = record(0, count=30)
    for frame in recording.frames:
        frame.skeleton = None
        frame.instances[0].id = None
    for before, after in zip(recording.frames, smooth_offline(recording.frames), strict=True):
        np.testing.assert_array_equal(keypoints_of(after.instances[0]), keypoints_of(before.instances[0]))
        assert after.instances[1].keypoints is not before.instances[1].keypoints


def test_an_unknown_filter_is_an_error_that_names_the_others() -> None:
    with pytest.raises(UsageError, match="no such filter 'x'; there are butterworth, savgol"):
        list(smooth_offline([], OfflineOptions(method="x")))
