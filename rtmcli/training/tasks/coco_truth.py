"""A labelled set as COCO labels, for the evaluation."""

from __future__ import annotations

from typing import Any

import numpy as np

from rtmcli.arrays import Float32Array
from rtmcli.training.data.dataset import DataSet
from rtmcli.training.data.labels import LabelledImage


def coco_truth(data: DataSet) -> dict[str, Any]:
    """A set as the content of a COCO label file; the category of class c is c + 1.

    Crowds are kept, so that matches with them count neither way.
    """
    notes: list[dict[str, Any]] = []
    for entry in data.images:
        labels = entry.labels
        seen = (labels.weights > 0) * 2.0  # (G, K)
        points = np.concatenate([labels.keypoints, seen[..., None]], -1)  # (G, K, 3)
        for j, box in enumerate(labels.boxes):
            known = {
                "area": float(labels.areas[j]),
                "iscrowd": 0,
                "num_keypoints": int((seen[j] > 0).sum()),
                "keypoints": points[j].ravel().tolist(),
            }
            notes.append(_note(len(notes) + 1, entry, box, labels.classes[j]) | known)
        for box, number in zip(labels.crowds, labels.crowd_classes, strict=True):
            nobody = {"iscrowd": 1, "num_keypoints": 0, "keypoints": [0.0] * 3 * seen.shape[1]}
            notes.append(_note(len(notes) + 1, entry, box, number) | nobody)
    categories = [{"id": number + 1} for number in range(max(len(data.classes), 1))]
    return {"images": [{"id": p.id} for p in data.images], "annotations": notes, "categories": categories}


def _note(number: int, entry: LabelledImage, box: Float32Array, label: np.int64) -> dict[str, Any]:
    x1, y1, x2, y2 = map(float, box)
    corner = [x1, y1, x2 - x1, y2 - y1]
    area = corner[2] * corner[3]
    return {"id": number, "image_id": entry.id, "category_id": int(label) + 1, "bbox": corner, "area": area}
