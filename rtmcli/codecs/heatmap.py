"""Heat maps: the codecs of the backbones' pre-training (UDP) and of the models before SimCC (MSRA).

A heat map has a quarter of the input's sides. UDP: Huang et al. 2020. MSRA: Xiao et al. 2018. DARK refinement:
Zhang et al. 2020. Sizes are (W, H); a batch of one picture, whose N people share the K maps.
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
        keypoints: (N, K, 2) in input pixels; visible: (N, K).

    Returns:
        Maps (K, h, w), people joined by the maximum, and weights (N, K).
    """
    means = keypoints * ((np.array(map_size) - 1) / (np.array(size) - 1))  # (N, K, 2)
    return _draw(means, np.floor(means + 0.5), visible, map_size, sigma, cut=True)


def encode_msra(
    keypoints: FloatArray,
    visible: FloatArray,
    *,
    size: Size,
    map_size: Size,
    sigma: float = 2.0,
    unbiased: bool = False,
) -> tuple[Float32Array, Float32Array]:
    """Gaussians about the nearest cell, or (unbiased) about the exact point over the whole map.

    Arguments and result as for `encode_udp`.
    """
    means = keypoints * (np.array(map_size) / np.array(size))  # (N, K, 2)
    cells = np.floor(means + 0.5)
    return _draw(means if unbiased else cells, cells, visible, map_size, sigma, cut=not unbiased)


def encode_offsets(
    keypoints: FloatArray,
    visible: FloatArray,
    *,
    size: Size,
    map_size: Size,
    radius_factor: float = 0.0546875,
) -> tuple[Float32Array, Float32Array]:
    """UDP's combined form: for each point a disc, and the offsets to it in x and y in units of the disc's radius.

    Returns:
        Maps (3 K, h, w) and weights (N, K).
    """
    means = keypoints * ((np.array(map_size) - 1) / (np.array(size) - 1))
    radius = radius_factor * map_size[1]
    x, y = np.arange(map_size[0]), np.arange(map_size[1])[:, None]
    maps = np.zeros((means.shape[1], 3, map_size[1], map_size[0]), np.float32)  # (K, 3, h, w)
    for n, k in zip(*np.nonzero(visible >= 0.5), strict=True):
        dx, dy = (means[n, k, 0] - x) / radius, (means[n, k, 1] - y) / radius
        maps[k, 0] = dx**2 + dy**2 <= 1
        maps[k, 1], maps[k, 2] = np.broadcast_to(dx, maps.shape[2:]), np.broadcast_to(dy, maps.shape[2:])
    return maps.reshape(-1, *maps.shape[2:]), visible.astype(np.float32)


def decode_udp(heatmaps: FloatArray, *, size: Size) -> tuple[Float32Array, Float32Array]:
    """Points of maps (K, h, w) with DARK refinement: (K, 2) in input pixels, and scores (K,), the maxima."""
    map_size = np.array([heatmaps.shape[2], heatmaps.shape[1]])
    points, scores = _maxima(heatmaps)
    logs = np.log(np.clip(_blur(heatmaps), 1e-3, 50.0))
    good = scores > 0
    points[good] -= _udp_step(logs[good], points[good].astype(int))
    # The reference scales by the input's side here, not by the side less one that encoding starts from.
    return (points / (map_size - 1) * np.array(size)).astype(np.float32), scores


def decode_msra(
    heatmaps: FloatArray, *, size: Size, unbiased: bool = False
) -> tuple[Float32Array, Float32Array]:
    """Points of maps (K, h, w): the maximum, moved a quarter cell towards its higher neighbour, or by DARK.

    Returns (K, 2) in input pixels and scores (K,); (-1, -1) cells where the score is not positive.
    """
    map_size = np.array([heatmaps.shape[2], heatmaps.shape[1]])
    points, scores = _maxima(heatmaps)
    good = scores > 0
    if unbiased:
        logs = np.log(np.maximum(_blur(heatmaps), 1e-10))
        points[good] += _dark_step(logs[good], points[good].astype(int))
    else:
        points[good] += _quarter_step(heatmaps[good], points[good].astype(int))
    return (points * (np.array(size) / map_size)).astype(np.float32), scores


def _draw(
    means: FloatArray, cells: FloatArray, visible: FloatArray, map_size: Size, sigma: float, *, cut: bool
) -> tuple[Float32Array, Float32Array]:
    """Gaussians about `means`, where `cut` within three sigma of `cells`; a point with no cell inside has weight 0."""
    width, height = map_size
    radius = 3 * sigma
    labelled = visible >= 0.5
    outside = (cells - radius >= np.array(map_size)).any(axis=-1) | (cells + radius + 1 < 0).any(axis=-1)
    maps = np.zeros((means.shape[1], height, width), np.float32)
    x, y = np.arange(width), np.arange(height)[:, None]
    for n, k in zip(*np.nonzero(labelled & ~outside), strict=True):
        (mx, my), (cx, cy) = means[n, k], cells[n, k]
        value = np.exp(-((x - mx) ** 2 + (y - my) ** 2) / (2 * sigma**2))  # (h, w)
        if cut:
            value = np.where((np.abs(x - cx) <= radius) & (np.abs(y - cy) <= radius), value, 0)
        np.maximum(maps[k], value, out=maps[k])
    return maps, np.where(labelled & outside, 0, visible).astype(np.float32)


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
    return blurred * heatmaps.max(axis=(1, 2), keepdims=True) / np.where(peaks == 0, 1, peaks)


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


def _dark_step(logs: FloatArray, at: npt.NDArray[np.int_]) -> FloatArray:
    """DARK's step (K, 2) with differences over two cells; zero within two cells of the edge."""
    step = np.zeros((len(at), 2))
    height, width = logs.shape[1:]
    for k, (x, y) in enumerate(at):
        if not (1 < x < width - 2 and 1 < y < height - 2):
            continue
        f = logs[k]
        gradient = np.array([f[y, x + 1] - f[y, x - 1], f[y + 1, x] - f[y - 1, x]]) / 2
        xx = (f[y, x + 2] - 2 * f[y, x] + f[y, x - 2]) / 4
        yy = (f[y + 2, x] - 2 * f[y, x] + f[y - 2, x]) / 4
        xy = (f[y + 1, x + 1] - f[y - 1, x + 1] - f[y + 1, x - 1] + f[y - 1, x - 1]) / 4
        if xx * yy - xy * xy != 0:
            step[k] = -np.linalg.solve(np.array([[xx, xy], [xy, yy]]), gradient)
    return step


def _quarter_step(heatmaps: FloatArray, at: npt.NDArray[np.int_]) -> FloatArray:
    """A quarter cell towards the higher neighbour, (K, 2); none at the edge."""
    step = np.zeros((len(at), 2))
    height, width = heatmaps.shape[1:]
    for k, (x, y) in enumerate(at):
        if 1 < x < width - 1 and 0 < y < height:
            step[k, 0] = 0.25 * np.sign(heatmaps[k, y, x + 1] - heatmaps[k, y, x - 1])
        if 1 < y < height - 1 and 0 < x < width:
            step[k, 1] = 0.25 * np.sign(heatmaps[k, y + 1, x] - heatmaps[k, y - 1, x])
    return step
