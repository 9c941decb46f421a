"""Augmented whole images for RTMO and RTMDet; every number is drawn from a numpy Generator."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from rtmcli.training.augment.crop import truncated_normal
from rtmcli.training.augment.pixels import random_hsv
from rtmcli.training.augment.scene import (
    Scene,
    crop,
    fit,
    fitted_affine,
    flip,
    keep_people,
    mixup,
    mixup_room,
    mosaic,
    pad,
    perspective,
    stretch,
)

Draw = Callable[[], Scene]
# Draws in a row that may leave an image without labels.
TRIES = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class SceneStage:
    """RTMO's augmentation in one stage.

    mosaic: four images and a uniform draw; else one image, fitted, and truncated normal draws.
    shift: share of the input either way. rotation, shear: degrees either way. scale: smallest and largest.
    mixup: smallest and largest factor on the mixed-in image; None for none.
    flip: probability. hsv: colour jitter.
    """

    mosaic: bool = True
    shift: float = 0.1
    rotation: float = 10.0
    scale: tuple[float, float] = (0.75, 1.0)
    shear: float = 2.0
    mixup: tuple[float, float] | None = (0.8, 1.6)
    flip: float = 0.5
    hsv: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class DetectorStage:
    """RTMDet's augmentation in one stage.

    mosaic: four images on a canvas of twice the size; else one.
    resize: smallest and largest factor on the canvas (or on the image fitted into the size) before the crop.
    mixup: probability. flip: probability. hsv: colour jitter.
    """

    mosaic: bool = True
    resize: tuple[float, float] = (0.5, 1.5)
    mixup: float = 0.0
    flip: float = 0.5
    hsv: bool = True


def random_scene(
    draw: Draw,
    *,
    size: tuple[int, int],
    flip_indices: npt.NDArray[np.integer],
    stage: SceneStage,
    rng: np.random.Generator,
) -> Scene:
    """An augmented training image of RTMO with at least one person, if `TRIES` draws find one.

    Args:
        draw: gives another image of the data set at each call.
        size: (W, H) of the result.
        flip_indices: (K,) the keypoint that moves to each place when mirrored.
    """
    for _ in range(TRIES):
        scene = (
            _mosaic_scene(draw, size, stage, rng) if stage.mosaic else _one_scene(draw(), size, stage, rng)
        )
        if stage.mixup is not None:
            jitter = float(rng.uniform(*stage.mixup))
            scene = _mix(scene, draw(), jitter, flip_indices, rng)
        scene = keep_people(_finish(scene, flip_indices, stage.flip, stage.hsv, rng))
        if len(scene.boxes):
            break
    return scene


def random_detector_scene(
    draw: Draw,
    *,
    size: tuple[int, int],
    stage: DetectorStage,
    rng: np.random.Generator,
) -> Scene:
    """An augmented training image of RTMDet with at least one box, if `TRIES` draws find one.

    Args:
        draw: gives the sample's own image, another of the set at each further call.
        size: (W, H) of the result.
    """
    no_keypoints = np.zeros(0, np.intp)
    for _ in range(TRIES):
        factor = float(rng.uniform(*stage.resize))
        scene = _cropped(draw(), draw, size, stage.mosaic, factor, rng)
        scene = _finish(scene, no_keypoints, stage.flip, stage.hsv, rng)
        scene = pad(scene, size)
        if rng.random() < stage.mixup:
            scene = _mix(scene, draw(), 1.0, no_keypoints, rng)
        scene = keep_people(scene)
        if len(scene.boxes):
            break
    return scene


def _mosaic_scene(draw: Draw, size: tuple[int, int], stage: SceneStage, rng: np.random.Generator) -> Scene:
    corner_x, corner_y = rng.uniform(0.5, 1.5, 2).tolist()
    canvas = mosaic([draw() for _ in range(4)], size, (corner_x, corner_y))
    shift_x, shift_y = (rng.uniform(-1, 1, 2) * stage.shift).tolist()
    shear_x, shear_y = (rng.uniform(-1, 1, 2) * stage.shear).tolist()
    return perspective(
        canvas,
        size,
        shift=(shift_x, shift_y),
        scale=float(rng.uniform(*stage.scale)),
        rotation=float(rng.uniform(-1, 1) * stage.rotation),
        shear=(shear_x, shear_y),
    )


def _one_scene(scene: Scene, size: tuple[int, int], stage: SceneStage, rng: np.random.Generator) -> Scene:
    shift_x, shift_y, scale, rotation = truncated_normal(rng, 4).tolist()
    low, high = stage.scale
    return fitted_affine(
        scene,
        size,
        shift=(shift_x * stage.shift, shift_y * stage.shift),
        scale=(low + high) / 2 + (high - low) / 2 * scale,
        rotation=rotation * stage.rotation,
    )


def _cropped(
    scene: Scene,
    draw: Draw,
    size: tuple[int, int],
    mosaiced: bool,
    factor: float,
    rng: np.random.Generator,
) -> Scene:
    if mosaiced:
        corner_x, corner_y = rng.uniform(0.5, 1.5, 2).tolist()
        scene = mosaic([scene, draw(), draw(), draw()], size, (corner_x, corner_y))
    else:
        scene = fit(scene, size)
    scene = stretch(scene, factor)
    room = max(scene.size[0] - size[0], 0), max(scene.size[1] - size[1], 0)
    offset = int(rng.integers(room[0] + 1)), int(rng.integers(room[1] + 1))
    return crop(scene, offset, size)


def _mix(
    scene: Scene,
    other: Scene,
    jitter: float,
    flip_indices: npt.NDArray[np.integer],
    rng: np.random.Generator,
) -> Scene:
    room = mixup_room(scene.size, jitter)
    offset = int(rng.integers(room[0] + 1)), int(rng.integers(room[1] + 1))
    flipped = bool(rng.random() > 0.5)
    return mixup(scene, other, jitter=jitter, flipped=flipped, offset=offset, flip_indices=flip_indices)


def _finish(
    scene: Scene,
    flip_indices: npt.NDArray[np.integer],
    probability: float,
    colour: bool,
    rng: np.random.Generator,
) -> Scene:
    if colour:
        scene = scene.with_image(random_hsv(scene.image, rng))
    return flip(scene, flip_indices) if rng.random() < probability else scene
