"""Augmentation of top-down crops: mirroring, scale, rotation and shift of the box, then colour, blur and holes.

The order is that of mmpose's configurations: flip, half body, box transform, affine, colour, blur and holes.
Centre and scale are those of `geometry.boxes.center_scale`; a scale is width and height in pixels.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from rtmcli.arrays import Float64Array, FloatArray, Image
from rtmcli.geometry.affine import topdown_matrix, transform, udp_matrix, warp
from rtmcli.geometry.boxes import fix_aspect
from rtmcli.geometry.flip import flip_keypoints, flip_points
from rtmcli.training.augment.pixels import (
    random_blur,
    random_cutout,
    random_hsv,
    random_median_blur,
    random_photometric,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class CropStage:
    """The ranges of the random numbers in one stage of a training.

    flip, half_body: probabilities.
    shift: of the centre, as a share of the scale, drawn with `shift_probability`.
    scale: smallest and largest factor. rotation: degrees either way, drawn with `rotation_probability`.
    hsv, photometric: colour steps, on or off. blur, median_blur, cutout: probabilities.
    udp: the unbiased affine map (heatmap pretraining).
    """

    flip: float = 0.5
    half_body: float = 0.3
    shift: float = 0.16
    shift_probability: float = 0.3
    scale: tuple[float, float] = (0.6, 1.4)
    rotation: float = 80.0
    rotation_probability: float = 0.6
    hsv: bool = True
    photometric: bool = False
    blur: float = 0.1
    median_blur: float = 0.1
    cutout: float = 1.0
    udp: bool = False


class BoxDraw(NamedTuple):
    """Drawn change of a box: shift (2,) as a share of the scale, factor, degrees."""

    shift: tuple[float, float] = (0.0, 0.0)
    factor: float = 1.0
    rotation: float = 0.0


class Crop(NamedTuple):
    """A network input: image (H, W, 3) uint8 BGR, keypoints (K, 2) in its pixels, visible (K,).

    matrix: (2, 3) from the image to it. flipped: it is a mirror image, keypoints[i] being point flip_indices[i].
    """

    image: Image
    keypoints: FloatArray
    visible: FloatArray
    matrix: FloatArray
    flipped: bool


def random_crop(
    image: Image,
    center: FloatArray,
    scale: FloatArray,
    keypoints: FloatArray,
    visible: FloatArray,
    *,
    size: tuple[int, int],
    flip_indices: npt.NDArray[np.integer],
    upper: Sequence[int],
    lower: Sequence[int],
    stage: CropStage,
    rng: np.random.Generator,
) -> Crop:
    """One augmented crop of a person.

    Args:
        image: (H, W, 3) uint8 BGR, the whole image.
        center, scale: (2,) of the person's padded box.
        keypoints: (K, 2) in image pixels; visible: (K,).
        size: (W, H) of the crop.
        flip_indices: (K,) the keypoint that moves to each place when mirrored.
        upper, lower: indices of the halves; empty where the skeleton has none, which leaves half bodies out.
    """
    flipped = bool(rng.random() < stage.flip)
    if flipped:
        size_before = (image.shape[1], image.shape[0])
        center = flip_points(center, size_before)
        moved, seen = flip_keypoints(keypoints[None], visible[None], size_before, flip_indices)
        keypoints, visible = moved[0], seen[0]
    half = None
    if rng.random() < stage.half_body and len(upper) and len(lower):
        half = half_body(keypoints, visible, upper=upper, lower=lower, preference=float(rng.random()))
    if half is not None:
        center, scale = half
    draw = draw_box(rng, stage)
    crop = cut(image, center, scale, keypoints, visible, draw, size=size, flipped=flipped, udp=stage.udp)
    return crop._replace(image=_change_pixels(crop.image, stage, rng))


def half_body(
    keypoints: FloatArray,
    visible: FloatArray,
    *,
    upper: Sequence[int],
    lower: Sequence[int],
    preference: float,
    min_total: int = 9,
    min_upper: int = 2,
    min_lower: int = 3,
    padding: float = 1.5,
) -> tuple[FloatArray, FloatArray] | None:
    """Centre and scale of one half of the body, or None where too few points are visible.

    The upper half where `preference` < 0.7 and it has enough points, or the lower has not.
    """
    seen = visible > 0
    if seen.sum() < min_total:
        return None
    up, low = ([i for i in half if seen[i]] for half in (upper, lower))
    enough_up, enough_low = len(up) >= min_upper, len(low) >= min_lower
    if not (enough_up or enough_low):
        return None
    chosen = up if enough_up and (preference < 0.7 or not enough_low) else low
    points = keypoints[chosen]  # (n, 2)
    center = points.mean(axis=0)
    scale = (points.max(axis=0) - points.min(axis=0)) * padding
    return center.astype(np.float32), scale.astype(np.float32)


def draw_box(rng: np.random.Generator, stage: CropStage) -> BoxDraw:
    """Shift, factor and rotation, drawn in the order of mmpose's RandomBBoxTransform."""
    normal = truncated_normal(rng, 4)
    chance = rng.random(3)
    return box_draw(normal, chance, stage)


