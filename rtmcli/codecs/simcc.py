"""SimCC: a coordinate as a distribution over bins (Li et al. 2022), as RTMPose and RTMW use it.

Sizes are (W, H); the input of W x H pixels has round(W r) and round(H r) bins, r the split ratio.
"""

from typing import Literal

import numpy as np
import numpy.typing as npt

from rtmcli.arrays import Float32Array, FloatArray


def encode(
    keypoints: FloatArray,
    visible: FloatArray,
    *,
    size: tuple[int, int],
    sigma: tuple[float, float],
    ratio: float = 2.0,
    normalize: bool = False,
) -> tuple[Float32Array, Float32Array, Float32Array]:
    """Gaussian labels of key points.

    Args:
        keypoints: (N, K, 2) in input pixels; visible: (N, K), below 0.5 is not labelled.
        size: input (W, H); sigma: of the Gaussians in x and y, in bins (192x256: 4.9, 5.66).
        normalize: divide by sigma sqrt(2 pi), off in all official recipes.

    Returns:
        Labels x (N, K, W r), y (N, K, H r), and weights (N, K): 0 where the three-sigma patch is all outside.
    """
    (x, y), weights = encode_axes(keypoints, visible, size, sigma, ratio, normalize=normalize)
    return x, y, weights


def encode_axes(
    points: FloatArray,
    visible: FloatArray,
    size: tuple[int, ...],
    sigma: tuple[float, ...],
    ratio: float,
    *,
    normalize: bool = False,
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
    rows = [
        _gaussians(centers[..., a], drawn, int(bins[a]), sigma[a], normalize=normalize)
        for a in range(len(size))
    ]
    return rows, np.where(labelled & outside, 0, visible).astype(np.float32)


def encode_smoothed(
    keypoints: FloatArray,
    visible: FloatArray,
    *,
    size: tuple[int, int],
    ratio: float = 2.0,
    smoothing: float = 0.1,
) -> tuple[Float32Array, Float32Array, Float32Array]:
    """One-hot labels with label smoothing ("standard" SimCC): `smoothing` shared out over the other bins.

    Arguments and results as for `encode`; a centre outside the input gets weight 0.
    """
    centers = np.rint(keypoints.astype(np.float32) * np.float32(ratio)).astype(np.int64)  # (N, K, 2)
    bins = np.array([round(size[0] * ratio), round(size[1] * ratio)])
    outside = ((centers < 0) | (centers >= bins)).any(axis=-1)
    labelled = visible >= 0.5
    drawn = labelled & ~outside  # (N, K)
    labels = []
    for axis in (0, 1):
        count = int(bins[axis])
        one_hot = np.arange(count) == centers[..., axis, None]  # (N, K, bins)
        rows = np.where(one_hot, 1 - smoothing, smoothing / (count - 1))
        labels.append(np.where(drawn[..., None], rows, 0).astype(np.float32))
    return labels[0], labels[1], np.where(labelled & outside, 0, visible).astype(np.float32)


def decode(
    simcc_x: FloatArray, simcc_y: FloatArray, ratio: float = 2.0, *, score: Literal["min", "mean"] = "min"
) -> tuple[Float32Array, Float32Array]:
    """Key points of a network's vectors.

    Args:
        simcc_x, simcc_y: (N, K, bins) raw output.
        score: a point's score is the smaller of the two maxima (the reference), or their mean (rtmlib).

    Returns:
        (N, K, 2) in input pixels and scores (N, K), raw: they can exceed 1. Where the score is not positive
        the point is (-1, -1) / ratio.
    """
    locations, scores = _maxima(simcc_x, simcc_y, score)
    return locations / np.float32(ratio), scores


def decode_dark(
    simcc_x: FloatArray, simcc_y: FloatArray, ratio: float = 2.0, *, sigma: tuple[float, float]
) -> tuple[Float32Array, Float32Array]:
    """As `decode`, refined below the bin by a Newton step on the blurred logs (DARK, Zhang et al. 2020).

    Points without a positive score stay as `decode` gives them.
    """
    locations, scores = _maxima(simcc_x, simcc_y, "min")
    good = scores > 0
    for axis, (vectors, width) in enumerate(zip((simcc_x, simcc_y), sigma, strict=True)):
        logs = np.log(np.clip(_blur(vectors[good], _kernel_size(width)), 1e-3, 50.0))  # (M, bins)
        locations[good, axis] -= _newton_step(logs, locations[good, axis].astype(np.int64))
    return locations / np.float32(ratio), scores


def visibility(
    simcc_x: FloatArray, simcc_y: FloatArray, *, sigma: tuple[float, float], sharpness: float = 150.0
) -> Float32Array:
    """Visibility (N, K) in 0..1: the smaller peak of the softmaxes of `sharpness` sigma times the vectors.

    RTMW's configurations decode it ("decode_visibility"); the scores stay what `decode` gives.
    """
    peaks = []
    for vectors, width in zip((simcc_x, simcc_y), sigma, strict=True):
        logits = vectors * np.float32(sharpness * width)
        logits = logits - logits.max(axis=-1, keepdims=True)
        peaks.append(1.0 / np.exp(logits).sum(axis=-1))  # the maximum's own exponential is 1
    return np.minimum(*peaks).astype(np.float32)


def _gaussians(
    centers: FloatArray, drawn: FloatArray, bins: int, sigma: float, *, normalize: bool
) -> Float32Array:
    """exp(-(i - m)^2 / 2 sigma^2) over all bins for the (N, K) centres `drawn`; zero rows elsewhere."""
    offsets = np.arange(bins, dtype=np.float32) - centers[..., None]  # (N, K, bins)
    rows = np.exp(-(offsets**2) / (2 * np.float32(sigma) ** 2))
    if normalize:
        rows /= sigma * np.sqrt(2 * np.pi)
    return np.where(drawn[..., None], rows, 0).astype(np.float32)


def _maxima(simcc_x: FloatArray, simcc_y: FloatArray, score: str) -> tuple[Float32Array, Float32Array]:
    """First maxima of both axes (N, K, 2) as bins, (-1, -1) without a positive score, and scores (N, K)."""
    at_x, at_y = simcc_x.argmax(axis=-1), simcc_y.argmax(axis=-1)  # (N, K)
    max_x, max_y = simcc_x.max(axis=-1), simcc_y.max(axis=-1)
    scores = np.minimum(max_x, max_y) if score == "min" else 0.5 * (max_x + max_y)
    locations = np.stack([at_x, at_y], axis=-1).astype(np.float32)
    locations[scores <= 0] = -1
    return locations, scores.astype(np.float32)


def _kernel_size(sigma: float) -> int:
    """The reference's odd kernel width for a label of `sigma` bins."""
    size = int((sigma * 20 - 7) // 3)
    return size - 1 if size % 2 == 0 else size


def _blur(vectors: FloatArray, size: int) -> FloatArray:
    """Gaussian blur along the last axis, zeros outside, each row's maximum restored; (M, bins)."""
    border = (size - 1) // 2
    width = 0.3 * (border - 1) + 0.8  # OpenCV's sigma for a kernel of this size
    kernel = np.exp(-((np.arange(size) - border) ** 2) / (2 * width**2))
    kernel /= kernel.sum()
    padded = np.pad(vectors.astype(np.float64), [(0, 0), (border, border)])
    blurred = np.lib.stride_tricks.sliding_window_view(padded, size, axis=1) @ kernel
    peaks = blurred.max(axis=1, keepdims=True)
    return blurred * vectors.max(axis=1, keepdims=True) / np.where(peaks == 0, 1, peaks)


def _newton_step(logs: FloatArray, at: npt.NDArray[np.int64]) -> FloatArray:
    """First over second derivative of (M, bins) log vectors at the bins `at` (M,)."""
    padded, row = np.pad(logs, [(0, 0), (2, 2)], mode="edge"), np.arange(len(at))
    before2, before, here, after, after2 = (padded[row, at + 2 + step] for step in (-2, -1, 0, 1, 2))
    return 0.5 * (after - before) / (1e-9 + 0.25 * (after2 - 2 * here + before2))
