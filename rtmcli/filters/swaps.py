"""Left and right exchanged for some frames: found by continuity, over the whole track at once.

A pose network that sees a person from the side takes one leg for the other now and then. Legs that cross by themselves
pass each other smoothly; legs that are exchanged jump, and jump back. Each frame is either right or exchanged; the
sequence with the least acceleration wins (Viterbi), and an exchange must save more than it costs.
"""

from collections.abc import Sequence
from itertools import product

import numpy as np

from rtmcli.arrays import BoolArray, Float64Array
from rtmcli.skeletons import Skeleton

# Words in the names of keypoints whose sides are exchanged together.
_LIMBS = (("knee", "ankle", "heel", "toe"), ("hip",), ("elbow", "wrist"), ("shoulder",))
_CHANGE = 0.045  # body sizes: what a change between right and exchanged must save
_FRAME = 0.004  # and an exchanged frame
_FAR = 0.25  # body sizes beyond which a residual does not count more: one outlier is no exchange


def limb_pairs(skeleton: Skeleton) -> list[list[tuple[int, int]]]:
    """The keypoint pairs (left, right) of each limb that can be exchanged."""
    limbs = []
    for words in _LIMBS:
        pairs = [
            (k, int(other))
            for k, other in enumerate(skeleton.flip)
            if k < other and any(word in skeleton.keypoints[k] for word in words)
        ]
        if pairs:
            limbs.append(pairs)
    return limbs


def find_swaps(
    points: Float64Array, times: Float64Array, pairs: Sequence[tuple[int, int]], size: float
) -> BoolArray:
    """In which frames the sides of a limb are exchanged, (N,).

    Args:
        points: (N, K, 2) pixels; NaN where there is none.
        times: (N,) seconds.
        pairs: (left, right) indices of the limb's keypoints.
        size: of the person in pixels.
    """
    count = len(points)
    if count < 4:
        return np.zeros(count, np.bool_)
    flat = [index for pair in pairs for index in pair]
    other = [index for left, right in pairs for index in (right, left)]
    states = np.stack([points[:, flat], points[:, other]])  # (2, N, P, 2)
    gap = np.diff(times)
    ratio = (gap[1:] / np.maximum(gap[:-1], 1e-9))[:, None, None]
    # What is carried over a gap says less, the longer it is.
    trust = 1 / np.maximum(ratio[:, 0, 0], 1)
    cost = np.empty((2, 2, 2, count - 2))
    for a, b, c in product((0, 1), repeat=3):
        before, middle, after = states[a, :-2], states[b, 1:-1], states[c, 2:]
        residual = np.linalg.norm(after - middle - ratio * (middle - before), axis=-1) / size  # (N - 2, P)
        cost[a, b, c] = trust * np.nan_to_num(np.minimum(residual, _FAR)).mean(axis=1)
    return _cheapest(cost)


def _cheapest(cost: Float64Array) -> BoolArray:
    """The states (N,) of the least total cost (2, 2, 2, N - 2), by dynamic programming over pairs of frames."""
    steps = cost.reshape(8, -1).T.tolist()
    # Total of the best way to (state of the last frame but one, state of the last frame).
    total = [0.0, _CHANGE + _FRAME, _CHANGE + _FRAME, 2 * _FRAME]
    origins: list[tuple[int, int, int, int]] = []
    for step in steps:
        new, origin = [0.0] * 4, [0] * 4
        for b, c in ((0, 0), (0, 1), (1, 0), (1, 1)):
            zero = total[b] + step[2 * b + c]  # from state 0 two frames ago
            one = total[2 + b] + step[4 + 2 * b + c]
            best = 0 if zero <= one else 1
            new[2 * b + c] = (one if best else zero) + _FRAME * c + (_CHANGE if b != c else 0.0)
            origin[2 * b + c] = best
        total = new
        origins.append((origin[0], origin[1], origin[2], origin[3]))
    at = min(range(4), key=total.__getitem__)
    states = [at % 2, at // 2]  # from the last frame back
    for choices in reversed(origins):
        states.append(choices[2 * states[-1] + states[-2]])
    return np.array(states[::-1], np.bool_)
