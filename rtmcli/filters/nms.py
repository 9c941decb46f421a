"""Suppression of poses that show the same person twice (OKS-NMS)."""

from dataclasses import replace

import numpy as np

from rtmcli.errors import DataError, UsageError
from rtmcli.geometry.boxes import areas, keypoints_box
from rtmcli.geometry.oks import oks_nms, ranking_scores
from rtmcli.records.frame import Frame, Instance
from rtmcli.skeletons import Skeleton, load_skeleton


def pose_nms(frame: Frame, *, oks_threshold: float = 0.9, skeleton: str | None = None) -> Frame:
    """The frame without poses whose OKS with a better one is above `oks_threshold`; order and ids stay.

    A pose is ranked by box score times the mean of its keypoint scores above 0.2. Instances without a pose stay.
    Raises DataError where neither the record nor `skeleton` names one that fits.

    Example:
        from rtmcli import pose_nms, read_frames, write_frames

        frames = (pose_nms(frame, oks_threshold=0.7) for frame in read_frames("walk.jsonl"))
        write_frames(frames, "fewer.jsonl")
    """
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
    poses = np.stack([pose for _, pose in posed])  # (N, K, 3)
    people = [frame.instances[at] for at, _ in posed]
    boxes = np.array([1.0 if i.score is None else i.score for i in people])
    rank = ranking_scores(boxes, poses[..., 2], mode="box-keypoint")
    kept = oks_nms(poses, rank, _areas(people, poses), sigmas, oks_threshold)
    gone = {at for at, _ in posed} - {posed[k][0] for k in kept}
    return replace(frame, instances=[i for at, i in enumerate(frame.instances) if at not in gone])


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


def _areas(people: list[Instance], poses: np.ndarray) -> np.ndarray:
    """(N,) square pixels of the boxes, of the points' extent where there is no box."""
    boxes = keypoints_box(poses, grow=1.0)  # (N, 4)
    for row, person in enumerate(people):
        if person.box is not None:
            boxes[row] = person.box
    return areas(boxes)
