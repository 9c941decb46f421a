"""The people of a frame as arrays, for the tracker."""

from dataclasses import dataclass

import numpy as np

from rtmcli.arrays import Float32Array, Float64Array, IndexArray
from rtmcli.geometry.boxes import keypoints_box
from rtmcli.records.frame import Frame, Instance
from rtmcli.tracking.appearance import frame_appearances
from rtmcli.tracking.motion import Tracks


@dataclass(slots=True)
class People:
    """The instances of a frame that can be tracked: they have a box.

    Attributes:
        index: (P,) their places in the frame's list.
        boxes: (P, 4). scores: (P,); 1 where there is none.
        poses: (P, K, 3) as in `Tracks`.
        appearances: (P, A), NaN where unknown; None where nobody has one.
    """

    index: IndexArray
    boxes: Float64Array
    scores: Float64Array
    poses: Float64Array
    appearances: Float64Array | None


def people_of(frame: Frame, tracks: Tracks) -> People:
    """The instances of a frame that have a box, or keypoints to make one of."""
    index, boxes, scores = [], [], []
    for at, instance in enumerate(frame.instances):
        box = _box_of(instance)
        if box is not None:
            index.append(at)
            boxes.append(box)
            scores.append(1.0 if instance.score is None else instance.score)
    corners = np.array(boxes, np.float64).reshape(-1, 4)
    poses = [frame.instances[at].keypoints for at in index]
    count = tracks.poses.shape[1]
    if not count:
        count = next((len(pose) for pose in poses if pose is not None), 0)
        if count:
            tracks.use_keypoints(count)
    if count and all(pose is not None and len(pose) == count for pose in poses):
        stacked = np.array(poses, np.float64).reshape(-1, count, 3)
    else:
        stacked = np.full((len(index), count, 3), np.nan)
        for row, pose in enumerate(poses):
            if count and pose is not None and len(pose) == count:
                stacked[row] = pose
    stacked[..., :2] -= ((corners[:, :2] + corners[:, 2:]) / 2)[:, None]
    return People(
        np.array(index, np.intp),
        corners,
        np.array(scores, np.float64),
        stacked,
        frame_appearances(frame, index),
    )


def _box_of(instance: Instance) -> Float32Array | None:
    box = instance.box
    if box is None and instance.keypoints is not None and len(instance.keypoints):
        box = keypoints_box(instance.keypoints[None], grow=1.0)[0]
    return box if box is not None and np.isfinite(box).all() else None
