"""Peaks of curves."""

import numpy as np
import pytest

from rtmcli.kinematics.peaks import find_peaks


@pytest.mark.parametrize("seed", range(20))
def test_peaks_are_those_of_scipy_with_the_same_prominence(seed: int) -> None:
    signal = pytest.importorskip("scipy.signal")
    random = np.random.default_rng(seed)
    times = np.arange(400) / 30
    values = np.sin(4 * times) + random.normal(0, 0.3, 400)
    expected, _ = signal.find_peaks(values, prominence=0.8)
    assert len(expected) > 3
    assert find_peaks(times, values, prominence=0.8, separation=0).tolist() == expected.tolist()


def test_of_two_peaks_too_close_in_time_the_higher_one_stays() -> None:
    values = np.array([0.0, 5, 0, 6, 0, 4, 0, 0, 0, 3, 0])
    times = np.array([0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 1.0, 1.1, 1.2, 1.3, 1.4])
    assert find_peaks(times, values, prominence=1, separation=0.4).tolist() == [3, 9]
    assert find_peaks(times, values, prominence=3.5, separation=0.1).tolist() == [1, 3, 5]


def test_the_ends_are_no_peaks_and_of_a_plateau_the_first_value_counts() -> None:
    values = np.array([9.0, 0, 2, 2, 2, 0, 9])
    assert find_peaks(np.arange(7.0), values, prominence=1, separation=0).tolist() == [2]
