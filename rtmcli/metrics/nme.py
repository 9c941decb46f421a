"""Normalised mean error of facial landmarks."""

import numpy as np

from rtmcli.arrays import BoolArray, FloatArray

# The two points whose distance normalises: the outer corners of the eyes, or the pupils (COFW).
REFERENCE_POINTS = {
    "wflw": (60, 72),
    "lapa": (66, 79),
    "300w": (36, 45),
    "coco_wholebody_face": (36, 45),
    "cofw": (8, 9),
}


def nme(found: FloatArray, truth: FloatArray, mask: BoolArray, *, reference: tuple[int, int]) -> float:
    """Mean distance over the labelled points, in units of the distance of two points of the label.

    Args:
        found, truth: (N, K, 2) in pixels; mask: (N, K).
        reference: the two points, as in `REFERENCE_POINTS`; faces on which they coincide are left out.
    """
    norm = np.linalg.norm(truth[:, reference[0]] - truth[:, reference[1]], axis=1)  # (N,)
    usable = mask & (norm > 0)[:, None]
    distances = np.linalg.norm(found - truth, axis=-1) / np.where(norm > 0, norm, 1)[:, None]
    return float(distances[usable].mean()) if usable.any() else 0.0
