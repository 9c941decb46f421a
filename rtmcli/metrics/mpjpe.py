"""Three-dimensional error: mean per-joint position error, plain, after scaling, and after a similarity transform.

Definitions: MPJPE, Ionescu et al., "Human3.6M" (PAMI 2014), section 4; N-MPJPE, Rhodin et al., "Unsupervised
Geometry-Aware Representation" (ECCV 2018), section 4; PA-MPJPE, Martinez et al., "A simple yet effective baseline for
3d human pose estimation" (ICCV 2017), protocol 2. The numbers equal those of mmpose (`keypoint_mpjpe` in
`mmpose/evaluation/functional/mesh_eval.py` and `keypoint_eval.py`).
"""

from typing import Literal

import numpy as np

from rtmcli.arrays import FloatArray

Align = Literal["none", "scale", "procrustes"]

# Below it all points of a pose are one point, which no scale fits.
_LEAST = 1e-12


def joint_errors(found: FloatArray, truth: FloatArray, *, align: Align = "none") -> FloatArray:
    """Distance of each point of one pose from its label, (K,), in the unit of the coordinates.

    Args:
        found, truth: (K, 3), both relative to the same root; all points enter the alignment.
        align: `scale` fits one factor (N-MPJPE), `procrustes` a similarity transform (PA-MPJPE).
    """
    if align == "scale":
        found = found * ((found * truth).sum() / max((found**2).sum(), _LEAST))
    elif align == "procrustes":
        found = procrustes(found, truth)
    result: FloatArray = np.linalg.norm(found - truth, axis=-1)
    return result


def procrustes(found: FloatArray, truth: FloatArray) -> FloatArray:
    """Points (K, 3) translated, rotated (never reflected) and scaled onto `truth` (K, 3) with least squared error."""
    source_mean, target_mean = found.mean(axis=0), truth.mean(axis=0)
    source, target = found - source_mean, truth - target_mean
    u, s, vt = np.linalg.svd(target.T @ source)
    signs = np.ones(len(s))
    signs[-1] = np.sign(np.linalg.det(u @ vt))
    rotation = (u * signs) @ vt  # (3, 3)
    scale = (s * signs).sum() / max((source**2).sum(), _LEAST)
    result: FloatArray = scale * source @ rotation.T + target_mean
    return result
