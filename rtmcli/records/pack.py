"""Numbers of a parsed line as float32 arrays.

The numbers of all instances of a frame are packed together where the instances are alike: that takes a third of the
time of an array for each.
"""

import struct
from functools import lru_cache
from typing import Any

import numpy as np

from rtmcli.arrays import Float32Array

# In absolute value; the parser refuses what is beyond it.
LARGEST_SCORE = 1e38


# Box (4,), score, keypoints (K, 3) and keypoints3d (K, 4) of an instance.
Numbers = tuple[Float32Array | None, float | None, Float32Array | None, Float32Array | None]


def pack(values: list[Any]) -> Float32Array:
    """(N,) float32. Raises TypeError, OverflowError or struct.error for anything but numbers within float32."""
    return np.frombuffer(bytearray(_floats(len(values)).pack(*values)), dtype="<f4")


def pack_alike(instances: list[Any]) -> list[Numbers] | None:
    """The numbers of parsed instances that all have a box, a score and the same number of keypoints.

    None where they have not, and where something is not what it should be: the parser then goes instance by instance
    and can say which one is wrong.
    """
    count = len(instances)
    try:
        scores = [one["score"] for one in instances]
        rows = [one["box"] for one in instances]
        points = _append(rows, [one.get("keypoints") for one in instances])
        points3d = _append(rows, [one.get("keypoints3d") for one in instances])
        if [*map(len, rows)] != _widths(count, points, points3d) or {*map(type, scores)} != {float}:
            return None
        if max(scores) >= LARGEST_SCORE or min(scores) <= -LARGEST_SCORE:
            return None
        numbers: list[Any] = []
        for row in rows:  # in two thirds of the time of itertools.chain
            numbers += row
        values = pack(numbers + scores)
    except (LookupError, TypeError, ValueError, AttributeError, OverflowError, struct.error):
        return None
    first, second = 4 * count, (4 + 3 * points) * count
    none = [None] * count
    return [
        *zip(
            values[:first].reshape(count, 4),
            values[-count:].tolist(),
            values[first:second].reshape(count, points, 3) if points else none,
            values[second:-count].reshape(count, points3d, 4) if points3d else none,
            strict=True,
        )
    ]


def _append(rows: list[Any], poses: list[Any]) -> int:
    """Append the rows of all poses; returns how many each has, 0 where no instance has a pose."""
    if poses[0] is None:
        if poses.count(None) == len(poses):
            return 0
        raise ValueError("only some instances have a pose")
    length = len(poses[0])
    for pose in poses:
        if len(pose) != length or not length:
            raise ValueError("poses of different lengths")
        rows += pose
    return length


@lru_cache(maxsize=256)
def _widths(count: int, points: int, points3d: int) -> list[int]:
    """The lengths of the rows of `count` instances: boxes, keypoints, keypoints in 3D."""
    return [4] * count + [3] * (points * count) + [4] * (points3d * count)


@lru_cache(maxsize=256)
def _floats(count: int) -> struct.Struct:
    return struct.Struct(f"<{count}f")
