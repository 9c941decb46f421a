"""How much a person found now is like a person who was expected: (T, P) matrices in [0, 1]."""

import numpy as np

from rtmcli.arrays import Float64Array, FloatArray
from rtmcli.geometry.boxes import iou_matrix


def box_similarity(
    expected: Float64Array, boxes: Float64Array
) -> tuple[Float64Array, Float64Array, Float64Array]:
    """IoU times the square of the heights' ratio, IoU alone, and that ratio.

    Heights change slowly, widths with every step (height-modulated IoU: Yang et al., "Hybrid-SORT", AAAI 2024).
    `expected` (T, 4), `boxes` (P, 4).
    """
    old, new = (expected[:, 3] - expected[:, 1])[:, None], boxes[:, 3] - boxes[:, 1]
    ratio = np.minimum(old, new) / np.maximum(np.maximum(old, new), 1e-6)  # (T, P)
    overlap = np.asarray(iou_matrix(expected, boxes), np.float64)
    return overlap * ratio**2, overlap, ratio


def pose_similarity(
    tracks: FloatArray, poses: FloatArray, offset: Float64Array, areas: Float64Array, sigmas: FloatArray
) -> Float64Array:
    """OKS in which a keypoint counts by the smaller of its two scores; NaN for a pair that shares no keypoint.

    Args:
        tracks: (T, K, 3) x, y, score; poses: (P, K, 3). NaN is a keypoint that does not exist.
        offset: (T, P, 1, 2) from the origin of a pose to that of a track.
        areas: (T,) of the tracks' boxes, in square pixels.
        sigmas: (K,).
    """
    across, down = (
        tracks[:, None, :, axis] - poses[:, :, axis] + offset[..., axis]
        for axis in (0, 1)  # each (T, P, K)
    )
    spread = 8 * np.asarray(sigmas) ** 2 * np.maximum(areas, 1e-6)[:, None]  # (T, K): 2 (2 sigma)^2 area
    similar = np.exp(-(across**2 + down**2) / spread[:, None])
    weight = np.minimum(np.maximum(np.minimum(tracks[:, None, :, 2], poses[:, :, 2]), 0.01), 1)
    unknown = np.isnan(similar)
    if not unknown.any():
        return np.asarray((similar * weight).sum(axis=-1) / weight.sum(axis=-1))
    similar, weight = np.where(unknown, 0, similar), np.where(unknown, 0, weight)
    total = weight.sum(axis=-1)
    result: Float64Array = np.divide(
        (similar * weight).sum(axis=-1), total, out=np.full_like(total, np.nan), where=total > 0
    )
    return result


def nearness(
    expected: Float64Array, boxes: Float64Array, *, reach: float | Float64Array, size_change: float
) -> Float64Array:
    """1 at the expected place, 0 at `reach` box diagonals from it, and where a size changed by more than a factor.

    `reach` is one number, or one for each of the expected boxes, (T,).
    """
    between = (expected[:, :2] + expected[:, 2:])[:, None] - (boxes[:, :2] + boxes[:, 2:])[None]  # (T, P, 2)
    distance = np.linalg.norm(between, axis=-1) / 2
    old = np.linalg.norm(expected[:, 2:] - expected[:, :2], axis=-1)[:, None]  # (T, 1)
    new = np.linalg.norm(boxes[:, 2:] - boxes[:, :2], axis=-1)[None]  # (1, P)
    smaller, larger = np.minimum(old, new), np.maximum(old, new)
    limit = np.asarray(reach).reshape(-1, 1) * np.maximum(smaller, 1e-6)
    near = np.clip(1 - distance / np.maximum(limit, 1e-9), 0, 1)
    return np.where(larger <= size_change * smaller, near, 0)
