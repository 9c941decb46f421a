"""Boxes: (N, 4) x1, y1, x2, y2 in pixels; sizes are (width, height). Numpy alone."""

import numpy as np

from rtmcli.arrays import BoolArray, FloatArray, IndexArray


def from_xywh(boxes: FloatArray) -> FloatArray:
    """x, y, width, height (COCO's form) to x1, y1, x2, y2; (N, 4) to (N, 4)."""
    return np.concatenate([boxes[..., :2], boxes[..., :2] + boxes[..., 2:]], axis=-1)


def to_xywh(boxes: FloatArray) -> FloatArray:
    """x1, y1, x2, y2 to x, y, width, height; (N, 4) to (N, 4)."""
    return np.concatenate([boxes[..., :2], boxes[..., 2:] - boxes[..., :2]], axis=-1)


def areas(boxes: FloatArray) -> FloatArray:
    """(N,) areas in square pixels; a box turned inside out has none."""
    return np.clip(boxes[..., 2:] - boxes[..., :2], 0, None).prod(axis=-1)


def clip(boxes: FloatArray, size: tuple[int, int]) -> FloatArray:
    """Corners moved into a picture of `size`, as the reference does before it crops: [0, W-1] x [0, H-1]."""
    width, height = size
    return np.clip(boxes, 0, np.array([width - 1, height - 1, width - 1, height - 1], boxes.dtype))


def center_scale(boxes: FloatArray, padding: float = 1.25) -> tuple[FloatArray, FloatArray]:
    """Middle (N, 2) and padded width and height (N, 2) of boxes: what the top-down crop starts from."""
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


def keypoints_box(keypoints: FloatArray, *, grow: float = 1.25, min_score: float | None = None) -> FloatArray:
    """The extent of each pose, enlarged about its middle.

    Args:
        keypoints: (N, K, 2 or 3) x, y[, score]; a row of NaN is no point.
        grow: factor on width and height (RTMPose's skip-frame detection: 1.25).
        min_score: leave out points scored below; None takes all.

    Returns:
        (N, 4) boxes; NaN for a pose without any point.
    """
    points = np.array(keypoints[..., :2])  # (N, K, 2)
    absent: BoolArray = np.asarray(np.isnan(points).any(axis=-1))  # (N, K)
    if min_score is not None:
        absent |= ~(keypoints[..., 2] >= min_score)
    low = np.where(absent[..., None], np.inf, points).min(axis=-2, initial=np.inf)  # (N, 2)
    high = np.where(absent[..., None], -np.inf, points).max(axis=-2, initial=-np.inf)  # (N, 2)
    empty = absent.all(axis=-1, keepdims=True)  # (N, 1)
    low, high = np.where(empty, np.nan, low), np.where(empty, np.nan, high)
    return from_center_scale((low + high) * 0.5, (high - low) * grow).astype(points.dtype)


def cover(boxes: FloatArray, points: FloatArray, visible: FloatArray) -> FloatArray:
    """Boxes (N, 4) grown until they hold their visible points (N, K, 2), `visible` (N, K) (RTMO, an option)."""
    seen = (visible > 0)[..., None]
    low = np.where(seen, points, np.inf).min(axis=1)  # (N, 2)
    high = np.where(seen, points, -np.inf).max(axis=1)
    return np.concatenate([np.minimum(boxes[:, :2], low), np.maximum(boxes[:, 2:], high)], axis=1)


def iou_matrix(a: FloatArray, b: FloatArray, *, plus_one: bool = False) -> FloatArray:
    """(N, M) intersection over union. `plus_one` counts pixels: width = x2 - x1 + 1 (mmpose's demos)."""
    intersection, union = _overlap(a, b, 1.0 if plus_one else 0.0)
    return intersection / np.maximum(union, 1e-6)


def giou_matrix(a: FloatArray, b: FloatArray) -> FloatArray:
    """(N, M) generalised IoU: less the share of the hull that neither covers (Rezatofighi et al. 2019)."""
    intersection, union = _overlap(a, b, 0.0)
    union = np.maximum(union, 1e-6)
    low = np.minimum(a[:, None, :2], b[None, :, :2])  # (N, M, 2)
    high = np.maximum(a[:, None, 2:], b[None, :, 2:])
    hull = np.maximum(np.clip(high - low, 0, None).prod(axis=-1), 1e-6)
    return intersection / union - (hull - union) / hull


def nms(boxes: FloatArray, scores: FloatArray, iou: float, *, plus_one: bool = False) -> IndexArray:
    """Greedy suppression: indices of the kept boxes, best score first; equal scores keep their order.

    A box goes when its IoU with a kept one is strictly above `iou`.
    """
    if len(boxes) == 0:
        return np.zeros(0, np.intp)
    order = np.argsort(-scores, kind="stable")
    above = iou_matrix(boxes[order], boxes[order], plus_one=plus_one) > iou
    return order[greedy(above)]


def multiclass_nms(
    boxes: FloatArray, scores: FloatArray, iou: float, *, score: float = 0.0
) -> tuple[IndexArray, IndexArray]:
    """Suppression class by class of boxes that carry one score a class.

    Args:
        boxes: (N, 4); scores: (N, C).
        score: only scores strictly above take part.

    Returns:
        Indices (M,) into `boxes` and classes (M,), by class, then best first.
    """
    kept, classes = [np.zeros(0, np.intp)], [np.zeros(0, np.intp)]
    for label in range(scores.shape[1]):
        candidates = np.flatnonzero(scores[:, label] > score)
        best = candidates[nms(boxes[candidates], scores[candidates, label], iou)]
        kept.append(best)
        classes.append(np.full(len(best), label, np.intp))
    return np.concatenate(kept), np.concatenate(classes)


def _overlap(a: FloatArray, b: FloatArray, one: float) -> tuple[FloatArray, FloatArray]:
    """Intersection and union areas of all pairs, (N, M) each; `one` is added to widths and heights."""
    low = np.maximum(a[:, None, :2], b[None, :, :2])  # (N, M, 2)
    high = np.minimum(a[:, None, 2:], b[None, :, 2:])
    intersection = np.clip(high - low + one, 0, None).prod(axis=-1)  # (N, M)
    area_a = (a[:, 2:] - a[:, :2] + one).prod(axis=-1)
    area_b = (b[:, 2:] - b[:, :2] + one).prod(axis=-1)
    return intersection, area_a[:, None] + area_b[None, :] - intersection


def greedy(above: BoolArray) -> IndexArray:
    """Positions kept when each kept one removes the later ones it is `above` the threshold with; (N, N)."""
    alive = np.ones(len(above), bool)
    for i in range(len(above)):
        if alive[i]:
            alive[i + 1 :] &= ~above[i, i + 1 :]
    return np.flatnonzero(alive)
