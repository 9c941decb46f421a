"""Camera motion from the tracks themselves: what all people's boxes did at once that none of them was expected to."""

import numpy as np

from rtmcli.arrays import BoolArray, Float64Array, IndexArray
from rtmcli.tracking.assignment import assign
from rtmcli.tracking.motion import Tracks
from rtmcli.tracking.people import People

_FEWEST = 4  # people; fewer may move together without the camera
_CLEAR = 5.0  # standard errors of the median that a common shift must exceed
_LEAST = 0.015  # body heights below which a shift is not worth a correction

# A jump of the camera: the tolerance of the logarithm of heights, the longest step and its tolerance in body heights,
# and the share of the people who must agree.
_JUMP_SIZE = 0.2
_JUMP = 2.0
_JUMP_NEAR = 0.15
_MOST = 0.6


def common_shift(
    tracks: Tracks,
    people: People,
    expected: Float64Array,
    similar: Float64Array,
    close: BoolArray,
    pairs: tuple[IndexArray, IndexArray] | None,
) -> Float64Array | None:
    """The shift (2,) in pixels of all people between the expected boxes (4, T) and now; None where there is none.

    Args:
        similar: (T, P) of tracks and people; close: (T, P) whether that is enough for a pair.
        pairs: rows and columns of the close ones, if nobody has a choice and nobody was missed.
    """
    if min(similar.shape) < _FEWEST:
        return None
    if pairs is not None and tracks.all_settled:
        return camera_shift(expected[:2], people.boxes[:2].take(pairs[1], axis=1), tracks.boxes[3])
    seen = ~tracks.missed
    sure = close & (tracks.settled & seen)[:, None]
    rows, columns = np.array(assign(similar, sure), np.intp).reshape(-1, 2).T
    if 2 * len(rows) < min(int(seen.sum()), len(people.index)):
        return jump_shift(expected[:2, seen].T, tracks.boxes[3, seen], people.corners)
    return camera_shift(expected[:2, rows], people.boxes[:2, columns], tracks.boxes[3, rows])


def camera_shift(expected: Float64Array, found: Float64Array, heights: Float64Array) -> Float64Array | None:
    """The shift (2,) in pixels common to people expected at (2, N) and found at (2, N); None where there is none.

    The median holds against the few who turn or stop by themselves. `heights` (N,) of the boxes.
    """
    if len(heights) < _FEWEST:
        return None
    steps = found - expected
    if np.abs(steps).max() <= _LEAST * heights.min():  # then their median is below the least shift too
        return None
    shift = _median(steps)
    # 1.48 median absolute deviations are a standard deviation.
    error = 1.48 * _median(np.abs(steps - shift[:, None])) / np.sqrt(len(heights))
    clear = np.abs(shift) > _CLEAR * error + _LEAST * _median(heights)
    return shift if clear.any() else None


def _median(values: Float64Array) -> Float64Array:
    """The median over the last axis; np.median takes ten times as long for few values."""
    ordered, count = np.sort(values), values.shape[-1]
    return np.asarray((ordered[..., (count - 1) // 2] + ordered[..., count // 2]) / 2)


def jump_shift(expected: Float64Array, heights: Float64Array, boxes: Float64Array) -> Float64Array | None:
    """The shift (2,) by which most people jumped at once, farther than their boxes overlap; None where there is none.

    Every pair of a track and a person of about its height votes for its step, as in a Hough transform: wrong pairs
    scatter, the camera's step fits most people.

    Args:
        expected: (T, 2) centres of the tracks seen in the last frame; heights: (T,) of their boxes.
        boxes: (P, 4) of the people found.
    """
    if min(len(expected), len(boxes)) < _FEWEST:
        return None
    steps = ((boxes[:, :2] + boxes[:, 2:]) / 2)[None] - expected[:, None]  # (T, P, 2)
    ratio = (boxes[:, 3] - boxes[:, 1])[None] / np.maximum(heights, 1e-6)[:, None]
    length = np.hypot(steps[..., 0], steps[..., 1])
    possible = (np.abs(np.log(np.maximum(ratio, 1e-6))) < _JUMP_SIZE) & (length < _JUMP * heights[:, None])
    votes = steps[possible]  # (N, 2)
    if not len(votes):
        return None
    off = np.abs(steps[None] - votes[:, None, None]).max(axis=-1)  # (N, T, P)
    agree = (possible[None] & (off < _JUMP_NEAR * heights[None, :, None])).any(axis=-1)  # (N, T)
    still = int((possible & (length < _JUMP_NEAR * heights[:, None])).any(axis=1).sum())
    count = agree.sum(axis=1)
    best = int(count.argmax())
    if count[best] < max(_FEWEST, _MOST * min(len(expected), len(boxes)), 2 * still):
        return None
    nearest = off[best].argmin(axis=1)  # the person of each track who fits best
    found = steps[np.arange(len(expected)), nearest][agree[best]]
    return np.asarray(np.median(found, axis=0))
