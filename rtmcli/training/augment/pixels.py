"""Augmentations of pixel values: colour, blur, holes.

Each comes as a function of its drawn numbers and a sampler that draws them from a numpy Generator. Images are
(H, W, 3) uint8 BGR and are not changed in place.
"""

from dataclasses import dataclass

import numpy as np

from rtmcli.arrays import Image
from rtmcli.opencv import cv2


def hsv(image: Image, gain: tuple[int, int, int]) -> Image:
    """Add to hue (modulo 180), saturation and value (clipped): YOLOX's colour jitter."""
    pixels = cv2.cvtColor(image, cv2.COLOR_BGR2HSV).astype(np.int16)
    pixels[..., 0] = (pixels[..., 0] + gain[0]) % 180
    pixels[..., 1] = np.clip(pixels[..., 1] + gain[1], 0, 255)
    pixels[..., 2] = np.clip(pixels[..., 2] + gain[2], 0, 255)
    return _bytes(cv2.cvtColor(pixels.astype(np.uint8), cv2.COLOR_HSV2BGR))


def random_hsv(
    image: Image, rng: np.random.Generator, *, delta: tuple[float, float, float] = (5, 30, 30)
) -> Image:
    """`hsv` by up to `delta` either way, each of the three switched on with probability 0.5."""
    gain = (rng.uniform(-1, 1, 3) * delta * (rng.random(3) < 0.5)).astype(np.int16)  # truncated towards zero
    return hsv(image, (int(gain[0]), int(gain[1]), int(gain[2])))


@dataclass(frozen=True, slots=True, kw_only=True)
class Photometric:
    """Drawn numbers of the photometric distortion (SSD's), None for a step that is left out.

    brightness: added. contrast: factor, applied before and after the colours. saturation: factor. hue: added.
    channels: the new order.
    """

    brightness: float | None = None
    contrast: float | None = None
    saturation: float | None = None
    hue: int | None = None
    channels: tuple[int, int, int] | None = None


def photometric(image: Image, draws: Photometric) -> Image:
    """Brightness, contrast, saturation and hue, contrast again, channel order."""
    if draws.brightness is not None:
        image = _linear(image, 1.0, draws.brightness)
    if draws.contrast is not None:
        image = _linear(image, draws.contrast, 0.0)
    if draws.saturation is not None or draws.hue is not None:
        pixels = _bytes(cv2.cvtColor(image, cv2.COLOR_BGR2HSV))
        if draws.saturation is not None:
            pixels[..., 1] = _linear(pixels[..., 1], draws.saturation, 0.0)
        if draws.hue is not None:
            # As in mmpose, on uint8: a hue below 0 wraps at 256 before it is taken modulo 180.
            pixels[..., 0] = (pixels[..., 0] + np.array(draws.hue).astype(np.uint8)) % 180
        image = _bytes(cv2.cvtColor(pixels, cv2.COLOR_HSV2BGR))
    if draws.contrast is not None:
        image = _linear(image, draws.contrast, 0.0)
    if draws.channels is not None:
        image = np.ascontiguousarray(image[..., list(draws.channels)])
    return image


def random_photometric(image: Image, rng: np.random.Generator) -> Image:
    """`photometric` with mmpose's ranges: +-32, 0.5 to 1.5, 0.5 to 1.5, +-18, steps on with 0.5."""
    mode = rng.integers(4)  # none, saturation, hue, both
    draws = Photometric(
        brightness=float(rng.uniform(-32, 32)) if rng.random() < 0.5 else None,
        # As in mmpose's PhotometricDistortion the contrast is applied twice, before and after the colours, to one
        # image in four.
        contrast=float(rng.uniform(0.5, 1.5)) if rng.random() < 0.25 else None,
        saturation=float(rng.uniform(0.5, 1.5)) if mode in (1, 3) else None,
        hue=int(rng.integers(-18, 18)) if mode in (2, 3) else None,
        channels=_order(rng) if rng.random() < 0.5 else None,
    )
    return photometric(image, draws)


def random_blur(image: Image, rng: np.random.Generator, *, probability: float = 0.1) -> Image:
    """A box blur of 3, 5 or 7 pixels."""
    if rng.random() >= probability:
        return image
    size = int(rng.choice((3, 5, 7)))
    return _bytes(cv2.blur(image, (size, size)))


def random_median_blur(image: Image, rng: np.random.Generator, *, probability: float = 0.1) -> Image:
    """A median blur of 3, 5 or 7 pixels."""
    if rng.random() >= probability:
        return image
    return _bytes(cv2.medianBlur(image, int(rng.choice((3, 5, 7)))))


def cutout(image: Image, hole: tuple[int, int, int, int]) -> Image:
    """Black pixels in the rectangle x1, y1, x2, y2."""
    x1, y1, x2, y2 = hole
    image = image.copy()
    image[y1:y2, x1:x2] = 0
    return image


def random_cutout(
    image: Image,
    rng: np.random.Generator,
    *,
    probability: float = 1.0,
    share: tuple[float, float] = (0.2, 0.4),
) -> Image:
    """One hole whose sides are `share` of the image's (CoarseDropout)."""
    if rng.random() >= probability:
        return image
    height, width = image.shape[:2]
    h = int(rng.integers(int(height * share[0]), int(height * share[1]) + 1))
    w = int(rng.integers(int(width * share[0]), int(width * share[1]) + 1))
    y, x = int(rng.integers(0, height - h + 1)), int(rng.integers(0, width - w + 1))
    return cutout(image, (x, y, x + w, y + h))


def _linear(pixels: Image, factor: float, offset: float) -> Image:
    return np.clip(pixels.astype(np.float32) * factor + offset, 0, 255).astype(np.uint8)


def _bytes(pixels: object) -> Image:
    return np.asarray(pixels, np.uint8)


def _order(rng: np.random.Generator) -> tuple[int, int, int]:
    a, b, c = rng.permutation(3).tolist()
    return a, b, c
