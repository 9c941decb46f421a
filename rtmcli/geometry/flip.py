"""Flips of annotations with their image, and of a network's outputs for the mirrored image."""

from typing import Literal

import numpy as np
import numpy.typing as npt

from rtmcli.arrays import FloatArray

Direction = Literal["horizontal", "vertical", "diagonal"]


def flip_points(points: FloatArray, size: tuple[int, int], direction: Direction = "horizontal") -> FloatArray:
    """Points (..., 2) in the mirrored image of `size` (W, H): x' = W - 1 - x (pixel centres)."""
    out = points.copy()
    if direction != "vertical":
        out[..., 0] = size[0] - 1 - points[..., 0]
    if direction != "horizontal":
        out[..., 1] = size[1] - 1 - points[..., 1]
    return out


def flip_keypoints(
    keypoints: FloatArray,
    visible: FloatArray,
    size: tuple[int, int],
    flip_indices: npt.NDArray[np.integer],
    direction: Direction = "horizontal",
) -> tuple[FloatArray, FloatArray]:
    """Keypoints (N, K, 2) and visibility (N, K) in the mirrored image: left becomes right.

    A diagonal flip is a half turn, which swaps no sides.
    """
    if direction != "diagonal":
        keypoints, visible = keypoints[:, flip_indices], visible[:, flip_indices]
    return flip_points(keypoints, size, direction), visible.copy()


def flip_boxes(boxes: FloatArray, size: tuple[int, int], direction: Direction = "horizontal") -> FloatArray:
    """Boxes (N, 4) x1, y1, x2, y2 in the mirrored image of `size` (W, H)."""
    corners = flip_points(boxes.reshape(-1, 2, 2), size, direction)  # (N, 2, 2)
    return np.concatenate([corners.min(axis=1), corners.max(axis=1)], axis=-1)


def unflip_simcc(
    simcc_x: FloatArray, simcc_y: FloatArray, flip_indices: npt.NDArray[np.integer]
) -> tuple[FloatArray, FloatArray]:
    """SimCC vectors (N, K, bins) of the mirrored image, mapped back to the image."""
    return simcc_x[:, flip_indices, ::-1], simcc_y[:, flip_indices]
