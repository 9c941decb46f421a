"""Normalised mean error (NME) of facial landmarks.

Definition and reference lengths: mmpose (`keypoint_nme` in `mmpose/evaluation/functional/keypoint_eval.py` and
`NME` in `mmpose/evaluation/metrics/keypoint_2d_metrics.py`).
"""

import numpy as np

from rtmcli.arrays import BoolArray, FloatArray

# The two points of each face skeleton whose distance is the reference length: the outer corners of the eyes (WFLW,
# LaPa, 300-W, COCO-WholeBody's face), the pupils (COFW).
REFERENCE_POINTS = {
    "face98": (60, 72),
    "face106": (66, 79),
    "face68_300w": (36, 45),
    "face68": (36, 45),
    "face29_cofw": (8, 9),
}
# Skeletons whose reference length is the size of the face's box: many of AFLW's faces are profiles.
BOX_REFERENCE = ("face19_aflw",)


def reference_lengths(truth: FloatArray, points: tuple[int, int]) -> FloatArray:
    """(N,) distance of two labelled points (N, K, 2), in pixels."""
    result: FloatArray = np.linalg.norm(truth[:, points[0]] - truth[:, points[1]], axis=1)
    return result


def nme(found: FloatArray, truth: FloatArray, mask: BoolArray, lengths: FloatArray) -> float:
    """Mean distance over the labelled points in units of each face's reference length.

    Args:
        found, truth: (N, K, 2) in pixels; a predicted point that does not exist is NaN and left out.
        mask: (N, K) which points are labelled.
        lengths: (N,) in pixels; a face whose length is 0 is left out.

    Returns:
        The mean; NaN where no point counts.
    """
    distances = np.linalg.norm(found - truth, axis=-1) / np.where(lengths > 0, lengths, 1)[:, None]
    counted = mask & (lengths > 0)[:, None] & ~np.isnan(distances)
    return float(distances[counted].mean()) if counted.any() else float("nan")
