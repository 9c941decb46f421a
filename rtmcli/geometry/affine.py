"""The top-down crop: from a box to the network's input and back. OpenCV is used only for pixels."""

from math import cos, radians, sin, tan
from typing import Any

import numpy as np

from rtmcli.arrays import Float64Array, FloatArray, Image

OPENCV_LIMIT = 32766  # longest side that cv2.warpAffine takes: it counts pixels in 16 bits


def topdown_matrix(
    center: FloatArray,
    scale: FloatArray,
    size: tuple[int, int],
    rotation: float = 0.0,
    *,
    shift: tuple[float, float] = (0.0, 0.0),
) -> Float64Array:
    """The map from the image to the input: centre to the centre, a width of `scale` to the input's width.

    Args:
        center: (2,) middle of the crop in the image.
        scale: (2,) width and height of the crop with the input's aspect; only the width enters.
        size: input (W, H).
        rotation: degrees by which the crop is turned in the image.
        shift: of the centre, as a share of `scale` (augmentation).

    Returns:
        (2, 3) float64, for `warp` and `transform`.
    """
    width, height = size
    k, angle = width / float(scale[0]), radians(rotation)
    linear = k * np.array([[cos(angle), sin(angle)], [-sin(angle), cos(angle)]])
    middle = np.asarray(center, np.float64) + np.asarray(scale, np.float64) * np.asarray(shift, np.float64)
    offset = np.array([width / 2, height / 2]) - linear @ middle
    return np.column_stack([linear, offset])


def udp_matrix(
    center: FloatArray, scale: FloatArray, size: tuple[int, int], rotation: float = 0.0
) -> Float64Array:
    """The unbiased form (UDP, Huang et al. 2020): pixel centres at both ends meet, so W - 1 steps are scaled.

    Arguments and result as `topdown_matrix`; the rotation has the opposite sign, as in the reference.
    """
    width, height = size
    (cx, cy), (w, h), angle = center, scale, radians(rotation)
    c, s = cos(angle), sin(angle)
    sx, sy = (width - 1) / float(w), (height - 1) / float(h)
    return np.array(
        [
            [c * sx, -s * sx, sx * (-cx * c + cy * s + w / 2)],
            [s * sy, c * sy, sy * (-cx * s - cy * c + h / 2)],
        ],
        np.float64,
    )


def fit_matrix(
    image_size: tuple[int, int], size: tuple[int, int]
) -> tuple[Float64Array, FloatArray, FloatArray]:
    """The whole image centred in the input with its aspect kept (RTMO in mmpose, "BottomupResize").

    Returns:
        The (2, 3) matrix, and the centre (2,) and scale (2,) that `to_image` needs to go back.
    """
    w, h = image_size
    width, height = size
    fitted_width, fitted_height = min(width, height * w / h), min(height, width * h / w)
    center = np.array([w / 2, h / 2], np.float32)
    scale = np.array([w * width / fitted_width, h * height / fitted_height], np.float32)
    return topdown_matrix(center, scale, size), center, scale


def sheared_matrix(
    center: FloatArray,
    *,
    translate: tuple[float, float] = (0.0, 0.0),
    scale: float = 1.0,
    rotation: float = 0.0,
    shear: tuple[float, float] = (0.0, 0.0),
) -> Float64Array:
    """The affine map of RTMO's training: scale, turn, then shear about `center`, then move by `translate`.

    Args:
        center: (2,) the fixed point; translate: in pixels.
        rotation, shear: degrees; shear along x and y.

    Returns:
        (2, 3) float64.
    """
    angle, (shear_x, shear_y) = radians(rotation), shear
    turn = scale * np.array([[cos(angle), -sin(angle)], [sin(angle), cos(angle)]])
    linear = np.array([[1, tan(radians(shear_x))], [tan(radians(shear_y)), 1]]) @ turn
    middle = np.asarray(center, np.float64)
    return np.column_stack([linear, middle + translate - linear @ middle])


def transform(points: FloatArray, matrix: FloatArray) -> FloatArray:
    """Points (..., 2) through a (2, 3) matrix."""
    return points @ matrix[:, :2].T + matrix[:, 2]


def invert(matrix: FloatArray) -> Float64Array:
    """The (2, 3) matrix that undoes `matrix`."""
    linear = np.linalg.inv(np.asarray(matrix, np.float64)[:, :2])
    return np.column_stack([linear, -linear @ matrix[:, 2]])


def to_image(points: FloatArray, center: FloatArray, scale: FloatArray, size: tuple[int, int]) -> FloatArray:
    """Points of the input back in the image, for crops without rotation.

    Args:
        points: (N, K, 2) in input pixels, or (K, 2) with `center` and `scale` of one crop.
        center, scale: (N, 2) or (2,) of the crops, `scale` with the input's aspect.
        size: input (W, H).
    """
    size_array = np.asarray(size, points.dtype)
    return points / size_array * scale[..., None, :] + (center - scale * 0.5)[..., None, :]


def warp(
    image: Image,
    matrix: FloatArray,
    size: tuple[int, int],
    border: int = 0,
    *,
    out: Image | None = None,
) -> Image:
    """Pixels of the image in the input frame, bilinear.

    Args:
        image: (H, W, 3) uint8.
        matrix: (2, 3) from image to input.
        size: input (W, H).
        border: grey level outside the image.
        out: (H, W, 3) uint8 to write to, for example a slot of a batch; must be contiguous.
    """
    import cv2

    value: Any = (border, border, border)
    if max(image.shape[:2]) > OPENCV_LIMIT:
        image, matrix = _near(image, matrix, size)
    warped = cv2.warpAffine(
        image,
        matrix,
        size,
        dst=out,
        flags=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_CONSTANT,
        borderValue=value,
    )
    return out if out is not None else np.asarray(warped, np.uint8)


def _near(image: Image, matrix: FloatArray, size: tuple[int, int]) -> tuple[Image, FloatArray]:
    """The part of a huge image that `matrix` maps into the input, and the matrix from that part."""
    corners = np.array([[0, 0], [size[0], 0], [0, size[1]], [size[0], size[1]]], np.float64)
    seen = transform(corners, invert(matrix))  # (4, 2)
    limit = np.array([image.shape[1], image.shape[0]])
    low = np.clip(np.floor(seen.min(axis=0)) - 2, 0, limit - 1).astype(int)
    high = np.clip(np.ceil(seen.max(axis=0)) + 3, low + 1, limit).astype(int)
    part = np.ascontiguousarray(image[low[1] : high[1], low[0] : high[0]])
    return part, np.column_stack([matrix[:, :2], transform(low.astype(np.float64), matrix)])
