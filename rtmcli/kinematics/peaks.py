"""Peaks of a curve with a least prominence and a least distance in time."""

import numpy as np

from rtmcli.arrays import Float64Array, IndexArray


def find_peaks(
    times: Float64Array, values: Float64Array, *, prominence: float, separation: float
) -> IndexArray:
    """The indices of the peaks of a curve, ascending; of a plateau the first. The ends are no peaks.

    Args:
        times: (T,) seconds, ascending; values: (T,) without NaN.
        prominence: how far the curve must fall on both sides of a peak before it rises above it; more than 0.
        separation: seconds; of two peaks closer than that the higher one stays.
    """
    kept: list[int] = []
    for top in _tops(values.tolist(), prominence):
        if kept and times[top] - times[kept[-1]] < separation:
            if values[top] > values[kept[-1]]:
                kept[-1] = top
        else:
            kept.append(top)
    return np.array(kept, dtype=np.intp)


def _tops(values: list[float], prominence: float) -> list[int]:
    """The highest place between two falls of at least `prominence`, after a rise of as much."""
    found: list[int] = []
    rising = False
    lowest = highest = 0
    for at, value in enumerate(values):
        if rising:
            if value > values[highest]:
                highest = at
            elif values[highest] - value >= prominence:
                found.append(highest)
                rising, lowest = False, at
        elif value < values[lowest]:
            lowest = at
        elif value - values[lowest] >= prominence:
            rising, highest = True, at
    return found
