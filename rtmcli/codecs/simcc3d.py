"""SimCC with a third axis: RTMW3D's root-relative depth (Cocktail14 + UBody + H3WB, arXiv 2407.08634).

Depth is measured from the root, the centre of the hips, and the z bins cover +-R metres.
"""

from dataclasses import dataclass

import numpy as np

from rtmcli.arrays import Float32Array, Float64Array, FloatArray
from rtmcli.codecs import simcc

# RTMW3D's data: focal lengths where the camera is unknown, in pixels.
DEFAULT_FOCAL = (1145.04940459, 1143.78109572)


@dataclass(frozen=True, slots=True)
class Volume:
    """The codec's parameters; by default those of the published models.

    Attributes:
        size: input width, height and depth; sigma: of the Gaussians, in bins; ratio: bins a pixel.
        root: keypoints whose mean depth is the root's.
        depth_range: R, metres from the root to the end of the bins.
        mean_root: depth of the root in metres where a sample has no 3D label.
    """

    size: tuple[int, int, int] = (288, 384, 288)
    sigma: tuple[float, float, float] = (6.0, 6.93, 6.0)
    ratio: float = 2.0
    root: tuple[int, ...] = (11, 12)
    depth_range: float = 2.1744869
    mean_root: float = 5.14388


@dataclass(frozen=True, slots=True)
class Labels:
    """Labels of N samples.

    x, y, z: (N, K, bins). weights, weights_z: (N, K); 0 without a depth label. root_z: (N,) metres.
    """

    x: Float32Array
    y: Float32Array
    z: Float32Array
    weights: Float32Array
    weights_z: Float32Array
    root_z: Float32Array


def encode(
    keypoints: FloatArray,
    keypoints_3d: FloatArray | None,
    visible: FloatArray,
    *,
    volume: Volume | None = None,
) -> Labels:
    """Labels of points in the image and in space.

    Args:
        keypoints: (N, K, 2) in input pixels; keypoints_3d: (N, K, 3) in metres in the camera's frame, of which the
            depth is used, or None; visible: (N, K).
    """
    v = volume or Volume()
    if keypoints_3d is None:
        # Any depth will do because its weight is 0; mmpose uses 1.
        depth, root = np.ones(keypoints.shape[:2], np.float32), np.full(len(keypoints), v.mean_root)
    else:
        z = keypoints_3d[..., 2]  # (N, K)
        root = z[:, list(v.root)].mean(axis=1)
        depth = ((z - root[:, None]) / v.depth_range + 1) * (v.size[2] / 2)
    points = np.concatenate([keypoints, depth[..., None]], axis=-1)  # (N, K, 3)
    (x, y, z), weights = simcc.encode_axes(points, visible, v.size, v.sigma, v.ratio)
    weights_z = np.zeros_like(weights) if keypoints_3d is None else weights.copy()
    return Labels(x, y, z, weights, weights_z, root.astype(np.float32))


def decode(
    simcc_x: FloatArray, simcc_y: FloatArray, simcc_z: FloatArray, *, volume: Volume | None = None
) -> tuple[Float32Array, Float32Array, Float32Array]:
    """Points of a network's three outputs (N, K, bins).

    Returns:
        (N, K, 3): x, y in input pixels and z in metres from the root; (N, K, 3): all in input units, as the bins
        say; scores (N, K): the smaller maximum of x and y. Without a positive score the bins are -1.
    """
    v = volume or Volume()
    points, scores = simcc.decode(simcc_x, simcc_y, v.ratio)  # (N, K, 2), (N, K)
    depth = (simcc_z.argmax(axis=-1) / v.ratio).astype(np.float32)  # (N, K)
    depth[scores <= 0] = -1 / v.ratio
    metres = (depth / (v.size[2] / 2) - 1) * v.depth_range
    bins = np.concatenate([points, depth[..., None]], axis=-1)
    return np.concatenate([points, metres[..., None]], axis=-1).astype(np.float32), bins, scores


def to_camera(
    points: FloatArray,
    root_z: FloatArray,
    *,
    focal: tuple[float, float] = DEFAULT_FOCAL,
    center: tuple[float, float],
) -> Float64Array:
    """Points in metres in the camera's frame: what 3D errors are measured in.

    Args:
        points: (N, K, 3) x, y in pixels of the image, z in metres from the root; root_z: (N,) metres.
        focal, center: of the camera, in pixels.
    """
    z = points[..., 2].astype(np.float64) + root_z[:, None]  # (N, K)
    x = (points[..., 0] - center[0]) / focal[0] * z
    y = (points[..., 1] - center[1]) / focal[1] * z
    return np.stack([x, y, z], axis=-1)