def box_draw(normal: FloatArray, chance: FloatArray, stage: CropStage) -> BoxDraw:
    """The change that four truncated normals (dx, dy, scale, rotation) and three uniform numbers stand for."""
    low, high = stage.scale
    moved, turned = chance[0] < stage.shift_probability, chance[2] < stage.rotation_probability
    return BoxDraw(
        shift=(float(normal[0]) * stage.shift, float(normal[1]) * stage.shift) if moved else (0.0, 0.0),
        # Unlike shift and rotation the scale has no probability.
        factor=(low + high) / 2 + (high - low) / 2 * float(normal[2]),
        rotation=float(normal[3]) * stage.rotation if turned else 0.0,
    )


def change_box(center: FloatArray, scale: FloatArray, draw: BoxDraw) -> tuple[FloatArray, FloatArray]:
    """Centre and scale after a draw; the shift is a share of the scale before it."""
    return center + np.asarray(draw.shift, center.dtype) * scale, scale * np.float32(draw.factor)


def cut(
    image: Image,
    center: FloatArray,
    scale: FloatArray,
    keypoints: FloatArray,
    visible: FloatArray,
    draw: BoxDraw,
    *,
    size: tuple[int, int],
    flipped: bool = False,
    udp: bool = False,
) -> Crop:
    """The crop that a draw stands for.

    `center`, `scale`, `keypoints` are those of the mirrored image where `flipped`; `image` is not mirrored:
    mirroring is part of the affine map.
    """
    center, scale = change_box(center, scale, draw)
    scale = fix_aspect(scale, size[0] / size[1])
    matrix = (udp_matrix if udp else topdown_matrix)(center, scale, size, draw.rotation)
    points = transform(keypoints, matrix).astype(np.float32)  # (K, 2)
    if flipped:
        width = image.shape[1]
        mirror = np.array([[-1.0, 0.0, width - 1], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
        matrix = matrix @ mirror
    return Crop(warp(image, matrix, size), points, visible, matrix, flipped)


def truncated_normal(rng: np.random.Generator, size: int, limit: float = 1.0) -> Float64Array:
    """(size,) standard normal numbers within +-limit: those outside are drawn again."""
    values = rng.standard_normal(size)
    while (outside := np.abs(values) > limit).any():
        values[outside] = rng.standard_normal(int(outside.sum()))
    return values


def _change_pixels(image: Image, stage: CropStage, rng: np.random.Generator) -> Image:
    if stage.hsv:
        image = random_hsv(image, rng)
    if stage.photometric:
        image = random_photometric(image, rng)
    image = random_blur(image, rng, probability=stage.blur)
    image = random_median_blur(image, rng, probability=stage.median_blur)
    return random_cutout(image, rng, probability=stage.cutout)
