"""From a detector's raw maps to boxes, for engines that run the network alone. Only numpy.

A level of stride s has h x w cells, row-major; maps are (C, h, w) of one image, finest level first. Only cells that
pass the threshold are decoded: logits are compared before sigmoids are computed.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from rtmcli.arrays import Float32Array, IndexArray
from rtmcli.geometry.boxes import nms

PER_CLASS = 200  # as in the official exports


class Found(NamedTuple):
    """Cells of one image: boxes (n, 4) in input pixels, not clamped, scores (n,), labels (n,), places (n,).

    A place is the index of a cell among those of all levels.
    """

    boxes: Float32Array
    scores: Float32Array
    labels: IndexArray
    places: IndexArray


def rtmdet_cells(
    logits: Sequence[Float32Array],
    distances: Sequence[Float32Array],
    *,
    score: float,
    strides: Sequence[int] = (8, 16, 32),
) -> Found:
    """RTMDet: class logits (C, h, w) and distances (4, h, w) in pixels from a cell's upper left corner."""
    parts, before = [], 0
    for logit, distance, stride in zip(logits, distances, strides, strict=True):
        label, row, column = np.nonzero(logit > _logit(score))  # (n,) each
        corner = np.stack([column, row], axis=1).astype(np.float32) * stride  # (n, 2)
        sides = distance[:, row, column].T  # (n, 4) left, top, right, bottom
        boxes = np.concatenate([corner - sides[:, :2], corner + sides[:, 2:]], axis=1)
        place = before + row * logit.shape[2] + column
        parts.append(Found(boxes, _sigmoid(logit[label, row, column]), label, place))
        before += logit.shape[1] * logit.shape[2]
    return _joined(parts)


def yolox_cells(
    logits: Sequence[Float32Array],
    offsets: Sequence[Float32Array],
    objects: Sequence[Float32Array],
    *,
    score: float,
    strides: Sequence[int] = (8, 16, 32),
    middle: bool = False,
) -> Found:
    """YOLOX: class logits (C, h, w), centre offsets and log sizes (4, h, w) in strides, objectness logits (1, h, w).

    A cell keeps its best class, scored by class times objectness. With `middle` offsets are relative to the centre of a
    cell's pixels (RTMO) instead of its upper left corner.
    """
    parts, before = [], 0
    for logit, offset, there, stride in zip(logits, offsets, objects, strides, strict=True):
        row, column = np.nonzero(there[0] > _logit(score))  # the class can only lower it; (n,) each
        classes = logit[:, row, column]  # (C, n)
        label = classes.argmax(axis=0)
        value = _sigmoid(classes.max(axis=0)) * _sigmoid(there[0, row, column])  # (n,)
        kept = value > score
        row, column, label, value = row[kept], column[kept], label[kept], value[kept]
        place = before + row * logit.shape[2] + column
        center = (
            cell_points(column, row, stride, middle=middle) + offset[:2, row, column].T * stride
        )  # (n, 2)
        half = np.exp(offset[2:, row, column].T) * np.float32(stride * 0.5)
        parts.append(Found(np.concatenate([center - half, center + half], axis=1), value, label, place))
        before += logit.shape[1] * logit.shape[2]
    return _joined(parts)


def cell_points(column: IndexArray, row: IndexArray, stride: int, *, middle: bool = False) -> Float32Array:
    """The origin (n, 2) of a cell's offsets: its upper left corner, or the centre of its pixels."""
    shift = np.float32((stride - 1) / 2 if middle else 0)
    return np.stack([column, row], axis=1).astype(np.float32) * stride + shift


def suppress(found: Found, *, iou: float, keep: int) -> Found:
    """The rows that non-maximum suppression of each class keeps, best first, `keep` at most."""
    kept = [np.zeros(0, np.intp)]
    for label in np.unique(found.labels):
        (own,) = np.nonzero(found.labels == label)
        kept.append(own[nms(found.boxes[own], found.scores[own], iou)][:PER_CLASS])
    rows = np.concatenate(kept)
    rows = rows[np.argsort(-found.scores[rows], kind="stable")][:keep]
    return Found(found.boxes[rows], found.scores[rows], found.labels[rows], found.places[rows])


def padded(rows: Sequence[npt.NDArray[np.generic]]) -> npt.NDArray[np.generic]:
    """Tables (m, ...) of the images of a batch as one (N, M, ...), padded with zeros; M is at least 1."""
    longest = max(1, *(len(table) for table in rows))
    out = np.zeros((len(rows), longest, *rows[0].shape[1:]), rows[0].dtype)
    for place, table in zip(out, rows, strict=True):
        place[: len(table)] = table
    return out


def _joined(parts: Sequence[Found]) -> Found:
    boxes, scores, labels, places = zip(*parts, strict=True)
    return Found(
        np.concatenate(boxes), np.concatenate(scores), np.concatenate(labels), np.concatenate(places)
    )


def _logit(score: float) -> float:
    if score <= 0:
        return -math.inf
    return math.log(score / (1 - score)) if score < 1 else math.inf


def _sigmoid(x: Float32Array) -> Float32Array:
    return (1 / (1 + np.exp(-x))).astype(np.float32)
