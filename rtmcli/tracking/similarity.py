"""How much a person found now is like a person who was expected: (T, P) matrices in [0, 1]."""

import math
from functools import lru_cache

import numpy as np

from rtmcli.arrays import Float64Array, FloatArray
from rtmcli.errors import RtmError
from rtmcli.skeletons import load_skeleton

# (6, 4): from x and y of the middle, width and height to -x1, -y1, x2, y2, the height and minus the height. The minimum
# over two boxes gives the corners of what they share, and the smaller and the larger height, in one call.
_EXTENTS = np.array(
    [[-1, 0, 0.5, 0], [0, -1, 0, 0.5], [1, 0, 0.5, 0], [0, 1, 0, 0.5], [0, 0, 0, 1], [0, 0, 0, -1]]
)
# Far below what counts. Where exp() underflows, as for people far apart, it takes several times as long.
_LEAST_EXPONENT = -600.0

_DOUBLE = 0.7  # share of the smaller of two boxes that both cover, where they show one person


def box_similarity(
    expected: Float64Array, boxes: Float64Array
) -> tuple[Float64Array, Float64Array, Float64Array]:
    """IoU times the square of the heights' ratio, IoU alone, and that ratio.

    Heights change slowly, widths with every step (height-modulated IoU: Yang et al., "Hybrid-SORT", AAAI 2024).
    `expected` (4, T), `boxes` (4, P) as in `Tracks`.
    """
    least = np.minimum(_EXTENTS.dot(expected)[:, :, None], _EXTENTS.dot(boxes)[:, None])  # (6, T, P)
    sides = np.maximum(least[:2] + least[2:4], 0)
    shared = sides[0] * sides[1]
    areas = (expected[2] * expected[3])[:, None] + boxes[2] * boxes[3]
    overlap = shared / np.maximum(areas - shared, 1e-6)
    ratio = least[4] / np.maximum(-least[5], 1e-6)
    return overlap * ratio**2, overlap, ratio


def pose_similarity(
    tracks: FloatArray, poses: FloatArray, offset: Float64Array, areas: Float64Array, falloff: FloatArray
) -> Float64Array:
    """OKS in which a keypoint counts by the smaller of its two weights; NaN for a pair that shares no keypoint.

    Args:
        tracks: (3, T, K) x, y, weight; poses: (3, P, K). NaN is a keypoint that does not exist.
        offset: (2, T) by which the poses of tracks have moved.
        areas: (T,) of the tracks' boxes, in square pixels.
        falloff: (K,) -1 / (2 (2 sigma)^2), with the skeleton's sigmas.
    """
    apart = (tracks[:2] + offset[..., None])[:, :, None] - poses[:2, None]  # (2, T, P, K)
    apart *= apart
    falloffs = falloff / np.maximum(areas, 1e-6)[:, None]  # (T, K)
    exponents = (apart[0] + apart[1]) * falloffs[:, None]  # (T, P, K)
    similar = np.exp(np.maximum(exponents, _LEAST_EXPONENT))
    weight = np.minimum(tracks[2, :, None], poses[2])
    result: Float64Array = np.vecdot(similar, weight) / weight.sum(axis=-1)
    if not math.isnan(np.vdot(result, result)):
        return result
    unknown = np.isnan(similar)
    similar, weight = np.where(unknown, 0, similar), np.where(unknown, 0, weight)
    total = weight.sum(axis=-1)
    result = np.divide(np.vecdot(similar, weight), total, out=np.full_like(total, np.nan), where=total > 0)
    return result


@lru_cache(maxsize=16)
def oks_falloff(skeleton: str | None, count: int) -> Float64Array:
    """-1 / (2 (2 sigma)^2) of each keypoint; the same for all where the skeleton is unknown."""
    try:
        sigmas = load_skeleton(skeleton).sigmas if skeleton else np.zeros(0)
    except RtmError:
        sigmas = np.zeros(0)
    return -1 / (8 * np.asarray(sigmas if len(sigmas) == count else np.full(count, 0.05)) ** 2)


def nearness(
    expected: Float64Array, boxes: Float64Array, *, reach: float | Float64Array, size_change: float
) -> Float64Array:
    """1 at the expected place, 0 at `reach` box diagonals from it, and where a size changed by more than a factor.

    `expected` (4, T), `boxes` (4, P) as in `Tracks`; `reach` is one number, or one for each track, (T,).
    """
    between = expected[:2, :, None] - boxes[:2, None]  # (2, T, P)
    distance = np.linalg.norm(between, axis=0)
    old = np.linalg.norm(expected[2:], axis=0)[:, None]  # (T, 1)
    new = np.linalg.norm(boxes[2:], axis=0)  # (P,)
    smaller, larger = np.minimum(old, new), np.maximum(old, new)
    limit = np.asarray(reach).reshape(-1, 1) * np.maximum(smaller, 1e-6)
    near = np.clip(1 - distance / np.maximum(limit, 1e-9), 0, 1)
    return np.where(larger <= size_change * smaller, near, 0)


def one_person(box: FloatArray, others: FloatArray) -> bool:
    """Whether a box (4,) covers one of the boxes (N, 4), or lies in it."""
    sides = np.minimum(box[2:], others[:, 2:]) - np.maximum(box[:2], others[:, :2])  # (N, 2)
    shared = np.clip(sides, 0, None).prod(axis=1)
    smaller = np.minimum((box[2:] - box[:2]).prod(), (others[:, 2:] - others[:, :2]).prod(axis=1))
    return bool((shared > _DOUBLE * smaller).any())
