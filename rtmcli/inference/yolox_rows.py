"""YOLOX as its authors export it: one output of undecoded rows, without non-maximum suppression.

Source: YOLOX, yolox/models/yolo_head.py (`decode_in_inference` off, as in tools/export_onnx.py) and
demo/ONNXRuntime/onnx_inference.py.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from rtmcli.arrays import Float32Array
from rtmcli.codecs.dense_decode import Found, padded, suppress
from rtmcli.engines.base import Arrays, Engine, Port
from rtmcli.zoo.card import Card

STRIDES = (8, 16, 32)
# Values before the class scores in a row: centre offset and log size in strides, objectness.
GEOMETRY = 5
# The defaults of YOLOX's evaluation (yolox/exp/yolox_base.py: test_conf, nmsthre), for a card without thresholds.
SCORE, IOU = 0.01, 0.65
KEEP = 300


def has_yolox_rows(engine: Engine, card: Card) -> bool:
    """Whether a YOLOX file has one output (N, rows, 5 + classes) of undecoded rows."""
    return (
        card.family == "yolox"
        and len(engine.outputs) == 1
        and len(engine.outputs[0].shape) == 3
        and engine.outputs[0].shape[2] == GEOMETRY + len(card.classes)
    )


class YoloxRows:
    """An engine with the outputs `dets` (N, M, 5) and `labels` (N, M) over one that gives undecoded rows.

    Args:
        engine: the open engine of a file for which `has_yolox_rows` is true.
        card: its card.
    """

    def __init__(self, engine: Engine, card: Card) -> None:
        self.card, self.inputs = engine.card, engine.inputs
        self.outputs = [Port("dets", (None, None, 5), "float32"), Port("labels", (None, None), "int64")]
        self._engine = engine
        self._score = SCORE if card.score is None else card.score
        self._iou = IOU if card.iou is None else card.iou
        self._origins, self._strides = _grid(card.width, card.height)

    def __call__(self, feeds: Arrays, names: Sequence[str] | None = None) -> Arrays:
        """Run once. See `Engine`."""
        (rows,) = self._engine(feeds).values()  # (N, rows, 5 + C)
        found = [self._decoded(image) for image in rows]
        dets = [np.concatenate([one.boxes, one.scores[:, None]], axis=1) for one in found]
        return {"dets": padded(dets), "labels": padded([one.labels for one in found])}

    def facts(self) -> dict[str, Any]:
        """What is in use. See `Engine`."""
        return self._engine.facts()

    def _decoded(self, rows: Float32Array) -> Found:
        """Boxes (M, 4) in input pixels, scores (M,) and labels (M,) of one image's rows (R, 5 + C), best first."""
        # A class score is at most 1, so a low objectness cannot pass. NaN passes, for the caller's check.
        (kept,) = np.nonzero(~(rows[:, 4] <= self._score))
        rows, origins, strides = rows[kept], self._origins[kept], self._strides[kept]
        labels = rows[:, GEOMETRY:].argmax(axis=1)
        scores = rows[:, 4] * rows[:, GEOMETRY:].max(axis=1, initial=0)
        centers = (rows[:, :2] + origins) * strides
        halves = np.exp(rows[:, 2:4]) * strides / 2
        boxes = np.concatenate([centers - halves, centers + halves], axis=1)
        passed = ~(scores <= self._score)
        found = Found(boxes[passed], scores[passed], labels[passed], kept[passed])
        return suppress(found, iou=self._iou, keep=KEEP)


def _grid(width: int, height: int) -> tuple[Float32Array, Float32Array]:
    """Column and row (R, 2) of each cell in its level, and its stride (R, 1); finest level first, row-major."""
    origins, strides = [], []
    for stride in STRIDES:
        rows, columns = np.indices((height // stride, width // stride), np.float32)
        origins.append(np.stack([columns.ravel(), rows.ravel()], axis=1))
        strides.append(np.full((rows.size, 1), stride, np.float32))
    return np.concatenate(origins), np.concatenate(strides)
