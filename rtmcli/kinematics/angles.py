"""Joint and segment angles from keypoints, in the plane of the image and in space.

Zeros and signs are those of Sports2D and Pose2Sim (Pagnon et al., JOSS 2022 and 2024; `angle_dict` and
`points_to_angles` in Pose2Sim/common.py). docs/angles.md lists them.
"""

from typing import Literal

import numpy as np

from rtmcli.arrays import Float64Array, IndexArray
from rtmcli.kinematics.definitions import Definitions

Side = Literal["right", "left", "front", "back"]


def visible_sides(points: Float64Array, table: Definitions) -> list[Literal["right", "left"] | None]:
    """The side of each of N people (N, K, 2) that faces the camera; NaN where a keypoint is missing.

    The right side does where the person faces the right of the image: where the toes are to the right of the heels, or
    the nose of the ears. None where neither feet nor face are seen.
    """
    sides: list[Literal["right", "left"] | None] = [None] * len(points)
    for group in table.facing:
        forward = _vectors(points[..., :1], group)[..., 0]  # (N, V) x alone
        missing = np.isnan(forward)
        sums = np.where(missing, 0, forward).sum(axis=-1).tolist()
        nowhere = np.asarray(missing.all(axis=-1)).tolist()
        for person, (total, unseen) in enumerate(zip(sums, nowhere, strict=True)):
            if sides[person] is None and not unseen:
                sides[person] = "right" if total >= 0 else "left"
        if None not in sides:
            break
    return sides


def angles_2d(
    points: Float64Array, table: Definitions, sides: list[Side], floor: float = 0.0
) -> Float64Array:
    """The angles (N, A) in degrees of N people (N, K, 2) in pixels, y down; NaN where a keypoint is missing.

    Args:
        sides: the side of each person that faces the camera.
        floor: degrees that the horizontal of segment angles rises towards the right of the image.
    """
    mirror = _mirror(table, sides)
    start, end = _starts_and_ends(points, table)  # (N, A, 2)
    start_x = np.where(table.horizontal, mirror, start[..., 0])  # (N, A)
    start_y = np.where(table.horizontal, 0, start[..., 1])
    cross = start_x * end[..., 1] - start_y * end[..., 0]
    dot = start_x * end[..., 0] + start_y * end[..., 1]
    # y points down, so a positive cross product is clockwise.
    turn = mirror * np.degrees(np.arctan2(-cross, dot))
    if floor:
        turn -= np.where(table.horizontal, mirror * floor, 0)
    turn[(cross == 0) & (dot == 0)] = np.nan  # a vector of length 0
    return wrap(table.sign * (turn - table.zero), table.period)


def _mirror(table: Definitions, sides: list[Side]) -> Float64Array:
    """-1 for an angle that is seen from the other side than it is defined for, else 1: (N, A), or (N, 1) for all."""
    whole = np.array([[-1.0 if side == "left" else 1.0] for side in sides])
    if "front" not in sides and "back" not in sides:
        return whole
    # Forward is then away from the body: one side of it is mirrored.
    away = np.array([[{"front": 1, "back": -1}.get(side, 0)] for side in sides])
    return np.where((away != 0) & (table.side == away), -1.0, whole)


def angles_3d(points: Float64Array, table: Definitions) -> Float64Array:
    """The joint angles (N, A) in degrees of N people (N, K, 3): x right, y down, z away from the camera.

    Size is the angle between the two vectors in space. A hinge bends to the side of flexion; the sign of the others
    comes from the axis through the hips. NaN for segments, and where a keypoint is missing.
    """
    start, end = _starts_and_ends(points, table)  # (N, A, 3)
    cross = np.cross(start, end)  # (N, A, 3)
    size, dot = np.linalg.norm(cross, axis=-1), (start * end).sum(axis=-1)
    angle = np.degrees(np.arctan2(size, dot))
    angle[(size == 0) & (dot == 0)] = np.nan
    angle[:, table.horizontal] = np.nan
    # Seen from the right the axis points away, where a cross product in its direction is clockwise.
    about = (cross * _vectors(points, table.lateral[None])).sum(axis=-1)  # (N, A)
    signed = np.where(np.isnan(about), np.nan, np.where(about > 0, -1.0, 1.0))
    bends = np.where(table.zero == 0, table.sign, np.sign(table.zero))
    turn = np.where(table.hinge, bends, signed) * angle
    return wrap(table.sign * (turn - table.zero), table.period)


def wrap(degrees: Float64Array, period: Float64Array) -> Float64Array:
    """Degrees in [-period / 2, period / 2)."""
    return np.asarray((degrees + period / 2) % period - period / 2)


def _starts_and_ends(points: Float64Array, table: Definitions) -> tuple[Float64Array, Float64Array]:
    vectors, count = _vectors(points, table.vectors), len(table.names)
    return vectors[:, :count], vectors[:, count:]


def _vectors(points: Float64Array, pairs: IndexArray) -> Float64Array:
    """The vectors (N, V, D) of pairs (V, 2, 2) of points that are the mean of two keypoints of N people (N, K, D)."""
    keypoints = points.take(pairs, axis=1)  # (N, V, 2, 2, D)
    ends = keypoints[:, :, :, 0] + keypoints[:, :, :, 1]
    return np.asarray((ends[:, :, 1] - ends[:, :, 0]) / 2)
