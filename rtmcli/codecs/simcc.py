"""SimCC: a coordinate as a distribution over bins (Li et al. 2022), as RTMPose and RTMW use it.

Sizes are (W, H); the input of W x H pixels has round(W r) and round(H r) bins, r the split ratio.
"""

import numpy as np

from rtmcli.arrays import Float32Array, FloatArray


def encode(
    keypoints: FloatArray,
    visible: FloatArray,
    *,
    size: tuple[int, int],
    sigma: tuple[float, float],
    ratio: float = 2.0,
) -> tuple[Float32Array, Float32Array, Float32Array]:
    """Gaussian labels of keypoints.

    Args:
        keypoints: (N, K, 2) in input pixels; visible: (N, K), below 0.5 is not labelled.
        size: input (W, H); sigma: of the Gaussians in x and y, in bins (192x256: 4.9, 5.66).

    Returns:
        Labels x (N, K, W r), y (N, K, H r), and weights (N, K): 0 where the three-sigma patch is all outside.
    """
    (x, y), weights = encode_axes(keypoints, visible, size, sigma, ratio)
    return x, y, weights


def encode_axes(
    points: FloatArray,
    visible: FloatArray,
    size: tuple[int, ...],
    sigma: tuple[float, ...],
    ratio: float,
) -> tuple[list[Float32Array], Float32Array]:
    """Labels of any number of axes: points (N, K, A) to A arrays (N, K, size r), and weights (N, K).

    A point whose three-sigma patch is all outside along any axis has zero rows and weight 0.
    """
    centers = np.rint(points.astype(np.float32) * np.float32(ratio))  # (N, K, A), ties to even
    bins = np.array([round(side * ratio) for side in size])
    radius = 3.0 * np.asarray(sigma)
    outside = ((centers - radius >= bins) | (centers + radius + 1 < 0)).any(axis=-1)  # (N, K)
    labelled = visible >= 0.5
    drawn = labelled & ~outside
    rows = [_gaussians(centers[..., a], drawn, int(bins[a]), sigma[a]) for a in range(len(size))]
    return rows, np.where(labelled & outside, 0, visible).astype(np.float32)


def decode(simcc_x: FloatArray, simcc_y: FloatArray, ratio: float = 2.0) -> tuple[Float32Array, Float32Array]:
    """Keypoints of a network's vectors.

    Args:
        simcc_x, simcc_y: (N, K, bins) raw output.

    Returns:
        (N, K, 2) in input pixels and scores (N, K): a point's score is the smaller of the two maxima, as in mmpose.
        It is raw and can exceed 1. Where it is not positive the point is (-1, -1) / ratio.
    """
    at_x, at_y = simcc_x.argmax(axis=-1), simcc_y.argmax(axis=-1)  # (N, K), the first maxima
    scores = np.minimum(simcc_x.max(axis=-1), simcc_y.max(axis=-1))
    locations = np.stack([at_x, at_y], axis=-1).astype(np.float32)
    locations[scores <= 0] = -1
    return locations / np.float32(ratio), scores.astype(np.float32)


def _gaussians(centers: FloatArray, drawn: FloatArray, bins: int, sigma: float) -> Float32Array:
    """exp(-(i - m)^2 / 2 sigma^2) over all bins for the (N, K) centres `drawn`; zero rows elsewhere."""
    offsets = np.arange(bins, dtype=np.float32) - centers[..., None]  # (N, K, bins)
    rows = np.exp(-(offsets**2) / (2 * np.float32(sigma) ** 2))
    return np.where(drawn[..., None], rows, 0).astype(np.float32)
