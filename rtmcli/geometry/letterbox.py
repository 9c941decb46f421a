"""The letterbox: a whole image in the detector's input, aspect kept, grey below and to the right."""

import numpy as np

from rtmcli.arrays import Image


def fit(image_size: tuple[int, int], size: tuple[int, int]) -> tuple[tuple[int, int], tuple[float, float]]:
    """The size of an image in the letterbox, and its scale factors, as mmdet computes them.

    Args:
        image_size, size: (W, H) of the image and of the input.

    Returns:
        (w, h) inside the input, rounded to whole pixels, and the factors (x, y), new / old. Boxes of the input divided
        by the factors are boxes of the image.
    """
    (w, h), (width, height) = image_size, size
    ratio = min(width / w, height / h)
    new = max(int(w * ratio + 0.5), 1), max(int(h * ratio + 0.5), 1)
    return new, (new[0] / w, new[1] / h)


def letterbox(
    image: Image,
    size: tuple[int, int],
    pad: int = 114,
    *,
    out: Image | None = None,
) -> tuple[Image, tuple[float, float]]:
    """The image at the upper left of the input, resized bilinearly.

    Args:
        image: (h, w, 3) uint8; size: input (W, H); pad: grey level of the rest.
        out: (H, W, 3) uint8 that takes the result; must be contiguous.

    Returns:
        The canvas (H, W, 3) and the factors (x, y) to divide boxes by.
    """
    import cv2

    width, height = size
    (w, h), factors = fit((image.shape[1], image.shape[0]), size)
    canvas = np.empty((height, width, 3), np.uint8) if out is None else out
    canvas[h:] = pad
    canvas[:h, w:] = pad
    region = canvas[:h, :w]
    if image.shape[:2] == (h, w):
        region[...] = image
    else:
        cv2.resize(image, (w, h), dst=region, interpolation=cv2.INTER_LINEAR)
    return canvas, factors
