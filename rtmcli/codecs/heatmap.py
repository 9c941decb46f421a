"""UDP heatmaps: the codec of the backbones' pre-training (Huang et al. 2020; DARK refinement: Zhang et al. 2020).

A heatmap has a quarter of the input's sides. Sizes are (W, H); a batch is one image, whose N people share the K maps.
"""

import numpy as np
import numpy.typing as npt

from rtmcli.arrays import Float32Array, Float64Array, FloatArray

Size = tuple[int, int]

BLUR = 11  # taps of the Gaussian before DARK, for maps of sigma 2


def encode_udp(
    keypoints: FloatArray, visible: FloatArray, *, size: Size, map_size: Size, sigma: float = 2.0
) -> tuple[Float32Array, Float32Array]:
    """Gaussians about the exact points, pixel centres of input and map matched at both ends.

    Args:
        keypoints: (N, K, 2) in input pixels; visible: (N, K), below 0.5 is not labelled.

    Returns:
        Maps (K, h, w), people joined by the maximum, and weights (N, K): 0 where the three-sigma patch is outside.
    """
    means = keypoints * ((np.array(map_size) - 1) / (np.array(size) - 1))  # (N, K, 2)
    cells = np.floor(means + 0.5)  # the patch is cut about the nearest cell
    width, height = map_size
    radius = 3 * sigma
    labelled = visible >= 0.5
    outside = (cells - radius >= np.array(map_size)).any(axis=-1) | (cells + radius + 1 < 0).any(axis=-1)
    maps = np.zeros((means.shape[1], height, width), np.float32)
    x, y = np.arange(width), np.arange(height)[:, None]
    for n, k in zip(*np.nonzero(labelled & ~outside), strict=True):
        (mx, my), (cx, cy) = means[n, k], cells[n, k]
        value = np.exp(-((x - mx) ** 2 + (y - my) ** 2) / (2 * sigma**2))  # (h, w)
        value = np.where((np.abs(x - cx) <= radius) & (np.abs(y - cy) <= radius), value, 0)
        np.maximum(maps[k], value, out=maps[k])
    return maps, np.where(labelled & outside, 0, visible).astype(np.float32)


def decode_udp(heatmaps: FloatArray, *, size: Size) -> tuple[Float32Array, Float32Array]:
    """Points of maps (K, h, w) with DARK refinement: (K, 2) in input pixels, and scores (K,), the maxima."""
    map_size = np.array([heatmaps.shape[2], heatmaps.shape[1]])
    points, scores = _maxima(heatmaps)
    logs = np.log(np.clip(_blur(heatmaps), 1e-3, 50.0))
    good = scores > 0
    points[good] -= _udp_step(logs[good], points[good].astype(int))
    # mmpose (codecs/udp_heatmap.py) scales by the side here, by the side less one when it encodes.
    return (points / (map_size - 1) * np.array(size)).astype(np.float32), scores


def _maxima(heatmaps: FloatArray) -> tuple[Float64Array, Float32Array]:
    """Cells x, y (K, 2) of the first maxima, (-1, -1) where not positive, and the maxima (K,)."""
    count, _, width = heatmaps.shape
    flat = heatmaps.reshape(count, -1)
    at = flat.argmax(axis=1)
    scores = flat[np.arange(count), at]
    points = np.stack([at % width, at // width], axis=1).astype(np.float64)
    points[scores <= 0] = -1
    return points, scores.astype(np.float32)


def _blur(heatmaps: FloatArray) -> Float64Array:
    """Gaussian blur of (K, h, w) with zeros outside, each map's maximum restored."""
    border = (BLUR - 1) // 2
    sigma = 0.3 * (border - 1) + 0.8  # OpenCV's for a kernel of this size
    kernel = np.exp(-((np.arange(BLUR) - border) ** 2) / (2 * sigma**2))
    kernel /= kernel.sum()
    blurred = heatmaps.astype(np.float64)
    for axis in (1, 2):
        pad = [(0, 0), (0, 0), (0, 0)]
        pad[axis] = (border, border)
        windows = np.lib.stride_tricks.sliding_window_view(np.pad(blurred, pad), BLUR, axis=axis)
        blurred = windows @ kernel  # (K, h, w)
    peaks = blurred.max(axis=(1, 2), keepdims=True)
    result: Float64Array = blurred * heatmaps.max(axis=(1, 2), keepdims=True) / np.where(peaks == 0, 1, peaks)
    return result


def _udp_step(logs: FloatArray, at: npt.NDArray[np.int_]) -> FloatArray:
    """Newton step (K, 2) at cells (K, 2) of log maps, edges repeated: gradient over Hessian."""
    f, k = np.pad(logs, [(0, 0), (1, 1), (1, 1)], mode="edge"), np.arange(len(at))
    x, y = at[:, 0] + 1, at[:, 1] + 1

    def value(dx: int, dy: int) -> FloatArray:
        return f[k, y + dy, x + dx]

    here = value(0, 0)
    gradient = np.stack([value(1, 0) - value(-1, 0), value(0, 1) - value(0, -1)], axis=1) / 2  # (K, 2)
    xx = value(1, 0) - 2 * here + value(-1, 0)
    yy = value(0, 1) - 2 * here + value(0, -1)
    around = value(1, 0) + value(0, 1) + value(-1, 0) + value(0, -1)
    xy = (value(1, 1) + value(-1, -1) + 2 * here - around) / 2
    hessian = np.stack([xx, xy, xy, yy], axis=1).reshape(-1, 2, 2) + np.finfo(np.float32).eps * np.eye(2)
    return np.linalg.solve(hessian, gradient[..., None])[..., 0]
