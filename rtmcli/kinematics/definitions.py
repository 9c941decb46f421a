"""The angles of a skeleton as index arrays, so that all angles of all people of a frame are computed at once."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from rtmcli.arrays import BoolArray, Float64Array, IndexArray
from rtmcli.errors import DataError
from rtmcli.skeletons import Skeleton, load_skeleton, skeleton_names
from rtmcli.skeletons.angles import Vector


@dataclass(frozen=True, slots=True, eq=False)
class Definitions:
    """The A angles of a skeleton of K keypoints. A point is the mean of two keypoints, which may be the same.

    Attributes:
        names: of the angles.
        vectors: (2 A, 2, 2) keypoints of the vectors that angles start at, then of those they end at: vector, first
            and last point, the two keypoints.
        horizontal: (A,) whether the angle starts at the horizontal and not at its vector.
        zero, sign, period: (A,) as in `Angle`.
        hinge: (A,) bool, as in `Angle`.
        side: (A,) 1 for the right side of the body, -1 for the left, 0 for both.
        facing: groups of (V, 2, 2) keypoints of vectors that point to where the person faces.
        lateral: (2, 2) keypoints of the vector from right to left across the hips.
    """

    names: tuple[str, ...]
    vectors: IndexArray
    horizontal: BoolArray
    zero: Float64Array
    sign: Float64Array
    period: Float64Array
    hinge: BoolArray
    side: IndexArray
    facing: tuple[IndexArray, ...]
    lateral: IndexArray


@lru_cache(maxsize=64)
def definitions(skeleton: str) -> Definitions:
    """The angles of the skeleton of this name.

    Raises UsageError where there is no such skeleton, DataError where no angles are defined for it.
    """
    found = load_skeleton(skeleton)
    if not found.angles:
        raise DataError(
            f"no angles are defined for the skeleton {found.name}; they are for {', '.join(_with_angles())}: "
            "map the records to one of these with 'rtm convert --skeleton NAME'"
        )
    return _compile(found)


def _with_angles() -> list[str]:
    return [name for name in skeleton_names() if load_skeleton(name).angles]


def _compile(skeleton: Skeleton) -> Definitions:
    names = tuple(skeleton.angles)
    angles = tuple(skeleton.angles.values())
    if "pelvis" not in skeleton.angles:
        raise DataError(
            f"the skeleton {skeleton.name} has angles but none called 'pelvis', from hip to hip: add it"
        )
    return Definitions(
        names=names,
        vectors=np.array(
            [_keypoints(angle.start or angle.end) for angle in angles]
            + [_keypoints(angle.end) for angle in angles]
        ),
        horizontal=np.array([angle.start is None for angle in angles]),
        zero=np.array([angle.zero for angle in angles]),
        sign=np.array([float(angle.sign) for angle in angles]),
        period=np.array([angle.period for angle in angles]),
        hinge=np.array([angle.hinge for angle in angles]),
        side=np.array([name.startswith("right_") - name.startswith("left_") for name in names]),
        facing=tuple(np.array([_keypoints(vector) for vector in group]) for group in skeleton.facing),
        lateral=np.array(_keypoints(skeleton.angles["pelvis"].end)),
    )


def _keypoints(vector: Vector) -> list[tuple[int, int]]:
    """The two keypoints of both points of a vector, (2, 2)."""
    return [(point[0], point[-1]) for point in vector]
