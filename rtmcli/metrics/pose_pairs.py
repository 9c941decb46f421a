"""Labelled people and the predictions they are compared with, as arrays."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from rtmcli.arrays import BoolArray, Float64Array
from rtmcli.errors import DataError
from rtmcli.formats.labels import points_of
from rtmcli.metrics.label_assignment import assign
from rtmcli.metrics.similarity import Annotation, iou_matrix
from rtmcli.skeletons import Skeleton


@dataclass(frozen=True, slots=True)
class PosePairs:
    """Labels (N) and their predictions: points (N, K, 3 or 4), NaN where there is none; visibility or score last."""

    labels: list[Annotation]
    results: list[int | None]
    truth: Float64Array
    found: Float64Array

    @property
    def mask(self) -> BoolArray:
        """(N, K) which points are labelled."""
        return np.asarray(self.truth[..., -1] > 0)


def pair_poses(
    truth: Mapping[str, Any], results: Sequence[Annotation], skeleton: Skeleton, *, in_space: bool
) -> PosePairs:
    """Each labelled person with the most similar prediction of its image, each used once:
    by the IoU of boxes where all have one, else by the mean distance of the points.

    Args:
        in_space: take `keypoints3d` in place of `keypoints`.

    Raises DataError where no person has a labelled point.
    """
    points_in = points_in_space if in_space else points_of
    shape = (len(skeleton), 4 if in_space else 3)
    known = {image["id"] for image in truth["images"]}
    labels: dict[tuple[Any, Any], list[Annotation]] = defaultdict(list)
    for label in truth["annotations"]:
        points = points_in(label)
        if (
            label["image_id"] in known
            and len(points)
            and (points[:, -1] > 0).any()
            and not label.get("iscrowd")
        ):
            labels[label["image_id"], label["category_id"]].append(label)
    if not labels:
        raise DataError(f"the labels have no labelled point in {'keypoints3d' if in_space else 'keypoints'}")
    found: dict[tuple[Any, Any], list[int]] = defaultdict(list)
    for index, result in enumerate(results):
        found[result["image_id"], result["category_id"]].append(index)
    pairs = PosePairs([], [], *(np.full((sum(map(len, labels.values())), *shape), np.nan) for _ in range(2)))
    for key, people in labels.items():
        candidates = found.get(key, [])
        similarity = _similarity([results[i] for i in candidates], people)
        chosen = dict.fromkeys(range(len(people)), -1)
        chosen |= {column: candidates[row] for row, column in assign(similarity, np.zeros(len(people), bool))}
        for column, index in chosen.items():
            row = len(pairs.labels)
            pairs.labels.append(people[column])
            pairs.results.append(None if index < 0 else index)
            pairs.truth[row] = points_in(people[column])
            if index >= 0 and len(points_in(results[index])):
                pairs.found[row] = points_in(results[index])
    return pairs


def points_in_space(entry: Annotation) -> Float64Array:
    """(K, 4) x, y, z in metres and visibility or score of `keypoints3d`; NaN where a row is null."""
    rows = entry.get("keypoints3d")
    if rows is None:
        return np.zeros((0, 4))
    return np.array([[np.nan] * 4 if row is None else row for row in rows], np.float64).reshape(-1, 4)


def _similarity(found: Sequence[Annotation], labels: Sequence[Annotation]) -> Float64Array:
    """(D, G) IoU of boxes where all have one, else a number that falls with the mean distance of the points."""
    if not found:
        return np.zeros((0, len(labels)))
    if all("bbox" in one for one in (*found, *labels)):
        given = np.array([one["bbox"] for one in found], np.float64)
        boxes = np.array([label["bbox"] for label in labels], np.float64)
        return np.asarray(iou_matrix(given, boxes, np.zeros(len(labels), bool)))
    if not all("keypoints" in one for one in (*found, *labels)):
        return np.ones((len(found), len(labels)))
    points = np.array([points_of(one)[:, :2] for one in found])  # (D, K, 2)
    wanted = np.array([points_of(label) for label in labels])  # (G, K, 3)
    distances = np.linalg.norm(points[:, None] - wanted[None, ..., :2], axis=-1)  # (D, G, K)
    counted = (wanted[..., 2] > 0) & ~np.isnan(distances)
    mean = np.where(counted, distances, 0).sum(axis=-1) / np.maximum(counted.sum(axis=-1), 1)
    return np.asarray(np.where(counted.any(axis=-1), 1 / (1 + mean), 0.0))


def box_of(label: Annotation) -> Float64Array:
    """(4,) x, y, width, height: the label's box, or that of its labelled points."""
    if "bbox" in label:
        return np.asarray(label["bbox"], np.float64)
    points = points_of(label)
    points = points[points[:, 2] > 0, :2]
    low, high = points.min(axis=0), points.max(axis=0)
    return np.concatenate([low, high - low])
