"""Camera motion from the tracks themselves: what all people's boxes did at once that none of them was expected to."""

import numpy as np

from rtmcli.arrays import Float64Array

_FEWEST = 4  # people; fewer may move together without the camera
_CLEAR = 5.0  # standard errors of the median that a common shift must exceed
_LEAST = 0.015  # body heights below which a shift is not worth a correction


def camera_shift(expected: Float64Array, found: Float64Array, heights: Float64Array) -> Float64Array | None:
    """The shift (2,) in pixels common to people expected at (N, 2) and found at (N, 2); None where there is none.

    The median holds against the few who turn or stop by themselves.
    """
    if len(expected) < _FEWEST:
        return None
    steps = found - expected
    shift = _median(steps)
    # 1.48 median absolute deviations are a standard deviation.
    error = 1.48 * _median(np.abs(steps - shift)) / np.sqrt(len(steps))
    clear = np.abs(shift) > _CLEAR * error + _LEAST * _median(heights)
    return shift if clear.any() else None


def _median(values: Float64Array) -> Float64Array:
    """The median over the first axis; np.median takes ten times as long for few values."""
    ordered, count = np.sort(values, axis=0), len(values)
    return np.asarray((ordered[(count - 1) // 2] + ordered[count // 2]) / 2)
