"""Two-dimensional keypoint accuracy: PCK, PCKh, the area under the PCK curve (AUC) and the end-point error (EPE).

Definitions: PCK, Yang and Ramanan, "Articulated Human Detection with Flexible Mixtures of Parts" (PAMI 2013),
section 6.1; PCKh, Andriluka et al., "2D Human Pose Estimation: New Benchmark and State of the Art Analysis" (CVPR
2014), section 4. The numbers equal those of mmpose (`mmpose/evaluation/functional/keypoint_eval.py`).

Points are (N, K, 2) in pixels; a predicted point that does not exist is NaN. `mask` (N, K) tells which points are
labelled.
"""

import numpy as np

from rtmcli.arrays import BoolArray, FloatArray

# The joints of MPII's 16 that are reported together.
MPII_GROUPS = {
    "Head": (9,),
    "Shoulder": (12, 13),
    "Elbow": (11, 14),
    "Wrist": (10, 15),
    "Hip": (2, 3),
    "Knee": (1, 4),
    "Ankle": (0, 5),
}
# MPII's evaluation leaves pelvis and thorax out of the mean.
MPII_LEFT_OUT = (6, 7)


def pck(
    found: FloatArray, truth: FloatArray, mask: BoolArray, *, threshold: float, norm: FloatArray
) -> tuple[FloatArray, float, int]:
    """Share of correct keypoints: those closer to the label than `threshold` times the reference length.

    Args:
        norm: (N, 2) reference length in x and y, such as the longer side of the box; a pose without one (0) is
            left out.

    Returns:
        (K,) share of each keypoint, -1 where it is never labelled; their mean over the others; and how many those are.
        A labelled point without a prediction is not correct.
    """
    counted = mask & np.asarray((norm > 0).all(axis=1, keepdims=True))
    return _shares(_distances(found, truth, norm), counted, threshold)


def auc(
    found: FloatArray, truth: FloatArray, mask: BoolArray, *, norm: float = 30.0, thresholds: int = 20
) -> float:
    """Mean PCK over the thresholds i / `thresholds` (i from 0) of `norm` pixels."""
    distances = _distances(found, truth, np.full((len(found), 2), norm))
    return float(np.mean([_shares(distances, mask, i / thresholds)[1] for i in range(thresholds)]))


def epe(found: FloatArray, truth: FloatArray, mask: BoolArray) -> float:
    """Mean distance in pixels over the labelled points that have a prediction; NaN where there is none."""
    distances = np.linalg.norm(found - truth, axis=-1)
    counted = mask & ~np.isnan(distances)
    return float(distances[counted].mean()) if counted.any() else float("nan")


def mpii_pckh(
    found: FloatArray, truth: FloatArray, mask: BoolArray, head_sizes: FloatArray
) -> dict[str, float]:
    """MPII's PCKh from 0 to 1: of each group of joints, and of all as `PCKh` (at 0.5) and `PCKh@0.1`.

    Args:
        found, truth: (N, 16, 2) with the same origin. (MPII's own files count pixels from 1.)
        head_sizes: (N,) 0.6 times the diagonal of the head box.

    The mean weights each joint by its number of labels. A joint without any label counts -1 in the mean of its
    group, as in mmpose's `MpiiPCKAccuracy`.
    """
    distances = np.linalg.norm(found - truth, axis=-1) / head_sizes[:, None]  # (N, K)
    labelled = mask.sum(axis=0)  # (K,)

    def shares(threshold: float) -> FloatArray:
        good = ((distances <= threshold) & mask).sum(axis=0)
        return np.where(labelled > 0, good / np.maximum(labelled, 1), -1.0)

    half, tenth = shares(0.5), shares(0.1)
    kept = np.setdiff1d(np.arange(len(labelled)), MPII_LEFT_OUT)
    weights = labelled[kept] / max(labelled[kept].sum(), 1)
    figures = {name: float(half[list(joints)].mean()) for name, joints in MPII_GROUPS.items()}
    return figures | {
        "PCKh": float((half[kept] * weights).sum()),
        "PCKh@0.1": float((tenth[kept] * weights).sum()),
    }


def _distances(found: FloatArray, truth: FloatArray, norm: FloatArray) -> FloatArray:
    """(N, K) distances in units of `norm` (N, 2)."""
    safe = np.where(norm > 0, norm, 1)[:, None]
    result: FloatArray = np.linalg.norm(found / safe - truth / safe, axis=-1)
    return result


def _shares(distances: FloatArray, counted: BoolArray, threshold: float) -> tuple[FloatArray, float, int]:
    count = np.asarray(counted.sum(axis=0))  # (K,)
    good = (counted & (distances < threshold)).sum(axis=0)
    shares = np.where(count > 0, good / np.maximum(count, 1), -1.0)
    known = shares[count > 0]
    return shares, float(known.mean()) if len(known) else 0.0, len(known)
