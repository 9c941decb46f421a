"""A teacher's heatmaps as labels, which keep its uncertainty, in place of single keypoints.

An annotation names them by `heatmap`, a `.npy` file of (K, h, w) numbers in 0..1 (uint8: 0..255), its path taken
from the label file's folder, and by `heatmap_box` [x, y, width, height], the part of the image that they cover:
cell (row, column) lies at (x + column width / w, y + row height / h), as in a top-down crop and its map.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from rtmcli.arrays import Float32Array, FloatArray, IndexArray
from rtmcli.errors import DataError
from rtmcli.opencv import cv2


@dataclass(frozen=True, slots=True)
class SoftMap:
    """Heatmaps of one person on disk. box: x, y, width, height in the image."""

    path: Path
    box: tuple[float, float, float, float]

    def read(self, count: int) -> Float32Array:
        """The maps (K, h, w), in 0..1. Raises DataError where there are none, or not `count` of them."""
        try:
            maps = np.load(self.path, allow_pickle=False)
        except (OSError, ValueError, EOFError) as error:
            raise DataError(f"the heatmaps {self.path} cannot be read ({error})") from None
        if maps.ndim != 3 or len(maps) != count:
            raise DataError(f"the heatmaps {self.path} are {maps.shape}, not ({count}, rows, columns)")
        return maps.astype(np.float32) / np.float32(255 if maps.dtype == np.uint8 else 1)


def soft_labels(
    soft: SoftMap,
    matrix: FloatArray,
    *,
    size: tuple[int, int],
    flip: IndexArray | None,
    count: int,
    ratio: float,
) -> tuple[Float32Array, Float32Array, Float32Array]:
    """SimCC labels of a crop: the maps' sums along the columns and the rows, each with a peak of 1.

    Args:
        matrix, size, flip, count: as for `soft_cells`. ratio: bins a pixel.

    Returns:
        Labels x (K, W r), y (K, H r), and weights (K,): how high the map is within the crop.
    """
    seen, weights = soft_cells(soft, matrix, size=size, flip=flip, count=count)
    return _bins(seen.sum(axis=1), size[0], ratio), _bins(seen.sum(axis=2), size[1], ratio), weights


def soft_cells(
    soft: SoftMap,
    matrix: FloatArray,
    *,
    size: tuple[int, int],
    flip: IndexArray | None,
    count: int,
) -> tuple[Float32Array, Float32Array]:
    """The maps (K, H, W) as they lie in a crop, and how high each is there, at most 1, (K,).

    Args:
        matrix: (2, 3) from the image to the crop, a mirror included. size: (W, H) of the crop.
        flip: the points' order where the crop is a mirror image, else None. count: K.
    """
    maps = soft.read(count)
    x, y, width, height = soft.box
    cells = np.array([[width / maps.shape[2], 0, x], [0, height / maps.shape[1], y], [0, 0, 1]])
    warp = np.asarray(matrix, np.float64) @ cells  # from cells to the crop's pixels
    inside = [cv2.warpAffine(one, warp, size, flags=cv2.INTER_LINEAR) for one in maps]
    seen = np.stack(inside if flip is None else [inside[k] for k in flip])
    return seen.astype(np.float32), np.minimum(seen.max(axis=(1, 2)), 1).astype(np.float32)


def _bins(sums: Float32Array, side: int, ratio: float) -> Float32Array:
    """Sums by pixel (K, side) read off at the bins, (K, side r), with a peak of 1 each."""
    places = np.arange(round(side * ratio)) / ratio
    rows = np.stack([np.interp(places, np.arange(side), row) for row in sums])
    return (rows / np.maximum(rows.max(axis=1, keepdims=True), 1e-12)).astype(np.float32)
