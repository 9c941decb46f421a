"""COCO's figures for key points and boxes, equal to pycocotools' and xtcocotools'. Numpy alone.

Labels and results come in COCO's form: `truth` is a parsed label file (`images`, `annotations`, `categories`),
`results` a list of `{"image_id", "category_id", "score", "keypoints" or "bbox"}`.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from rtmcli.formats.coco import points_of
from rtmcli.geometry.boxes import areas as box_areas
from rtmcli.geometry.boxes import from_xywh
from rtmcli.geometry.oks import oks_nms, ranking_scores, soft_oks_nms
from rtmcli.metrics.matching import (
    ANY,
    LARGE,
    MEDIUM,
    SMALL,
    Candidates,
    Curves,
    Outcome,
    accumulate,
    judge,
)

Array = npt.NDArray[np.floating]
Annotation = Mapping[str, Any]

MAX_POSES = 20  # detections a picture that count, COCO key points
MAX_BOXES = 100  # COCO boxes
LEAST_SIMILAR = 1e-6  # below it a result and a label have nothing to do with each other
BOX_RANGES = (ANY, SMALL, MEDIUM, LARGE)
BOX_TO_MASK = 0.53  # a person's mask fills about this much of the box; where areas are not to be used

WHOLEBODY_PARTS = {
    "body": slice(0, 17),
    "foot": slice(17, 23),
    "face": slice(23, 91),
    "lefthand": slice(91, 112),
    "righthand": slice(112, 133),
}


def keypoint_figures(
    truth: Mapping[str, Any],
    results: Sequence[Annotation],
    sigmas: Array,
    *,
    use_area: bool = True,
    part: slice | None = None,
) -> dict[str, float]:
    """COCO's ten key point figures in 0..1; -1 where no label falls in the range.

    Args:
        sigmas: (K,) of the whole skeleton.
        use_area: False takes 0.53 of the label's box in place of its mask area (CrowdPose, Halpe).
        part: evaluate these points alone, with the same instance scores (COCO-WholeBody).
    """
    return _ten(keypoint_curves(truth, results, sigmas, use_area=use_area, part=part))


def keypoint_curves(
    truth: Mapping[str, Any],
    results: Sequence[Annotation],
    sigmas: Array,
    *,
    use_area: bool = True,
    part: slice | None = None,
    images: set[Any] | None = None,
) -> Curves:
    """Precision and recall over the area ranges all, medium, large; arguments as `keypoint_figures`.

    `images` limits the evaluation to these ids.
    """
    ranges = (ANY, MEDIUM, LARGE)
    classes = [
        [judge(group.candidates, ranges) for group in groups]
        for groups in _keypoint_groups(truth, results, sigmas, use_area=use_area, part=part, images=images)
    ]
    return accumulate(classes, len(ranges))


def wholebody_figures(
    truth: Mapping[str, Any], results: Sequence[Annotation], sigmas: Array
) -> dict[str, dict[str, float]]:
    """The ten figures of COCO-WholeBody for each part and for `wholebody`."""
    parts: dict[str, slice | None] = {**WHOLEBODY_PARTS, "wholebody": None}
    return {name: keypoint_figures(truth, results, sigmas, part=part) for name, part in parts.items()}


def crowdpose_figures(
    truth: Mapping[str, Any], results: Sequence[Annotation], sigmas: Array
) -> dict[str, float]:
    """CrowdPose's nine figures: AP, AR, and AP of easy, medium and hard pictures (by their `crowdIndex`).

    As its tool counts: box areas, and the mean of the whole precision array to four decimals for the last three.
    """
    curves = keypoint_curves(truth, results, sigmas, use_area=False)
    figures = {
        key: value
        for key, value in _ten(curves).items()
        if key in ("AP", "AP50", "AP75", "AR", "AR50", "AR75")
    }
    crowding = {image["id"]: image["crowdIndex"] for image in truth["images"]}
    for key, low, high in (("APE", 0.0, 0.2), ("APM", 0.2, 0.8), ("APH", 0.8, np.inf)):
        images = {i for i, index in crowding.items() if low <= index < high}
        subset = keypoint_curves(truth, results, sigmas, use_area=False, images=images)
        figures[key] = round(float(subset.precision[..., 0].mean()), 4)
    return figures


def box_figures(truth: Mapping[str, Any], results: Sequence[Annotation]) -> dict[str, float]:
    """COCO's twelve box figures in 0..1; -1 where no label falls in the range."""
    classes = _box_outcomes(truth, results)
    curves = accumulate(classes, len(BOX_RANGES))
    figures = {
        "AP": curves.average_precision(),
        "AP50": curves.average_precision(0.5),
        "AP75": curves.average_precision(0.75),
        **{f"AP{name}": curves.average_precision(area=a) for a, name in enumerate("SML", start=1)},
    }
    for keep in (1, 10):
        figures[f"AR{keep}"] = accumulate(classes, len(BOX_RANGES), keep=keep).average_recall()
    figures["AR100"] = curves.average_recall()
    return figures | {f"AR{name}": curves.average_recall(area=a) for a, name in enumerate("SML", start=1)}


