"""Object keypoint similarity between poses, and what is built on it. Only numpy.

Sigmas are COCO's: a point's tolerance is 2 sigma sqrt(area). Source: mmpose's pose NMS and the COCO keypoint
evaluation; the defaults are theirs.
"""

from typing import Literal

import numpy as np

from rtmcli.arrays import Float64Array, FloatArray, IndexArray
from rtmcli.geometry.boxes import greedy


def oks_matrix(
    a: FloatArray,
    b: FloatArray,
    areas_a: FloatArray,
    areas_b: FloatArray,
    sigmas: FloatArray,
    *,
    min_score: float | None = None,
) -> Float64Array:
    """OKS of all pairs of poses: the mean over keypoints of exp(-d^2 / (2 (2 sigma)^2 area)).

    Args:
        a: (N, K, 2 or 3) x, y[, score]; b: (M, K, 2 or 3). A keypoint that is NaN in either pose is left out.
        areas_a, areas_b: (N,), (M,) in square pixels; a pair takes the mean of its two.
        sigmas: (K,).
        min_score: count only points scored strictly above it in both poses.

    Returns:
        (N, M) in [0, 1]; 0 where a pair shares no point.
    """
    across, down = (a[:, None, :, axis].astype(np.float64) - b[:, :, axis] for axis in (0, 1))  # (N, M, K)
    squared = across**2 + down**2
    area = (areas_a[:, None] + areas_b) / 2 + np.spacing(1)  # (N, M)
    similarity = np.exp(-squared / (2 * (2 * np.asarray(sigmas, np.float64)) ** 2) / area[..., None])
    counted = ~np.isnan(squared)
    if min_score is None and counted.all():
        return np.asarray(similarity.sum(axis=-1) / max(len(sigmas), 1))
    if min_score is not None:
        counted &= (a[:, None, :, 2] > min_score) & (b[:, :, 2] > min_score)
    result: Float64Array = np.where(counted, similarity, 0).sum(axis=-1) / np.maximum(counted.sum(axis=-1), 1)
    return result


def oks_nms(
    keypoints: FloatArray,
    scores: FloatArray,
    areas: FloatArray,
    sigmas: FloatArray,
    threshold: float,
    *,
    min_score: float | None = None,
) -> IndexArray:
    """Greedy suppression of poses: indices of the kept ones, best score first.

    A pose is dropped when its OKS with a kept one is strictly above `threshold`; equal scores keep their order.
    `keypoints` (N, K, 2 or 3), `scores` and `areas` (N,).
    """
    if len(keypoints) == 0:
        return np.zeros(0, np.intp)
    order = np.argsort(-scores, kind="stable")
    poses, size = keypoints[order], areas[order]
    return order[greedy(oks_matrix(poses, poses, size, size, sigmas, min_score=min_score) > threshold)]


def ranking_scores(
    box_scores: FloatArray,
    keypoint_scores: FloatArray,
    *,
    mode: Literal["box", "box-keypoint"],
    min_score: float = 0.2,
) -> FloatArray:
    """The score by which poses are ranked in an evaluation, (N,).

    Args:
        box_scores: (N,); keypoint_scores: (N, K); NaN is a point that does not exist.
        mode: `box`, or `box-keypoint`: box score times the mean of the keypoint scores above `min_score`, 0 where
            there is none (mmpose's `bbox_keypoint`).
    """
    if mode == "box":
        return box_scores
    above = keypoint_scores > min_score
    mean = np.where(above, keypoint_scores, 0).sum(axis=1) / np.maximum(above.sum(axis=1), 1)
    result: FloatArray = box_scores * mean
    return result
