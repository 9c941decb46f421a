"""The letterbox: a whole picture in the detector's input, aspect kept, grey below and to the right."""

from typing import Literal

import numpy as np

from rtmcli.arrays import FloatArray, Image

Rounding = Literal["nearest", "down"]


def fit(
    image_size: tuple[int, int], size: tuple[int, int], *, rounding: Rounding = "nearest"
) -> tuple[tuple[int, int], tuple[float, float]]:
    """The size a picture gets in the letterbox, and its scale factors.

    Args:
        image_size, size: (W, H) of the picture and of the input.
        rounding: `nearest` as mmdet (sides rounded, one factor an axis: new / old); `down` as rtmlib (sides
            cut to integers, one factor for both axes).

    Returns:
        (w, h) inside the input, and the factors (x, y): boxes of the input divided by them are the picture's.
    """
    (w, h), (width, height) = image_size, size
    if rounding == "down":
        ratio = min(height / h, width / w)
        return (max(int(w * ratio), 1), max(int(h * ratio), 1)), (ratio, ratio)
    ratio = min(width / w, height / h)
    new = max(int(w * ratio + 0.5), 1), max(int(h * ratio + 0.5), 1)
    return new, (new[0] / w, new[1] / h)


def letterbox(
    image: Image,
    size: tuple[int, int],
    pad: int = 114,
    *,
    rounding: Rounding = "nearest",
    out: Image | None = None,
) -> tuple[Image, tuple[float, float]]:
    """The picture at the top left of the input, resized bilinearly.

    Args:
        image: (h, w, 3) uint8; size: input (W, H); pad: grey level of the rest.
        rounding: as in `fit`.
        out: (H, W, 3) uint8 that takes the result, say a slot of a batch; must be contiguous.

    Returns:
        The canvas (H, W, 3) and the factors (x, y) to divide boxes by.
    """
    import cv2

    width, height = size
    (w, h), factors = fit((image.shape[1], image.shape[0]), size, rounding=rounding)
    canvas = np.empty((height, width, 3), np.uint8) if out is None else out
    canvas[h:] = pad
    canvas[:h, w:] = pad
    region = canvas[:h, :w]
    if image.shape[:2] == (h, w):
        region[...] = image
    else:
        cv2.resize(image, (w, h), dst=region, interpolation=cv2.INTER_LINEAR)
    return canvas, factors


def to_image(points: FloatArray, factors: tuple[float, float]) -> FloatArray:
    """Boxes (N, 4) or points (..., 2) of the input back in the picture."""
    return points / np.resize(np.asarray(factors, points.dtype), points.shape[-1])
