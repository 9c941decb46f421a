"""Suppression of poses that show the same person twice: OKS-NMS, and the poses of boxes around a part of a person."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from rtmcli.arrays import BoolArray, FloatArray
from rtmcli.errors import DataError, UsageError
from rtmcli.geometry.boxes import areas, greedy, intersections, keypoints_box
from rtmcli.geometry.oks import oks_matrix, ranking_scores
from rtmcli.records.frame import Frame, Instance
from rtmcli.skeletons import Skeleton, load_skeleton

# Of a pose in a box around a part of a person: the share of its box that lies inside the whole person's, the score
# above which keypoints are compared, and how many there must be.
INSIDE, CONFIDENT, SHARED = 0.8, 0.3, 4


def pose_nms(frame: Frame, *, oks_threshold: float = 0.9, skeleton: str | None = None) -> Frame:
    """The frame without poses whose OKS with a better one is above `oks_threshold`; order and ids stay.

    A pose is ranked by box score times the mean of its keypoint scores above 0.2. Instances without a pose stay.
    Raises DataError where neither the record nor `skeleton` names one that fits.

    Example:
        from rtmcli import pose_nms, read_frames, write_frames

        frames = (pose_nms(frame, oks_threshold=0.7) for frame in read_frames("walk.jsonl"))
        write_frames(frames, "fewer.jsonl")
    """
    return _without(frame, skeleton, lambda poses: _similar(poses) > oks_threshold)


def one_pose_per_person(frame: Frame, *, threshold: float = 0.7, skeleton: str | None = None) -> Frame:
    """The frame without poses that a better one explains; order and ids stay.

    A pose is explained by a better one (ranked as by `pose_nms`) if their OKS is above `threshold`; or if its box lies
    inside the other's, as a detector's box around a part of a person does, and the OKS of the keypoints that both have
    with a score above 0.3 is above `threshold`. A part's pose has at least four such keypoints, and half of its own.

    Args:
        threshold: OKS in [0, 1]. Two people never are as near as 0.7 in the labels of COCO but for a few in crowds.

    Raises DataError where neither the record nor `skeleton` names one that fits.

    Example:
        from rtmcli import one_pose_per_person, read_frames, write_frames

        frames = (one_pose_per_person(frame) for frame in read_frames("walk.jsonl"))
        write_frames(frames, "fewer.jsonl")
    """
    return _without(frame, skeleton, lambda poses: (_similar(poses) > threshold) | _part_of(poses, threshold))


@dataclass(frozen=True, slots=True)
class _Poses:
    """The poses of a frame, best first: points (N, K, 3), boxes (N, 4) and the skeleton's sigmas (K,)."""

    points: FloatArray
    boxes: FloatArray
    sigmas: FloatArray


def _similar(poses: _Poses) -> FloatArray:
    """(N, N): the OKS of all pairs."""
    size = areas(poses.boxes)
    return oks_matrix(poses.points, poses.points, size, size, poses.sigmas)


def _part_of(poses: _Poses, threshold: float) -> BoolArray:
    """(N, N): whether the pose of the column is that of a part of the row's person."""
    size = areas(poses.boxes)
    inner = intersections(poses.boxes, poses.boxes) / np.maximum(
        size[None], 1e-9
    )  # share of the column's box
    confident = poses.points[..., 2] > CONFIDENT  # (N, K)
    shared = (confident[:, None] & confident[None]).sum(-1)
    enough = (shared >= SHARED) & (2 * shared >= confident.sum(-1)[None])
    # the tolerance is that of the whole person, the row's
    similar = np.stack(
        [
            oks_matrix(
                poses.points[i : i + 1], poses.points, size[i : i + 1], np.full(len(size), size[i]),
                poses.sigmas, min_score=CONFIDENT,
            )[0]
            for i in range(len(size))
        ]
    )  # fmt: skip
    found: BoolArray = (inner > INSIDE) & enough & (similar > threshold)
    return found


def _without(frame: Frame, skeleton: str | None, explains: Callable[[_Poses], BoolArray]) -> Frame:
    """The frame without the poses that `explains` (N, N) says a better kept one explains."""
    posed = [(at, i.keypoints) for at, i in enumerate(frame.instances) if i.keypoints is not None]
    if len(posed) < 2:
        return frame
    sigmas = _skeleton(frame, skeleton).sigmas
    for _, pose in posed:
        if len(pose) != len(sigmas):
            raise DataError(
                f"{frame.source}, frame {frame.frame}: a pose has {len(pose)} keypoints, its skeleton "
                f"{len(sigmas)}; name the right one with --skeleton"
            )
    points = np.concatenate([pose for _, pose in posed]).reshape(len(posed), len(sigmas), 3)
    people = [frame.instances[at] for at, _ in posed]
    scores = np.array([1.0 if i.score is None else i.score for i in people])
    order = np.argsort(-ranking_scores(scores, points[..., 2], mode="box-keypoint"), kind="stable")
    poses = _Poses(points[order], _boxes(people, points)[order], sigmas)
    kept = order[greedy(explains(poses))]
    gone = {at for at, _ in posed} - {posed[k][0] for k in kept}
    return frame.changed(instances=[i for at, i in enumerate(frame.instances) if at not in gone])


def _skeleton(frame: Frame, named: str | None) -> Skeleton:
    if named is None and frame.skeleton is None:
        raise DataError(
            f"{frame.source}, frame {frame.frame}: no skeleton is named; say which with --skeleton"
        )
    try:
        return load_skeleton(named or frame.skeleton or "")
    except UsageError as error:
        if named is not None:
            raise
        raise DataError(f"{frame.source}, frame {frame.frame}: {error}") from None


def _boxes(people: list[Instance], poses: FloatArray) -> FloatArray:
    """(N, 4): the boxes, or the points' extent where there is no box."""
    boxes = np.full((len(people), 4), np.nan, poses.dtype)
    for row, person in enumerate(people):
        boxes[row] = keypoints_box(poses[row : row + 1], grow=1.0) if person.box is None else person.box
    return boxes