def box_curves(truth: Mapping[str, Any], results: Sequence[Annotation]) -> Curves:
    """Precision and recall over the area ranges all, small, medium, large."""
    return accumulate(_box_outcomes(truth, results), len(BOX_RANGES))


@dataclass(frozen=True, slots=True)
class Pair:
    """A result and the label it was paired with: the label is None, and the similarity 0, where there was none."""

    similarity: float
    label: Annotation | None


def pair_keypoints(
    truth: Mapping[str, Any], results: Sequence[Annotation], sigmas: Array, *, use_area: bool = True
) -> dict[int, Pair]:
    """Each evaluated result (by index) with a label of its own, the most alike of a picture first.

    Unlike the evaluation this asks neither for a threshold nor for scores, so that it tells how far off a person
    is. Results beyond COCO's 20 a picture are left out.
    """
    return _pairs(_keypoint_groups(truth, results, sigmas, use_area=use_area, part=None, images=None))


def pair_boxes(truth: Mapping[str, Any], results: Sequence[Annotation]) -> dict[int, Pair]:
    """As `pair_keypoints`, by IoU of boxes."""
    return _pairs(_box_groups(truth, results))


def rank_and_suppress(
    poses: Sequence[dict[str, Any]],
    sigmas: Array,
    *,
    rank: str = "box-keypoint",
    oks: float | None = 0.9,
    soft: bool = False,
) -> list[dict[str, Any]]:
    """What a top-down pipeline hands to the evaluation: poses ranked, near-duplicates dropped, picture by picture.

    Args:
        poses: results in COCO's form with `score` the box score and `size` the area OKS-NMS uses: the product of
            the padded, aspect-fixed box sides. An `id` that came before in the same picture is passed over.
        rank: mode of `geometry.oks.ranking_scores`.
        oks: threshold of OKS-NMS, None for none; `soft` re-scores instead of dropping (mmpose).

    Returns:
        The kept poses with their ranking `score`, best first where they were suppressed.
    """
    pictures: dict[Any, dict[Any, dict[str, Any]]] = defaultdict(dict)
    for number, pose in enumerate(poses):
        pictures[pose["image_id"]].setdefault(pose.get("id", ("no id", number)), pose)
    kept: list[dict[str, Any]] = []
    for group in pictures.values():
        people = [group[key] for key in sorted(group, key=lambda k: (isinstance(k, tuple), k))]
        points = np.stack([points_of(p) for p in people])  # (N, K, 3)
        scores = ranking_scores(np.array([p["score"] for p in people]), points[..., 2], mode=rank)
        order = np.arange(len(people))
        if oks is not None:
            sizes = np.array([p["size"] for p in people])
            suppress = soft_oks_nms if soft else oks_nms
            order = suppress(points, scores, sizes, sigmas, oks)
        kept += [{**people[i], "score": float(scores[i])} for i in order]
    return kept


@dataclass(frozen=True, slots=True)
class _Group:
    """The candidates of a picture, with the results' indices and the labels they stand for."""

    candidates: Candidates
    results: list[int]
    labels: list[Annotation]


def _keypoint_groups(
    truth: Mapping[str, Any],
    results: Sequence[Annotation],
    sigmas: Array,
    *,
    use_area: bool,
    part: slice | None,
    images: set[Any] | None,
) -> Iterator[list[_Group]]:
    """One list of pictures a category."""
    chosen = slice(None) if part is None else part
    tolerance = (2 * np.asarray(sigmas, np.float64)[chosen]) ** 2
    # xtcocotools sizes a whole-body result by its body points, whatever part it evaluates.
    sized = WHOLEBODY_PARTS["body"] if len(sigmas) == 133 else slice(None)
    for pictures in _grouped(truth, results, MAX_POSES, images):
        groups = []
        for indices, labels in pictures:
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
                sizes=np.array([_extent(p[sized]) for p in whole]),
                areas=areas,
                ignored=crowd | ~(wanted[..., 2] > 0).any(axis=1),
                crowd=crowd,
            )
            groups.append(_Group(candidates, indices, labels))
        yield groups


def _box_outcomes(truth: Mapping[str, Any], results: Sequence[Annotation]) -> list[list[Outcome]]:
    return [[judge(g.candidates, BOX_RANGES) for g in groups] for groups in _box_groups(truth, results)]


