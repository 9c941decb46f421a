"""Distances in the picture: PCK, its area under the curve, end-point error, and the forms of MPII and JHMDB.

Points are (N, K, 2) in pixels; `mask` (N, K) tells which are labelled. Source: mmpose's keypoint metrics.
"""

import numpy as np

from rtmcli.arrays import BoolArray, FloatArray
from rtmcli.codecs import simcc

# MPII: pairs of joints that are reported together; head top and neck for the head.
MPII_PAIRS = {
    "Head": (9, 9),
    "Shoulder": (12, 13),
    "Elbow": (11, 14),
    "Wrist": (10, 15),
    "Hip": (2, 3),
    "Knee": (1, 4),
    "Ankle": (0, 5),
}
MPII_LEFT_OUT = (6, 7)  # pelvis and thorax do not enter the mean

JHMDB_PAIRS = {
    "Head": (2,),
    "Sho": (3, 4),
    "Elb": (7, 8),
    "Wri": (11, 12),
    "Hip": (5, 6),
    "Knee": (9, 10),
    "Ank": (13, 14),
}


def pck(
    found: FloatArray, truth: FloatArray, mask: BoolArray, *, threshold: float, norm: FloatArray
) -> tuple[FloatArray, float, int]:
    """Percentage of correct key points: closer than `threshold` times the normaliser.

    Args:
        norm: (N, 2) divisors in x and y: the longer side of the box, the head, the torso, twice the same number.

    Returns:
        (K,) share of each joint, -1 where it is never labelled; their mean over the others; and how many those are.
    """
    distances = _distances(found, truth, mask, norm)
    return _shares(distances, threshold)


def auc(
    found: FloatArray, truth: FloatArray, mask: BoolArray, *, norm: float = 30.0, thresholds: int = 20
) -> float:
    """Mean PCK over the thresholds i / `thresholds` (i from 0), of `norm` pixels (hands: 30)."""
    sides = np.full((len(found), 2), norm)
    distances = _distances(found, truth, mask, sides)
    return float(np.mean([_shares(distances, i / thresholds)[1] for i in range(thresholds)]))


def epe(found: FloatArray, truth: FloatArray, mask: BoolArray) -> float:
    """Mean end-point error in pixels over the labelled points."""
    distances = _distances(found, truth, mask, np.ones((len(found), 2)))
    return float(distances[mask].mean()) if mask.any() else 0.0


def mpii_pckh(
    found: FloatArray, truth: FloatArray, mask: BoolArray, head_sizes: FloatArray
) -> dict[str, float]:
    """MPII's PCKh in percent: head, shoulder, ..., `PCK` at 0.5 and `PCK@0.1` of the head size.

    Args:
        found: (N, 16, 2) in pixels from 0; truth: in MPII's own, which count from 1; head_sizes: (N,), 0.6 times
            the diagonal of the head box.

    A joint without any label counts -100 in the mean of its pair, as in the tool.
    """
    distances = np.linalg.norm(found + 1.0 - truth, axis=-1) / head_sizes[:, None]  # (N, K)
    labelled = mask.sum(axis=0)  # (K,)

    def shares(threshold: float) -> FloatArray:
        good = ((distances <= threshold) & mask).sum(axis=0)
        return np.where(labelled > 0, 100.0 * good / np.maximum(labelled, 1), -100.0)

    half, tenth = shares(0.5), shares(0.1)
    kept = np.setdiff1d(np.arange(len(labelled)), MPII_LEFT_OUT)
    weights = labelled[kept] / max(labelled[kept].sum(), 1)
    figures = {f"{name} PCK": float(half[list(pair)].mean()) for name, pair in MPII_PAIRS.items()}
    return figures | {
        "PCK": float((half[kept] * weights).sum()),
        "PCK@0.1": float((tenth[kept] * weights).sum()),
    }


def jhmdb_pck(
    found: FloatArray, truth: FloatArray, mask: BoolArray, *, norm: FloatArray, threshold: float, suffix: str
) -> dict[str, float]:
    """JHMDB's PCK by body part, keys as `Sho PCK`; `norm` is the box's longer side or `torso_sizes`."""
    shares, mean, _ = pck(found, truth, mask, threshold=threshold, norm=norm)
    figures = {f"{name} {suffix}": float(shares[list(pair)].mean()) for name, pair in JHMDB_PAIRS.items()}
    return {**figures, suffix: mean}


def torso_sizes(found: FloatArray, truth: FloatArray) -> FloatArray:
    """(N, 2) distance of points 4 and 5 (JHMDB), of the prediction where the label's is under a pixel."""
    labelled = np.linalg.norm(truth[:, 4] - truth[:, 5], axis=1)
    predicted = np.linalg.norm(found[:, 4] - found[:, 5], axis=1)
    sizes = np.where(labelled < 1, predicted, labelled)
    return np.stack([sizes, sizes], axis=1)


def simcc_accuracy(
    found: tuple[FloatArray, FloatArray],
    truth: tuple[FloatArray, FloatArray],
    mask: BoolArray,
    *,
    ratio: float = 2.0,
    threshold: float = 0.05,
) -> tuple[FloatArray, float, int]:
    """PCK of SimCC outputs (x, y) against labels: the accuracy shown while training.

    The normaliser is the input's (height, width) on (x, y), in that order, as the reference logs it.
    """
    size = np.array([found[1].shape[-1] / ratio, found[0].shape[-1] / ratio])
    points, wanted = simcc.decode(*found, ratio)[0], simcc.decode(*truth, ratio)[0]
    return pck(points, wanted, mask, threshold=threshold, norm=np.tile(size, (len(points), 1)))


def _distances(found: FloatArray, truth: FloatArray, mask: BoolArray, norm: FloatArray) -> FloatArray:
    """(N, K) normalised distances, -1 where not labelled or without a normaliser."""
    usable = mask & np.asarray((norm > 0).all(axis=1, keepdims=True))
    safe = np.where(norm > 0, norm, 1)[:, None]
    distances = np.linalg.norm(found / safe - truth / safe, axis=-1)
    return np.where(usable, distances, -1.0)


def _shares(distances: FloatArray, threshold: float) -> tuple[FloatArray, float, int]:
    labelled = np.asarray(distances >= 0)
    count = np.asarray(labelled.sum(axis=0))  # (K,)
    good = (labelled & (distances < threshold)).sum(axis=0)
    shares = np.where(count > 0, good / np.maximum(count, 1), -1.0)
    known = shares[count > 0]
    return shares, float(known.mean()) if len(known) else 0.0, len(known)
