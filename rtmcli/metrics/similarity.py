"""The similarity of labels and results, image by image: what `matching.match_image` takes. Numpy alone.

Labels and results come in COCO's form, as in `metrics.coco`.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from rtmcli.arrays import BoolArray, FloatArray
from rtmcli.formats.labels import POINT_FIELDS, points_of
from rtmcli.geometry.boxes import areas as box_areas
from rtmcli.geometry.boxes import from_xywh
from rtmcli.metrics.matching import Candidates

Annotation = Mapping[str, Any]

# Detections of an image that count: COCO's keypoints, and its boxes.
MAX_POSES = 20
MAX_BOXES = 100
# The share of its box that a person's mask fills, where areas are not used (CrowdPose's evaluation code).
BOX_TO_MASK = 0.53
WHOLEBODY, BODY = 133, slice(0, 17)


@dataclass(frozen=True, slots=True)
class Group:
    """The candidates of an image, with the results' indices and the labels they stand for."""

    candidates: Candidates
    results: list[int]
    labels: list[Annotation]


def keypoint_groups(
    truth: Mapping[str, Any],
    results: Sequence[Annotation],
    sigmas: FloatArray,
    *,
    use_area: bool,
    part: slice | None,
    images: set[Any] | None,
) -> Iterator[list[Group]]:
    """One list of images per category.

    As pycocotools does, results are sized by `bbox` where the first one has it, else by the extent of their keypoints.
    """
    chosen = slice(None) if part is None else part
    tolerance = (2 * np.asarray(sigmas, np.float64)[chosen]) ** 2
    # xtcocotools sizes a whole-body result by its body points, whatever part it evaluates.
    sized = BODY if len(sigmas) == WHOLEBODY else slice(None)
    by_box = bool(results) and "bbox" in results[0]
    for images_of_class in _grouped(truth, results, MAX_POSES, images):
        groups = []
        for indices, labels in images_of_class:
            wanted = np.array([_label_points(a, len(sigmas))[chosen] for a in labels])
            wanted = wanted.reshape(len(labels), len(tolerance), 3)
            whole = [points_of(results[i]) for i in indices]
            found = np.array([p[chosen, :2] for p in whole]).reshape(len(indices), len(tolerance), 2)
            boxes = np.array([a["bbox"] for a in labels], np.float64).reshape(-1, 4)
            given = np.array([a.get("area", 0.0) for a in labels], np.float64)
            areas = given if use_area else BOX_TO_MASK * boxes[:, 2] * boxes[:, 3]
            crowd = np.array([bool(a.get("iscrowd", 0)) for a in labels], bool)
            candidates = Candidates(
                similarity=_oks(found, wanted, boxes, areas, tolerance),
                scores=np.array([results[i]["score"] for i in indices], np.float64),
                sizes=np.array(
                    [
                        _box_area(results[i]) if by_box else _extent(p[sized])
                        for i, p in zip(indices, whole, strict=True)
                    ]
                ),
                areas=areas,
                ignored=crowd
                | np.array([_unlabelled(a, w, part) for a, w in zip(labels, wanted, strict=True)], bool),
                crowd=crowd,
            )
            groups.append(Group(candidates, indices, labels))
        yield groups


def box_groups(truth: Mapping[str, Any], results: Sequence[Annotation]) -> Iterator[list[Group]]:
    """One list of images per category."""
    for images_of_class in _grouped(truth, results, MAX_BOXES, None):
        groups = []
        for indices, labels in images_of_class:
            wanted = np.array([a["bbox"] for a in labels], np.float64).reshape(-1, 4)
            found = np.array([results[i]["bbox"] for i in indices], np.float64).reshape(-1, 4)
            crowd = np.array([bool(a.get("iscrowd", 0)) for a in labels], bool)
            sizes = found[:, 2] * found[:, 3]
            candidates = Candidates(
                similarity=iou_matrix(found, wanted, crowd),
                scores=np.array([results[i]["score"] for i in indices], np.float64),
                sizes=sizes,
                areas=np.array([a.get("area", a["bbox"][2] * a["bbox"][3]) for a in labels], np.float64),
                ignored=crowd,
                crowd=crowd,
            )
            groups.append(Group(candidates, indices, labels))
        yield groups


