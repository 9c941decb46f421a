"""Keypoints of one data set in the skeleton of another, so that sets can be mixed."""

from collections.abc import Sequence

import numpy as np

from rtmcli.arrays import FloatArray

Source = int | Sequence[int]


def convert_keypoints(
    keypoints: FloatArray, visible: FloatArray, pairs: Sequence[tuple[Source, int]], count: int
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Labels in the target skeleton.

    Args:
        keypoints: (G, K, 2); visible: (G, K).
        pairs: (source, target) indices; two sources stand for the middle between them, visible where both are.
        count: K' of the target skeleton.

    Returns:
        keypoints (G, K', 2), visible (G, K'), and weights (G, K'): 0 for a keypoint that the data set does not have.
    """
    people = len(keypoints)
    out = np.zeros((people, count, 2), keypoints.dtype)
    seen = np.zeros((people, count), visible.dtype)
    weights = np.zeros((people, count), np.float32)
    for source, target in pairs:
        members = [source] if isinstance(source, int) else list(source)
        out[:, target] = keypoints[:, members].mean(axis=1)
        seen[:, target] = visible[:, members].min(axis=1)
        weights[:, target] = 1
    return out, seen, weights
