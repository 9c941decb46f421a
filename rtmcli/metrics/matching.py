"""Detections matched with labels, and the precision that follows: the core of every COCO figure. Numpy alone.

Definition: the COCO evaluation (pycocotools, `COCOeval`), which this equals number for number; boxes and key
points differ only in their similarity (IoU, OKS). T thresholds, R recall points, C classes, A area ranges,
D detections and G labels of a picture.
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
    """The detections and labels of one class in one picture, detections best first.

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
class Outcome:
    """What became of a picture's detections: `hit`, `ignored` (A, T, D), their scores (D,), labels `wanted` (A,)."""

    hit: BoolArray
    ignored: BoolArray
    scores: FloatArray
    wanted: npt.NDArray[np.int64]


def judge(candidates: Candidates, ranges: Sequence[tuple[float, float]]) -> Outcome:
    """Match a picture's detections at every threshold and in every area range.

    A label outside the range is ignored, and so is an unmatched detection outside it.
    """
    low, high = np.array(ranges).T[:, :, None]  # (A, 1) each
    ignored = candidates.ignored | (candidates.areas < low) | (candidates.areas > high)  # (A, G)
    matches = match(candidates.similarity, ignored, candidates.crowd)  # (A, T, D)
    hit = matches >= 0
    if candidates.similarity.shape[1]:
        at_ignored = ignored[np.arange(len(ranges))[:, None, None], matches] & hit
    else:
        at_ignored = np.zeros_like(hit)
    outside = (candidates.sizes < low) | (candidates.sizes > high)  # (A, D)
    left_out = at_ignored | (~hit & outside[:, None, :])
    return Outcome(hit, left_out, candidates.scores, (~ignored).sum(axis=1))


def match(
    similarity: FloatArray, ignored: BoolArray, crowd: BoolArray, thresholds: FloatArray = THRESHOLDS
) -> IndexArray:
    """Greedy assignment, best detection first, each to the free label most like it.

    A label that counts goes before an ignored one; of equals the later wins. `similarity` (D, G),
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


def accumulate(classes: Iterable[Sequence[Outcome]], areas: int, *, keep: int | None = None) -> Curves:
    """Curves of the outcomes of each class; only the best `keep` detections of a picture count, where given."""
    precision, recall = [], []
    for outcomes in classes:
        curve = np.full((len(THRESHOLDS), len(RECALLS), areas), -1.0)
        final = np.full((len(THRESHOLDS), areas), -1.0)
        wanted = sum((o.wanted for o in outcomes), np.zeros(areas, np.int64))
        if wanted.any():
            hit, ignored, order = _ranked(outcomes, keep)
            for a in np.flatnonzero(wanted):
                for t in range(len(THRESHOLDS)):
                    counts = ~ignored[a, t, order]
                    curve[t, :, a], final[t, a] = _curve(hit[a, t, order][counts], int(wanted[a]))
        precision.append(curve)
        recall.append(final)
    return Curves(np.stack(precision, axis=2), np.stack(recall, axis=1))


def _ranked(outcomes: Sequence[Outcome], keep: int | None) -> tuple[BoolArray, BoolArray, IndexArray]:
    """`hit` and `ignored` (A, T, D) of all pictures together, and the order of falling scores."""
    hit = np.concatenate([o.hit[..., :keep] for o in outcomes], axis=-1)
    ignored = np.concatenate([o.ignored[..., :keep] for o in outcomes], axis=-1)
    scores = np.concatenate([o.scores[:keep] for o in outcomes])
    return hit, ignored, np.argsort(-scores, kind="stable")


def _curve(hit: BoolArray, wanted: int) -> tuple[FloatArray, float]:
    """Precision at the recall points of ranked detections, made to fall from left to right; and final recall."""
    true = np.cumsum(hit, dtype=np.float64)
    recall = true / wanted
    precision = true / (np.arange(1, len(hit) + 1) + np.spacing(1))
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