def _grouped(
    truth: Mapping[str, Any], results: Sequence[Annotation], keep: int, images: set[Any] | None
) -> Iterator[list[tuple[list[int], list[Annotation]]]]:
    """For each category its images in order of their ids: indices of the results, best first, and labels."""
    labels: dict[tuple[Any, Any], list[Annotation]] = defaultdict(list)
    found: dict[tuple[Any, Any], list[int]] = defaultdict(list)
    for annotation in truth["annotations"]:
        labels[annotation["category_id"], annotation["image_id"]].append(annotation)
    for index, result in enumerate(results):
        found[result["category_id"], result["image_id"]].append(index)
    ids = sorted(i["id"] for i in truth["images"] if images is None or i["id"] in images)
    for category in sorted(c["id"] for c in truth["categories"]):
        grouped = []
        for image in ids:
            key = category, image
            best = sorted(found.get(key, ()), key=lambda i: -results[i]["score"])[:keep]
            if best or key in labels:
                grouped.append((best, labels.get(key, [])))
        yield grouped


def _oks(
    found: FloatArray, wanted: FloatArray, boxes: FloatArray, areas: FloatArray, tolerance: FloatArray
) -> FloatArray:
    """(D, G) OKS of points (D, K, 2) with labels (G, K, 3) over the labelled points.

    A label without any uses the distance outside its box, doubled about its centre, over all points. A predicted
    point that does not exist (NaN) has no similarity.
    """
    offset = found[:, None] - wanted[None, ..., :2]  # (D, G, K, 2)
    low = (boxes[:, :2] - boxes[:, 2:])[:, None]  # (G, 1, 2)
    high = (boxes[:, :2] + 2 * boxes[:, 2:])[:, None]
    outside = np.maximum(0, low - found[:, None]) + np.maximum(0, found[:, None] - high)
    labelled = np.asarray(wanted[..., 2] > 0)  # (G, K)
    unlabelled = np.asarray(~labelled.any(axis=1, keepdims=True))  # (G, 1)
    squared = (np.where(unlabelled[..., None], outside, offset) ** 2).sum(axis=-1)  # (D, G, K)
    exponent = squared / tolerance / (areas + np.spacing(1))[:, None] / 2
    counted = labelled | unlabelled
    similar = np.where(counted & ~np.isnan(exponent), np.exp(-exponent), 0.0)
    result: FloatArray = similar.sum(axis=-1) / counted.sum(axis=-1)
    return result


def iou_matrix(found: FloatArray, wanted: FloatArray, crowd: BoolArray) -> FloatArray:
    """(D, G) IoU of x, y, w, h boxes; with a crowd the share of the detection that lies in it."""
    a, b = from_xywh(found), from_xywh(wanted)
    sides = np.minimum(a[:, None, 2:], b[None, :, 2:]) - np.maximum(a[:, None, :2], b[None, :, :2])
    shared = np.clip(sides, 0, None).prod(axis=-1)
    area, other = box_areas(a)[:, None], box_areas(b)[None, :]
    union = np.where(crowd, area, area + other - shared)
    result: FloatArray = np.divide(shared, union, out=np.zeros_like(shared), where=union > 0)
    return result


def _label_points(annotation: Annotation, count: int) -> FloatArray:
    """(K, 3) points of a label, all unlabelled where it has only a box."""
    points = points_of(annotation)
    return points if len(points) else np.zeros((count, 3))


def _unlabelled(annotation: Annotation, points: FloatArray, part: slice | None) -> bool:
    """Whether a label counts as having no keypoints: by `num_keypoints`, which is of the body, else by the points."""
    body_alone = part is None and POINT_FIELDS[1] not in annotation
    if body_alone and "num_keypoints" in annotation and "keypoints" in annotation:
        return bool(annotation["num_keypoints"] == 0)
    return not (points[:, 2] > 0).any()


def _box_area(result: Annotation) -> float:
    return float(result["bbox"][2] * result["bbox"][3])


def _extent(points: FloatArray) -> float:
    """Area of the box about a pose's points, as COCO sizes a result."""
    known = points[~np.isnan(points[:, :2]).any(axis=1), :2]
    return float((known.max(axis=0) - known.min(axis=0)).prod()) if len(known) else 0.0
