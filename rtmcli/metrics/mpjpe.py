"""Errors in space: mean distance per joint, plain, after scaling, and after a similarity fit (Procrustes)."""

from typing import Literal

import numpy as np

from rtmcli.arrays import BoolArray, FloatArray


def mpjpe(
    found: FloatArray,
    truth: FloatArray,
    mask: BoolArray,
    *,
    align: Literal["none", "scale", "procrustes"] = "none",
) -> float:
    """Mean distance over the labelled points, in the unit of the coordinates.

    Args:
        found, truth: (N, K, 3), both from the same root; mask: (N, K).
        align: `scale` fits one factor a sample (N-MPJPE), `procrustes` a similarity (P-MPJPE).
    """
    if align == "scale":
        factor = (found * truth).sum(axis=(1, 2)) / (found**2).sum(axis=(1, 2))  # (N,)
        found = found * factor[:, None, None]
    elif align == "procrustes":
        found = np.stack([procrustes(f, t) for f, t in zip(found, truth, strict=True)])
    return float(np.linalg.norm(found - truth, axis=-1)[mask].mean()) if mask.any() else 0.0


def procrustes(found: FloatArray, truth: FloatArray) -> FloatArray:
    """Points (K, 3) moved, turned and scaled onto `truth` (K, 3) in the least squares; never mirrored."""
    source_mean, target_mean = found.mean(axis=0), truth.mean(axis=0)
    source, target = found - source_mean, truth - target_mean
    u, s, vt = np.linalg.svd(target.T @ source)
    signs = np.ones(len(s))
    signs[-1] = np.sign(np.linalg.det(u @ vt))
    rotation = (u * signs) @ vt  # (3, 3)
    scale = (s * signs).sum() / (source**2).sum()
    return scale * source @ rotation.T + target_mean
