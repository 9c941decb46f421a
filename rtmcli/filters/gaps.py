"""Samples that are wrong or missing: outliers found (Hampel), gaps interpolated."""

from collections.abc import Callable

import numpy as np

from rtmcli.arrays import BoolArray, Float64Array, IndexArray

_WINDOW = 3  # samples to each side that an outlier is compared with
_OUTLIER = 4.0  # standard deviations
_LEAST = 0.03  # body sizes: nothing nearer to its neighbours is an outlier


def find_outliers(points: Float64Array, size: float) -> BoolArray:
    """Which points (N, K, D) are far from the median of their neighbours in time, (N, K).

    The Hampel identifier: the deviation is 1.48 times the median absolute deviation of the window.
    """
    found = np.zeros(points.shape[:2], np.bool_)
    if len(points) > 2 * _WINDOW:
        # One keypoint after the other: the windows take seven times the memory of the points.
        for keypoint in range(points.shape[1]):
            found[:, keypoint] = _far_from_neighbours(points[:, keypoint], size)
    return found


def _far_from_neighbours(points: Float64Array, size: float) -> BoolArray:
    """The same for one keypoint: (N, D) to (N,)."""
    count = len(points)
    padded = np.pad(points, ((_WINDOW, _WINDOW), (0, 0)), constant_values=np.nan)
    windows = np.stack([padded[k : k + count] for k in range(2 * _WINDOW + 1)])  # (W, N, D)
    with np.errstate(all="ignore"):
        middle = _median(windows)
        away = np.linalg.norm(windows - middle, axis=-1)  # (W, N)
        spread = 1.4826 * _median(away)
        distance = np.linalg.norm(points - middle, axis=-1)
        return np.asarray(distance > np.maximum(_OUTLIER * spread, _LEAST * size))


def _median(windows: Float64Array) -> Float64Array:
    """The median over the first axis, NaN left out; faster than numpy's for a few samples."""
    ordered = np.sort(windows, axis=0)  # NaN last
    known = (~np.isnan(windows)).sum(axis=0)
    low = np.maximum((known - 1) // 2, 0)[None]
    high = np.maximum(known // 2, 0)[None]
    high = np.minimum(high, len(windows) - 1)
    return np.asarray((np.take_along_axis(ordered, low, 0)[0] + np.take_along_axis(ordered, high, 0)[0]) / 2)


def interpolate(values: Float64Array, times: Float64Array) -> Float64Array:
    """Values (N, C) with every NaN replaced: a monotone cubic between samples, the nearest sample outside.

    PCHIP (Fritsch and Carlson 1980) does not overshoot, so noise at the ends of a gap does not grow in it. A column
    without any sample stays NaN.
    """
    from scipy.interpolate import PchipInterpolator

    return _replaced(values, times, lambda known, column: PchipInterpolator(times[known], column))


def spline(values: Float64Array, times: Float64Array) -> Float64Array:
    """The same by a cubic spline, which carries the velocity into a gap: for samples without noise."""
    from scipy.interpolate import CubicSpline

    return _replaced(
        values,
        times,
        lambda known, column: (
            CubicSpline(times[known], column)
            if len(known) > 3
            else lambda at: np.interp(at, times[known], column)
        ),
    )


def _replaced(
    values: Float64Array,
    times: Float64Array,
    fit: Callable[[IndexArray, Float64Array], Callable[[Float64Array], Float64Array]],
) -> Float64Array:
    result = values.copy()
    for column in range(values.shape[1]):
        known = np.flatnonzero(~np.isnan(values[:, column]))
        if len(known) in (0, len(values)):
            continue
        missing = np.flatnonzero(np.isnan(values[:, column]))
        inside = missing[(missing > known[0]) & (missing < known[-1])]
        result[: known[0], column] = values[known[0], column]
        result[known[-1] :, column] = values[known[-1], column]
        if len(inside):
            result[inside, column] = fit(known, values[known, column])(times[inside])
    return result


def gap_lengths(known: BoolArray, times: Float64Array) -> Float64Array:
    """For each missing sample (N, K) the seconds between its neighbours; infinite at the ends, 0 for known ones."""
    count = len(known)
    index = np.arange(count)[:, None]
    before = np.maximum.accumulate(np.where(known, index, -1), axis=0)
    after = np.minimum.accumulate(np.where(known, index, count)[::-1], axis=0)[::-1]
    padded = np.concatenate([times, [np.inf]])
    start = np.where(before < 0, -np.inf, padded[before])
    with np.errstate(invalid="ignore"):
        return np.where(known, 0.0, padded[after] - start)
