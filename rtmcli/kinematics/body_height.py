"""The height of a body in the image, from the lengths of its segments, so that a bent knee does not change it."""

import numpy as np

from rtmcli.arrays import Float64Array

# Parts of the body's height (Winter, Biomechanics and Motor Control of Human Movement, 2009, figure 4.1): shoulder and
# ankle above the floor. They stand for a heel or a top of the head that a skeleton has not.
_SHOULDER, ANKLE = 0.818, 0.039
_TOPS = ("head_top", "top_head", "head")
# Pose2Sim's `compute_height`: the keypoint on top of the head is a little below it.
_ABOVE_HEAD = 1.008


def body_heights(points: Float64Array, names: tuple[str, ...]) -> Float64Array:
    """The heights (N,) of N people (N, K, 2), in their unit; NaN where a needed keypoint is missing.

    The sum of heel to ankle, ankle to knee, knee to hip, hip to shoulder and middle of the shoulders to the top of the
    head, each the mean of the sides that are seen (as `compute_height` in Pose2Sim/common.py).

    Args:
        names: of the K keypoints.
    """
    at = {name: points[:, index] for index, name in enumerate(names)}
    if not {f"{side}_{name}" for side in _SIDES for name in ("shoulder", "hip", "knee", "ankle")} <= set(at):
        return np.full(len(points), np.nan)
    legs = _length(at, "ankle", "knee") + _length(at, "knee", "hip")
    height = legs + _length(at, "hip", "shoulder")
    known = 1.0
    top = next((name for name in _TOPS if name in at), None)
    if top is None:
        known -= 1 - _SHOULDER
    else:
        height += _ABOVE_HEAD * _norm(at[top] - (at["left_shoulder"] + at["right_shoulder"]) / 2)
    if "left_heel" in at:
        height += _length(at, "heel", "ankle")
    else:
        known -= ANKLE
    return height / known


def typical_height(heights: Float64Array) -> float:
    """The mean of the middle half of the heights (T,) of one person; NaN where there is none."""
    ordered = np.sort(heights[~np.isnan(heights)])
    if not len(ordered):
        return float("nan")
    cut = len(ordered) // 4
    return float(ordered[cut : len(ordered) - cut].mean())


_SIDES = ("left", "right")


def _length(at: dict[str, Float64Array], start: str, end: str) -> Float64Array:
    """The mean length (N,) of a segment of the left and the right side; of the one that is seen."""
    left, right = (_norm(at[f"{side}_{end}"] - at[f"{side}_{start}"]) for side in _SIDES)
    both = (left + right) / 2
    return np.where(np.isnan(both), np.where(np.isnan(left), right, left), both)


def _norm(vectors: Float64Array) -> Float64Array:
    return np.asarray(np.hypot(vectors[:, 0], vectors[:, 1]))