def _box_groups(truth: Mapping[str, Any], results: Sequence[Annotation]) -> Iterator[list[_Group]]:
    """One list of pictures a category."""
    for pictures in _grouped(truth, results, MAX_BOXES, None):
        groups = []
        for indices, labels in pictures:
            wanted = np.array([a["bbox"] for a in labels], np.float64).reshape(-1, 4)
            found = np.array([results[i]["bbox"] for i in indices], np.float64).reshape(-1, 4)
            crowd = np.array([bool(a.get("iscrowd", 0)) for a in labels], bool)
            sizes = found[:, 2] * found[:, 3]
            candidates = Candidates(
                similarity=_iou(found, wanted, crowd),
                scores=np.array([results[i]["score"] for i in indices], np.float64),
                sizes=sizes,
                areas=np.array([a.get("area", a["bbox"][2] * a["bbox"][3]) for a in labels], np.float64),
                ignored=crowd,
                crowd=crowd,
            )
            groups.append(_Group(candidates, indices, labels))
        yield groups


def _grouped(
    truth: Mapping[str, Any], results: Sequence[Annotation], keep: int, images: set[Any] | None
) -> Iterator[list[tuple[list[int], list[Annotation]]]]:
    """For each category its pictures in order of their ids: indices of the results, best first, and labels."""
    labels: dict[tuple[Any, Any], list[Annotation]] = defaultdict(list)
    found: dict[tuple[Any, Any], list[int]] = defaultdict(list)
    for annotation in truth["annotations"]:
        labels[annotation["category_id"], annotation["image_id"]].append(annotation)
    for index, result in enumerate(results):
        found[result["category_id"], result["image_id"]].append(index)
    ids = sorted(i["id"] for i in truth["images"] if images is None or i["id"] in images)
    for category in sorted(c["id"] for c in truth["categories"]):
        pictures = []
        for image in ids:
            key = category, image
            best = sorted(found.get(key, ()), key=lambda i: -results[i]["score"])[:keep]
            if best or key in labels:
                pictures.append((best, labels.get(key, [])))
        yield pictures


def _oks(found: Array, wanted: Array, boxes: Array, areas: Array, tolerance: Array) -> Array:
    """(D, G) OKS of points (D, K, 2) with labels (G, K, 3) over the labelled points.

    A label without any uses the distance outside its box, doubled about its middle, over all points. A predicted
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
    return similar.sum(axis=-1) / counted.sum(axis=-1)


def _iou(found: Array, wanted: Array, crowd: npt.NDArray[np.bool_]) -> Array:
    """(D, G) IoU of x, y, w, h boxes; with a crowd the share of the detection that lies in it."""
    a, b = from_xywh(found), from_xywh(wanted)
    sides = np.minimum(a[:, None, 2:], b[None, :, 2:]) - np.maximum(a[:, None, :2], b[None, :, :2])
    shared = np.clip(sides, 0, None).prod(axis=-1)
    area, other = box_areas(a)[:, None], box_areas(b)[None, :]
    union = np.where(crowd, area, area + other - shared)
    return np.divide(shared, union, out=np.zeros_like(shared), where=union > 0)


def _label_points(annotation: Annotation, count: int) -> Array:
    """(K, 3) points of a label, all unlabelled where it has only a box."""
    points = points_of(annotation)
    return points if len(points) else np.zeros((count, 3))


def _extent(points: Array) -> float:
    """Area of the box about a pose's points, as COCO sizes a result."""
    known = points[~np.isnan(points[:, :2]).any(axis=1), :2]
    return float((known.max(axis=0) - known.min(axis=0)).prod()) if len(known) else 0.0


def _pairs(classes: Iterator[list[_Group]]) -> dict[int, Pair]:
    found: dict[int, Pair] = {}
    for groups in classes:
        for group in groups:
            found.update(dict.fromkeys(group.results, Pair(0.0, None)))
            similarity, crowd = group.candidates.similarity, group.candidates.crowd
            free_results, free_labels = np.ones(len(similarity), bool), np.ones(len(crowd), bool)
            for flat in np.argsort(-similarity, axis=None, kind="stable"):
                d, g = divmod(int(flat), len(crowd))
                if similarity[d, g] < LEAST_SIMILAR:
                    break
                if free_results[d] and (free_labels[g] or crowd[g]):
                    free_results[d] = free_labels[g] = False
                    found[group.results[d]] = Pair(float(similarity[d, g]), group.labels[g])
    return found


def _ten(curves: Curves) -> dict[str, float]:
    return {
        "AP": curves.average_precision(),
        "AP50": curves.average_precision(0.5),
        "AP75": curves.average_precision(0.75),
        "APM": curves.average_precision(area=1),
        "APL": curves.average_precision(area=2),
        "AR": curves.average_recall(),
        "AR50": curves.average_recall(0.5),
        "AR75": curves.average_recall(0.75),
        "ARM": curves.average_recall(area=1),
        "ARL": curves.average_recall(area=2),
    }
