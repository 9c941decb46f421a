"""The people of a frame as arrays, for the tracker."""

import math
from dataclasses import dataclass

import numpy as np

from rtmcli.arrays import Float32Array, Float64Array, IndexArray
from rtmcli.geometry.boxes import keypoints_box
from rtmcli.records.frame import Frame, Instance
from rtmcli.tracking.appearance import frame_appearances
from rtmcli.tracking.motion import Tracks

# (4, 4): from x1, y1, x2, y2 to x and y of the middle, width and height.
_FROM_CORNERS = np.array([[0.5, 0, 0.5, 0], [0, 0.5, 0, 0.5], [-1, 0, 1, 0], [0, -1, 0, 1]])
_LEAST_WEIGHT = 0.01  # of a keypoint


@dataclass(slots=True)
class People:
    """The instances of a frame that can be tracked: they have a box.

    Attributes:
        instances: the P of them. index: (P,) their places in the frame's list.
        corners: (P, 4) x1, y1, x2, y2 of the boxes.
        boxes: (4, P), as in `Tracks`: x and y of the middle, width and height.
        poses: (3, P, K) as in `Tracks`.
        appearances: (P, A), NaN where unknown; None where there are none.
    """

    instances: list[Instance]
    index: IndexArray
    corners: Float64Array
    boxes: Float64Array
    poses: Float64Array
    appearances: Float64Array | None

    @property
    def scores(self) -> Float64Array:
        """(P,); 1 where there is none. Made when asked for: most frames do not need them."""
        return np.array([1.0 if one.score is None else one.score for one in self.instances], np.float64)


def people_of(frame: Frame, tracks: Tracks) -> People:
    """The instances of a frame that have a box, or keypoints to make one of."""
    boxes = [_box_of(one) if one.box is None else one.box for one in frame.instances]
    index = [at for at, box in enumerate(boxes) if box is not None]
    corners = _stack([box for box in boxes if box is not None]).reshape(-1, 4)
    if not math.isfinite(np.vdot(corners, corners)):
        whole = np.asarray(np.isfinite(corners).all(axis=1))
        corners, index = corners[whole], [at for at, ok in zip(index, whole.tolist(), strict=True) if ok]
    people = [frame.instances[at] for at in index]
    return People(
        people,
        np.array(index, np.intp),
        corners,
        _FROM_CORNERS.dot(corners.T),
        _poses_of(people, tracks),
        frame_appearances(frame, index),
    )


def with_id(one: Instance, number: int | None) -> Instance:
    """What `changed` does, in half of the time."""
    return Instance(
        one.box, one.score, one.keypoints, one.keypoints3d, number, one.label, one.extra, one.order
    )


def _poses_of(people: list[Instance], tracks: Tracks) -> Float64Array:
    """(3, P, K) x, y, weight of the keypoints; NaN for who has no pose, or one of another number of keypoints."""
    poses = [one.keypoints for one in people]
    count = tracks.poses.shape[2]
    if not count:
        count = next((len(pose) for pose in poses if pose is not None), 0)
        if count:
            tracks.use_keypoints(count)
    whole = [pose for pose in poses if pose is not None and len(pose) == count]
    if count and len(whole) == len(poses):
        stacked = _stack(whole).reshape(-1, count, 3)
    else:
        stacked = np.full((len(people), count, 3), np.nan)
        for row, pose in zip(stacked, poses, strict=True):
            if count and pose is not None and len(pose) == count:
                row[:] = pose
    planes = np.ascontiguousarray(stacked.transpose(2, 0, 1))
    weights = planes[2]
    weights.clip(_LEAST_WEIGHT, 1, out=weights)
    return planes


def _stack(arrays: list[Float32Array]) -> Float64Array:
    """The arrays one after the other; for a few small ones this takes a third of the time of `np.array`."""
    return np.concatenate(arrays, dtype=np.float64) if arrays else np.zeros(0)


def _box_of(instance: Instance) -> Float32Array | None:
    """The box, or the extent of the keypoints; NaN where there is none of those either."""
    if instance.box is None and instance.keypoints is not None and len(instance.keypoints):
        return np.asarray(keypoints_box(instance.keypoints[None], grow=1.0)[0])
    return instance.box
