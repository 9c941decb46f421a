"""The pose network's batches: stored crops, augmented on the device they lie on, with points and heat maps."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor

from rtmcli.zoo.family_pixels import IMAGENET_RGB
from tools.bundled_models.crops import ASPECT, CROP, FIELD, FLIP, constant
from tools.bundled_models.teacher_maps import shift

CELL = 4  # input pixels a cell of the dense maps
UPPER, LOWER = list(range(11)), list(range(11, 17))


@dataclass(frozen=True)
class Strength:
    """How far a sample is moved away from the plain crop."""

    scale: float  # the field is multiplied by a factor in [1 / scale, scale]
    turn: float  # degrees, either way, for `turned` of the samples
    turned: float
    shift: float  # fields, either way
    half: float  # share of samples cut to the upper or lower body
    cover: float  # share of samples with one box covered by pixels of another sample
    colour: float  # contrast and brightness
    mixed: float = 0.0  # share of samples that are mixed with another one, when a teacher sees the batch


FULL = Strength(scale=1.3, turn=40, turned=0.5, shift=0.06, half=0.1, cover=0.4, colour=0.25, mixed=0.35)
WEAK = Strength(scale=1.15, turn=20, turned=0.4, shift=0.03, half=0.03, cover=0.15, colour=0.15, mixed=0.1)


@dataclass
class Batch:
    images: Tensor  # (N, 3, H, W) normalised RGB
    points: Tensor  # (N, 17, 2) input pixels
    weights: Tensor  # (N, 17), 0 where unknown or outside
    labelled: Tensor  # (N, 17) bool: a hand's label
    maps: Tensor  # (N, 17, H / 4, W / 4) the teacher's, 0 to 1
    zoom: Tensor  # (N,) the sample's field in fields
    mixed: Tensor  # (N,) bool: two samples in one, for which the maps are the only target


def make_batch(
    images: Tensor,
    points: Tensor,
    weights: Tensor,
    maps: Tensor,
    strength: Strength,
    random: torch.Generator,
    size: tuple[int, int],
) -> Batch:
    """Draw an augmented batch of `size` (W, H) from stored crops (`bundled_crops`), on the arrays' own device."""
    count, device = len(images), images.device
    width, height = size

    def uniform(low: float, high: float, *shape: int) -> Tensor:
        drawn = torch.rand(count, *shape, generator=random, device=random.device)
        return (drawn * (high - low) + low).to(device)

    centre, zoom = _body_part(points, weights, uniform(0, 1) < strength.half, uniform(0, 1) < 0.6)
    zoom = zoom * torch.exp(uniform(-1, 1) * math.log(strength.scale))
    centre = centre + uniform(-strength.shift, strength.shift, 2) * zoom[:, None]
    angle = uniform(-1, 1) * math.radians(strength.turn) * (uniform(0, 1) < strength.turned)
    mirrored = uniform(0, 1) < 0.5
    cos, sin = torch.cos(angle), torch.sin(angle)
    side = torch.where(mirrored, -1.0, 1.0)
    # field coordinates of an input pixel: centre + zoom * turn @ mirror @ (pixel - middle) / W
    matrix = torch.stack([cos * side, -sin, sin * side, cos], -1).view(count, 2, 2) * zoom[:, None, None]

    def places(cell: int) -> Tensor:
        x = (torch.arange(width // cell, device=device) + 0.5) * cell - 0.5 - width / 2
        y = (torch.arange(height // cell, device=device) + 0.5) * cell - 0.5 - height / 2
        plain = torch.stack(torch.meshgrid(x, y, indexing="xy"), -1) / width  # (h, w, 2)
        return plain.reshape(1, -1, 2) @ matrix.transpose(1, 2) + centre[:, None]  # (N, h w, 2)

    scale = constant((2 * CROP[0] / FIELD / (CROP[0] - 1), 2 * CROP[0] / FIELD / (CROP[1] - 1)), device)
    bias = constant((CROP[0] / (CROP[0] - 1) - 1, CROP[1] / (CROP[1] - 1) - 1), device)
    grid = (places(1) * scale + bias).view(count, height, width, 2)
    pixels = images.permute(0, 3, 1, 2).float()
    pixels = F.grid_sample(pixels, grid, mode="bilinear", padding_mode="zeros", align_corners=True)

    grid = places(CELL) * constant((2.0, 2 * ASPECT), device)
    grid = grid.view(count, height // CELL, width // CELL, 2)
    heat = F.grid_sample(maps.float(), grid, mode="bilinear", padding_mode="zeros", align_corners=True) / 255

    # the inverse of a turn times a length is its transpose over the square of the length
    moved = (points - centre[:, None]) @ matrix / zoom.square()[:, None, None]
    moved = moved * width + constant((width / 2, height / 2), device)  # (N, 17, 2)
    swap = constant(tuple(FLIP), device)
    moved = torch.where(mirrored[:, None, None], moved[:, swap], moved)
    weights = torch.where(mirrored[:, None], weights[:, swap], weights)
    heat = torch.where(mirrored[:, None, None, None], heat[:, swap], heat)
    limit = constant((width, height), device)
    inside = ((moved >= 0) & (moved <= limit - 1)).all(-1)
    weights = weights * inside
    pixels = _colour(pixels, strength, uniform)
    mixed = torch.zeros(count, dtype=torch.bool, device=device)
    return Batch(pixels, moved, weights, weights >= 1, heat.clamp(0, 1), zoom, mixed)


def mix_samples(batch: Batch, share: float, random: torch.Generator) -> Batch:
    """Join some samples with their neighbour in the batch: one side of each, or a mean of both.

    A mixed sample has no labels and no maps; `teach_batch` gives it the teacher's.
    """
    images, device = batch.images, batch.images.device
    count, _, height, width = images.shape
    draws = torch.rand(4, count, 1, 1, 1, generator=random, device=random.device).to(device)
    at = 0.25 + 0.5 * draws[1]  # place of the cut, or weight of the first
    x = (torch.arange(width, device=device) / width).view(1, 1, 1, -1)
    y = (torch.arange(height, device=device) / height).view(1, 1, -1, 1)
    own = torch.where(draws[2] < 0.5, torch.where(draws[2] < 0.25, x < at, y < at).float(), at)
    mixed = draws[0] < share
    other = images.roll(1, 0)
    images = torch.where(mixed, images * own + other * (1 - own), images)
    chosen = mixed.flatten()
    return Batch(
        images.contiguous(memory_format=torch.channels_last),
        batch.points,
        torch.where(chosen[:, None], 0.0, batch.weights),
        batch.labelled & ~chosen[:, None],
        torch.where(chosen[:, None, None, None], 0.0, batch.maps),
        batch.zoom,
        chosen,
    )


def teach_batch(batch: Batch, maps: Tensor, taught: Tensor | slice = slice(None)) -> Batch:
    """The batch with the maps (M, 17, h, w) of a teacher that saw its samples `taught`.

    They replace those of mixed samples. Others keep half of the stored ones, which are a mean of several crops.
    """
    mixed = batch.mixed[taught]
    heat, weights = batch.maps.clone(), batch.weights.clone()
    heat[taught] = torch.where(mixed[:, None, None, None], maps, (maps + heat[taught]) / 2)
    trust = ((maps.amax((2, 3)) - 0.3) / 0.4).clamp(0, 1)
    weights[taught] = torch.where(mixed[:, None], 0.6 * trust, weights[taught])
    return replace(batch, maps=heat, weights=weights)


def align_maps(maps: Tensor, height: int, width: int) -> Tensor:
    """TinyPose's maps (N, C, h, w), whose corners lie on the corner pixels of its input, at our cells' middles."""
    x = (torch.arange(width // CELL, device=maps.device) + 0.5) * CELL - 0.5
    y = (torch.arange(height // CELL, device=maps.device) + 0.5) * CELL - 0.5
    grid = torch.stack(torch.meshgrid(2 * x / (width - 1) - 1, 2 * y / (height - 1) - 1, indexing="xy"), -1)
    grid = (grid + shift(maps.device)).expand(len(maps), -1, -1, -1)
    return F.grid_sample(maps.float(), grid, padding_mode="border", align_corners=True)


def _body_part(points: Tensor, weights: Tensor, wanted: Tensor, upper: Tensor) -> tuple[Tensor, Tensor]:
    """Middle (N, 2) and width (N,) in fields: the whole field, or one around the upper or lower body."""
    count = len(points)
    part = torch.zeros(count, 17, dtype=torch.bool, device=points.device)
    part[:, UPPER] = upper[:, None]
    part[:, LOWER] = ~upper[:, None]
    part &= weights > 0
    wanted = wanted & (part.sum(1) >= 3) & ((weights > 0).sum(1) >= 8)
    low = torch.where(part[..., None], points, 9.0).amin(1)
    high = torch.where(part[..., None], points, -9.0).amax(1)
    size = high - low
    width = torch.maximum(size[:, 0], size[:, 1] * ASPECT) * 1.5  # RTMPose's half body padding
    centre = torch.where(wanted[:, None], (low + high) / 2, 0.0)
    return centre, torch.where(wanted, width.clamp(0.35, 1.2), 1.0)


def _colour(pixels: Tensor, strength: Strength, uniform) -> Tensor:
    """Normalise, then change contrast, brightness and tint, and cover a box of some by another sample's pixels."""
    device = pixels.device
    mean, std = (constant(tuple(IMAGENET_RGB[key]), device).view(1, 3, 1, 1) for key in ("mean", "std"))
    gain = 1 + uniform(-1, 1, 1, 1, 1) * strength.colour + uniform(-1, 1, 3, 1, 1) * strength.colour / 3
    lift = uniform(-1, 1, 1, 1, 1) * strength.colour * 1.5
    pixels = (pixels - mean) / std * gain + lift
    height, width = pixels.shape[2:]
    x = torch.arange(width, device=device).view(1, 1, 1, -1)
    y = torch.arange(height, device=device).view(1, 1, -1, 1)
    middle, reach = uniform(0, 1, 2, 1, 1, 1), uniform(0.06, 0.2, 2, 1, 1, 1)
    box = ((x / width - middle[:, 0]).abs() < reach[:, 0]) & ((y / height - middle[:, 1]).abs() < reach[:, 1])
    covered = box & (uniform(0, 1, 1, 1, 1) < strength.cover)
    pixels = torch.where(covered, pixels.roll(1, 0), pixels)
    return pixels.contiguous(memory_format=torch.channels_last)
