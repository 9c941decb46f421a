"""Augmented samples for training: one call a sample, every number drawn from a numpy Generator.

Top-down networks take `random_crop` (in `augment_crop`); RTMO and RTMDet take `random_scene` and
`random_detector_scene` here. What they are made of is in `augment_scene` and `augment_pixels`.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from rtmcli.training.augment.crop import (
    BoxDraw,
    Crop,
    CropRecipe,
    cut,
    half_body,
    random_crop,
    truncated_normal,
)
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

__all__ = [
    "BoxDraw",
    "Crop",
    "CropRecipe",
    "DetectorRecipe",
    "Scene",
    "SceneCache",
    "SceneRecipe",
    "cut",
    "half_body",
    "random_crop",
    "random_detector_scene",
    "random_scene",
]

Draw = Callable[[], Scene]
TRIES = 20  # pictures in a row in which the draws may leave nobody


@dataclass(frozen=True, slots=True, kw_only=True)
class SceneRecipe:
    """RTMO's numbers (recipes `rtmo-*.toml`).

    mosaic: four pictures and a uniform draw; else one picture, fitted, and truncated normal draws.
    shift: share of the input either way. rotation, shear: degrees either way. scale: smallest and largest.
    mixup: smallest and largest factor on the mixed-in picture; None for none.
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
class DetectorRecipe:
    """RTMDet's numbers (recipes `rtmdet-*.toml`).

    mosaic: four pictures on a canvas of twice the size; else one.
    resize: smallest and largest factor on the canvas (or on the picture fitted into the size) before the crop.
    mixup: probability. flip: probability. hsv: colour jitter.
    """

    mosaic: bool = True
    resize: tuple[float, float] = (0.5, 1.5)
    mixup: float = 0.0
    flip: float = 0.5
    hsv: bool = True


@dataclass
class SceneCache:
    """Pictures drawn lately, so that a mosaic decodes one file and not four (RTMDet, section 3.4).

    limit: how many are kept: 40 for mosaic, 20 for mixup; half of that for tiny and nano.
    random_pop: a random one makes room; else the oldest.
    """

    draw: Draw
    rng: np.random.Generator
    limit: int = 40
    random_pop: bool = True
    kept: list[Scene] = field(default_factory=list)

    def fresh(self) -> Scene:
        """The next picture, which also goes into the cache."""
        scene = self.draw()
        self.kept.append(scene)
        if len(self.kept) > self.limit:
            # The newest stays, so that four different pictures are there from the fifth call on.
            self.kept.pop(int(self.rng.integers(len(self.kept) - 1)) if self.random_pop else 0)
        return scene

    def again(self) -> Scene:
        """One of the pictures drawn lately; the first calls draw their own."""
        if len(self.kept) < 4:
            return self.fresh()
        return self.kept[int(self.rng.integers(len(self.kept)))]


def random_scene(
    draw: Draw,
    *,
    size: tuple[int, int],
    flip_indices: npt.NDArray[np.integer],
    recipe: SceneRecipe,
    rng: np.random.Generator,
) -> Scene:
    """A training picture of RTMO with somebody in it.

    Args:
        draw: gives another picture of the data set at each call.
        size: (W, H) of the result.
        flip_indices: (K,) the keypoint that moves to each place when mirrored.
    """
    for _ in range(TRIES):
        scene = (
            _mosaic_scene(draw, size, recipe, rng) if recipe.mosaic else _one_scene(draw(), size, recipe, rng)
        )
        if recipe.mixup is not None:
            jitter = float(rng.uniform(*recipe.mixup))
            scene = _mix(scene, draw(), jitter, flip_indices, rng)
        scene = keep_people(_finish(scene, flip_indices, recipe.flip, recipe.hsv, rng))
        if len(scene.boxes):
            break
    return scene


def random_detector_scene(
    draw: Draw,
    *,
    size: tuple[int, int],
    recipe: DetectorRecipe,
    rng: np.random.Generator,
    other: Draw | None = None,
) -> Scene:
    """A training picture of RTMDet with something in it.

    Args:
        draw: gives the sample's own picture, another at each call.
        size: (W, H) of the result.
        other: gives the further pictures of mosaic and mixup, say `SceneCache.again`; `draw` where None.
    """
    other = other or draw
    nobody = np.zeros(0, np.intp)
    for _ in range(TRIES):
        factor = float(rng.uniform(*recipe.resize))
        scene = _cropped(draw(), other, size, recipe.mosaic, factor, rng)
        scene = _finish(scene, nobody, recipe.flip, recipe.hsv, rng)
        scene = pad(scene, size)
        if rng.random() < recipe.mixup:
            scene = _mix(scene, other(), 1.0, nobody, rng)
        scene = keep_people(scene)
        if len(scene.boxes):
            break
    return scene


def _mosaic_scene(draw: Draw, size: tuple[int, int], recipe: SceneRecipe, rng: np.random.Generator) -> Scene:
    corner_x, corner_y = rng.uniform(0.5, 1.5, 2).tolist()
    canvas = mosaic([draw() for _ in range(4)], size, (corner_x, corner_y))
    shift_x, shift_y = (rng.uniform(-1, 1, 2) * recipe.shift).tolist()
    shear_x, shear_y = (rng.uniform(-1, 1, 2) * recipe.shear).tolist()
    return perspective(
        canvas,
        size,
        shift=(shift_x, shift_y),
        scale=float(rng.uniform(*recipe.scale)),
        rotation=float(rng.uniform(-1, 1) * recipe.rotation),
        shear=(shear_x, shear_y),
    )


def _one_scene(scene: Scene, size: tuple[int, int], recipe: SceneRecipe, rng: np.random.Generator) -> Scene:
    shift_x, shift_y, scale, rotation = truncated_normal(rng, 4).tolist()
    low, high = recipe.scale
    return fitted_affine(
        scene,
        size,
        shift=(shift_x * recipe.shift, shift_y * recipe.shift),
        scale=(low + high) / 2 + (high - low) / 2 * scale,
        rotation=rotation * recipe.rotation,
    )


def _cropped(
    scene: Scene,
    other: Draw,
    size: tuple[int, int],
    mosaiced: bool,
    factor: float,
    rng: np.random.Generator,
) -> Scene:
    if mosaiced:
        corner_x, corner_y = rng.uniform(0.5, 1.5, 2).tolist()
        scene = mosaic([scene, other(), other(), other()], size, (corner_x, corner_y))
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
