"""Boxes: (N, 4) x1, y1, x2, y2 in pixels; sizes are (width, height). Only numpy."""

import numpy as np

from rtmcli.arrays import BoolArray, FloatArray, IndexArray


def from_xywh(boxes: FloatArray) -> FloatArray:
    """x, y, width, height (COCO's form) to x1, y1, x2, y2; (N, 4) to (N, 4)."""
    return np.concatenate([boxes[..., :2], boxes[..., :2] + boxes[..., 2:]], axis=-1)


def to_xywh(boxes: FloatArray) -> FloatArray:
    """x1, y1, x2, y2 to x, y, width, height; (N, 4) to (N, 4)."""
    return np.concatenate([boxes[..., :2], boxes[..., 2:] - boxes[..., :2]], axis=-1)


def areas(boxes: FloatArray) -> FloatArray:
    """(N,) areas in square pixels; an inverted box has area 0."""
    result: FloatArray = np.clip(boxes[..., 2:] - boxes[..., :2], 0, None).prod(axis=-1)
    return result


def clip(boxes: FloatArray, size: tuple[int, int]) -> FloatArray:
    """Corners clipped to an image of `size`, as mmpose does before it crops: [0, W-1] x [0, H-1]."""
    width, height = size
    return np.clip(boxes, 0, np.array([width - 1, height - 1, width - 1, height - 1], boxes.dtype))


def center_scale(boxes: FloatArray, padding: float = 1.25) -> tuple[FloatArray, FloatArray]:
    """Centre (N, 2) and padded width and height (N, 2) of boxes (N, 4), from which a top-down crop is made."""
    center = (boxes[..., :2] + boxes[..., 2:]) * 0.5
    scale = (boxes[..., 2:] - boxes[..., :2]) * padding
    return center, scale


def from_center_scale(center: FloatArray, scale: FloatArray) -> FloatArray:
    """The inverse of `center_scale` for padding 1: (N, 2), (N, 2) to (N, 4)."""
    return np.concatenate([center - scale * 0.5, center + scale * 0.5], axis=-1)


def fix_aspect(scale: FloatArray, ratio: float) -> FloatArray:
    """Grow the shorter side until width / height is `ratio`, the network's input; (N, 2) to (N, 2)."""
    width, height = scale[..., 0], scale[..., 1]
    wide = width > height * ratio
    return np.stack([np.where(wide, width, height * ratio), np.where(wide, width / ratio, height)], axis=-1)


def keypoints_box(keypoints: FloatArray, *, grow: float = 1.25) -> FloatArray:
    """The extent of each pose, enlarged about its centre.

    Args:
        keypoints: (N, K, 2 or 3) x, y[, score]; a row of NaN is an absent point.
        grow: factor on width and height (RTMPose's skip-frame detection: 1.25).

    Returns:
        (N, 4) boxes; NaN for a pose without any point.
    """
    points = np.array(keypoints[..., :2])  # (N, K, 2)
    absent: BoolArray = np.asarray(np.isnan(points).any(axis=-1))  # (N, K)
    low = np.where(absent[..., None], np.inf, points).min(axis=-2, initial=np.inf)  # (N, 2)
    high = np.where(absent[..., None], -np.inf, points).max(axis=-2, initial=-np.inf)  # (N, 2)
    empty = absent.all(axis=-1, keepdims=True)  # (N, 1)
    low, high = np.where(empty, np.nan, low), np.where(empty, np.nan, high)
    return from_center_scale((low + high) * 0.5, (high - low) * grow).astype(points.dtype)


def intersections(a: FloatArray, b: FloatArray) -> FloatArray:
    """(N, M) areas that all pairs of boxes (N, 4), (M, 4) share."""
    widths, heights = (
        np.minimum(a[:, None, high], b[:, high]) - np.maximum(a[:, None, low], b[:, low])
        for low, high in ((0, 2), (1, 3))
    )
    return np.asarray(np.maximum(widths, 0) * np.maximum(heights, 0))


def iou_matrix(a: FloatArray, b: FloatArray) -> FloatArray:
    """(N, M) intersection over union of all pairs of boxes (N, 4), (M, 4)."""
    shared = intersections(a, b)
    area_a = (a[:, 2] - a[:, 0]) * (a[:, 3] - a[:, 1])
    area_b = (b[:, 2] - b[:, 0]) * (b[:, 3] - b[:, 1])
    union = area_a[:, None] + area_b - shared
    result: FloatArray = shared / np.maximum(union, 1e-6)
    return result


def nms(boxes: FloatArray, scores: FloatArray, iou_threshold: float) -> IndexArray:
    """Greedy non-maximum suppression: indices of the kept boxes, best score first; equal scores keep their order.

    A box is dropped when its IoU with a kept one is strictly above the threshold.
    """
    if len(boxes) == 0:
        return np.zeros(0, np.intp)
    order = np.argsort(-scores, kind="stable")
    above = iou_matrix(boxes[order], boxes[order]) > iou_threshold
    return order[greedy(above)]


def greedy(above: BoolArray) -> IndexArray:
    """Positions that greedy suppression keeps: each kept one drops the later ones it is `above` (N, N) with."""
    alive = np.ones(len(above), bool)
    for i in range(len(above)):
        if alive[i]:
            alive[i + 1 :] &= ~above[i, i + 1 :]
    return np.flatnonzero(alive)
