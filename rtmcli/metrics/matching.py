"""COCO's matching of detections with labels, and the precision and recall that follow. Numpy alone.

The numbers equal those of pycocotools (`COCOeval`); boxes and keypoints differ only in their similarity (IoU,
OKS). Shapes: T thresholds, R recall points, C classes, A area ranges, D detections and G labels of an image.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from rtmcli.arrays import BoolArray, FloatArray, IndexArray

THRESHOLDS = np.linspace(0.5, 0.95, 10)
RECALLS = np.linspace(0.0, 1.0, 101)

ANY = (0.0, 1e10)
SMALL = (0.0, 32.0**2)
MEDIUM = (32.0**2, 96.0**2)
LARGE = (96.0**2, 1e10)


@dataclass(frozen=True, slots=True)
class Candidates:
    """The detections and labels of one class in one image, detections best first.

    Attributes:
        similarity: (D, G) IoU or OKS.
        scores: (D,) descending. sizes: (D,) areas of the detections.
        areas: (G,) areas of the labels.
        ignored: (G,) labels that count neither as found nor as missed.
        crowd: (G,) labels that several detections may match.
    """

    similarity: FloatArray
    scores: FloatArray
    sizes: FloatArray
    areas: FloatArray
    ignored: BoolArray
    crowd: BoolArray


@dataclass(frozen=True, slots=True)
class Matches:
    """The matching of one image.

    Attributes:
        matched: (A, T, D) detections that have a label.
        ignored: (A, T, D) detections that count neither as right nor as wrong.
        scores: (D,) descending.
        labels: (A,) number of labels that count.
    """

    matched: BoolArray
    ignored: BoolArray
    scores: FloatArray
    labels: npt.NDArray[np.int64]


def match_image(candidates: Candidates, ranges: Sequence[tuple[float, float]]) -> Matches:
    """Match an image's detections at every threshold and in every area range.

    A label outside the range is ignored, and so is an unmatched detection outside it.
    """
    low, high = np.array(ranges).T[:, :, None]  # (A, 1) each
    ignored = candidates.ignored | (candidates.areas < low) | (candidates.areas > high)  # (A, G)
    matches = match(candidates.similarity, ignored, candidates.crowd)  # (A, T, D)
    matched = matches >= 0
    if candidates.similarity.shape[1]:
        at_ignored = ignored[np.arange(len(ranges))[:, None, None], matches] & matched
    else:
        at_ignored = np.zeros_like(matched)
    outside = (candidates.sizes < low) | (candidates.sizes > high)  # (A, D)
    left_out = at_ignored | (~matched & outside[:, None, :])
    return Matches(matched, left_out, candidates.scores, (~ignored).sum(axis=1))


def match(
    similarity: FloatArray, ignored: BoolArray, crowd: BoolArray, thresholds: FloatArray = THRESHOLDS
) -> IndexArray:
    """Greedy assignment, best detection first, each to the most similar free label.

    A label that counts goes before an ignored one; of equally similar ones the later. `similarity` (D, G),
    `ignored` (A, G), `crowd` (G,). Returns (A, T, D) label indices, -1 where none reaches the threshold.
    """
    (detections, labels), areas = similarity.shape, len(ignored)
    found = np.full((areas, len(thresholds), detections), -1, np.intp)
    limits = np.minimum(thresholds, 1 - 1e-10)
    free = np.ones((areas, len(thresholds), labels), bool)
    for d in range(detections if labels else 0):
        values = similarity[d]  # (G,)
        if values.max() < limits[0]:
            continue
        open_to = (free | crowd) & (values >= limits[:, None])  # (A, T, G)
        counted = _last_best(open_to & ~ignored[:, None], values)
        other = _last_best(open_to & ignored[:, None], values)
        found[..., d] = np.where(counted >= 0, counted, other)
        a, t = np.nonzero(found[..., d] >= 0)
        free[a, t, found[a, t, d]] = False
    return found


@dataclass(frozen=True, slots=True)
class Curves:
    """Precision (T, R, C, A) at each recall point and final recall (T, C, A); -1 where there was nothing to find."""

    precision: FloatArray
    recall: FloatArray

    def average_precision(self, threshold: float | None = None, area: int = 0) -> float:
        """Mean precision over recall points, classes and thresholds (or at one); -1 without any label."""
        return _mean(self.precision[_at(threshold), :, :, area])

    def average_recall(self, threshold: float | None = None, area: int = 0) -> float:
        """Mean of the final recall over classes and thresholds (or at one); -1 without any label."""
        return _mean(self.recall[_at(threshold), :, area])


def accumulate(classes: Iterable[Sequence[Matches]], areas: int, *, keep: int | None = None) -> Curves:
    """Curves of the images of each class; only the best `keep` detections of an image count, where given."""
    precision, recall = [], []
    for images in classes:
        curve = np.full((len(THRESHOLDS), len(RECALLS), areas), -1.0)
        final = np.full((len(THRESHOLDS), areas), -1.0)
        labels = sum((image.labels for image in images), np.zeros(areas, np.int64))
        if labels.any():
            matched, ignored, order = _ranked(images, keep)
            for a in np.flatnonzero(labels):
                for t in range(len(THRESHOLDS)):
                    counts = ~ignored[a, t, order]
                    curve[t, :, a], final[t, a] = _curve(matched[a, t, order][counts], int(labels[a]))
        precision.append(curve)
        recall.append(final)
    return Curves(np.stack(precision, axis=2), np.stack(recall, axis=1))


def _ranked(images: Sequence[Matches], keep: int | None) -> tuple[BoolArray, BoolArray, IndexArray]:
    """`matched` and `ignored` (A, T, D) of all images together, and the order of falling scores."""
    matched = np.concatenate([image.matched[..., :keep] for image in images], axis=-1)
    ignored = np.concatenate([image.ignored[..., :keep] for image in images], axis=-1)
    scores = np.concatenate([image.scores[:keep] for image in images])
    return matched, ignored, np.argsort(-scores, kind="stable")


def _curve(matched: BoolArray, labels: int) -> tuple[FloatArray, float]:
    """Precision at the recall points of ranked detections, made monotonic; and final recall."""
    true = np.cumsum(matched, dtype=np.float64)
    recall = true / labels
    precision = true / (np.arange(1, len(matched) + 1) + np.spacing(1))
    envelope = np.maximum.accumulate(precision[::-1])[::-1]
    at = np.searchsorted(recall, RECALLS, side="left")
    reached = at < len(envelope)
    values = np.zeros(len(RECALLS))
    values[reached] = envelope[at[reached]]
    return values, float(recall[-1]) if len(recall) else 0.0


def _last_best(allowed: BoolArray, values: FloatArray) -> IndexArray:
    """The allowed label of highest value, the last of equals, or -1; (A, T, G) and (G,) to (A, T)."""
    best = allowed.shape[-1] - 1 - np.where(allowed, values, -1.0)[..., ::-1].argmax(axis=-1)
    return np.where(allowed.any(axis=-1), best, -1)


def _at(threshold: float | None) -> slice:
    if threshold is None:
        return slice(None)
    index = int(np.abs(THRESHOLDS - threshold).argmin())
    return slice(index, index + 1)


def _mean(values: FloatArray) -> float:
    known = values[values > -1]
    return float(known.mean()) if known.size else -1.0
