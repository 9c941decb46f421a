"""The floor in the image: a line through the places where feet rest."""

from dataclasses import dataclass

import numpy as np

from rtmcli.arrays import Float64Array

# A foot rests below this speed (Sports2D: 1 m/s for walking people; heels and toes of a standing foot jitter).
_AT_REST = 0.5
# Metres along the floor that resting feet must span for its angle to be estimated, and how many there must be.
_SPAN, _FEWEST = 1.0, 10
# Points farther from the line than this many median distances do not count.
_OUTLIER = 3.0


@dataclass(frozen=True, slots=True)
class Floor:
    """A line: `degrees` it rises towards the right of the image, `level` is its y in pixels where x is 0."""

    degrees: float
    level: float


def resting(times: Float64Array, feet: Float64Array, metres_per_pixel: float) -> Float64Array:
    """The places (R, 2) in pixels of feet (T, F, 2) while they rest; NaN in `feet` is a foot that is not seen."""
    if len(times) < 2:
        return np.asarray(feet[~np.isnan(feet).any(axis=-1)])
    distance = np.linalg.norm(np.diff(feet, axis=0), axis=-1)  # (T - 1, F)
    speed = distance * metres_per_pixel / np.diff(times)[:, None]
    return np.asarray(feet[1:][speed < _AT_REST])


def fit_floor(places: Float64Array, metres_per_pixel: float, degrees: float | None) -> Floor | None:
    """The floor through resting feet (R, 2).

    Args:
        degrees: the angle, where it is known; None estimates it.

    Returns None where there is nothing to fit: no places, or for the angle places that are too close together.
    """
    if degrees is not None:
        slope = -np.tan(np.radians(degrees))
        return Floor(degrees, float(np.median(places[:, 1] - slope * places[:, 0]))) if len(places) else None
    low, high = np.percentile(places[:, 0], [5, 95]) if len(places) >= _FEWEST else (0.0, 0.0)
    if (high - low) * metres_per_pixel < _SPAN:
        return None
    kept = places
    for _ in range(3):
        slope, level = np.polyfit(kept[:, 0], kept[:, 1], 1)
        away = np.abs(kept[:, 1] - slope * kept[:, 0] - level)
        near = away <= max(_OUTLIER * float(np.median(away)), 1e-6)
        if near.all() or near.sum() < _FEWEST:
            break
        kept = kept[near]
    return Floor(float(-np.degrees(np.arctan(slope))), float(level))
