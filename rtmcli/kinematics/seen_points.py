"""The coordinates of keypoints that count: scored high enough, or filled in by a filter."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from rtmcli.arrays import BoolArray, Float32Array, Float64Array
from rtmcli.records.frame import Frame
from rtmcli.skeletons.of_frame import skeleton_of


def seen_points(frame: Frame, rows: Mapping[int, Float32Array], min_score: float) -> Float64Array:
    """The coordinates (N, K, D) of rows (K, D + 1) with scores; NaN where a keypoint is missing.

    Args:
        rows: by the place of the instance in the frame.
        min_score: a keypoint with a lower score is missing, unless it is listed under `filled`.

    Raises:
        DataError: as `skeleton_of` does.
    """
    expected = len(skeleton_of(frame))
    for row in rows.values():
        if len(row) != expected:
            skeleton_of(frame, row)
    stacked = np.concatenate([*rows.values()], dtype=np.float64)  # a third of np.stack's time for few people
    stacked = stacked.reshape(len(rows), expected, -1)  # (N, K, D + 1)
    points, missing = stacked[..., :-1], stacked[..., -1] < min_score
    for mask, n in zip(missing, rows, strict=True):
        if "filled" in frame.instances[n].extra:
            mask &= ~_filled(frame.instances[n].extra["filled"], expected)
    points[missing] = np.nan
    return points


def _filled(indices: Any, count: int) -> BoolArray:
    """(K,) whether the keypoint is among the indices of the key `filled`."""
    mask = np.zeros(count, dtype=bool)
    for index in indices if isinstance(indices, list) else ():
        if isinstance(index, int) and 0 <= index < count:
            mask[index] = True
    return mask
