"""The bundled pose network's batches and losses: SimCC beside dense heads that are thrown away afterwards.

A SimCC head over random features learns very slowly; a heat map a keypoint, read off stages 3 and 4 by one 1 x 1
convolution each, makes the backbone learn many times faster (the card's diary has the trial). The dense targets
mix the label's Gaussian with the teacher's map, which knows what a label does not: which other place is likely.
Everything here runs on the device of the arrays, augmentation included.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rtmcli.zoo.family_pixels import IMAGENET_RGB
from tools.bundled_models.crops import ASPECT, CROP, FIELD, FLIP

CELL = 4  # input pixels a cell of the dense maps
SIGMA = 0.354  # SimCC bins for the root of one pixel: RTMPose's 4.9 and 5.66 at 192 x 256
BETA = 10.0  # RTMPose's KL loss
NEAR = 24  # bins from the highest one that may belong to the same top
UPPER, LOWER = list(range(11)), list(range(11, 17))
# COCO's sigmas (pycocotools), x 2
SPREAD = 2 * torch.tensor(
    [.026, .025, .025, .035, .035, .079, .079, .072, .072, .062, .062, .107, .107, .087, .087, .089, .089]
)  # fmt: skip


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


FULL = Strength(scale=1.3, turn=40, turned=0.5, shift=0.06, half=0.1, cover=0.4, colour=0.25)
WEAK = Strength(scale=1.15, turn=20, turned=0.4, shift=0.03, half=0.03, cover=0.15, colour=0.15)


@dataclass
class Batch:
    images: Tensor  # (N, 3, H, W) normalised RGB
    points: Tensor  # (N, 17, 2) input pixels
    weights: Tensor  # (N, 17), 0 where unknown or outside
    labelled: Tensor  # (N, 17) bool: a hand's label
    maps: Tensor  # (N, 17, H / 4, W / 4) the teacher's, 0 to 1
    zoom: Tensor  # (N,) the sample's field in fields


class DenseHeads(nn.Module):
    """A heat map a keypoint from stage 3 and from stage 4, by 1 x 1 convolution and pixel shuffle."""

    def __init__(self, channels: tuple[int, int], keypoints: int = 17) -> None:
        super().__init__()
        self.middle = nn.Conv2d(channels[0], keypoints * 16, 1)
        self.last = nn.Conv2d(channels[1], keypoints * 64, 1)

    def forward(self, stage3: Tensor, stage4: Tensor) -> tuple[Tensor, Tensor]:
        middle = F.pixel_shuffle(self.middle(stage3), 4)  # (N, K, H / 4, W / 4)
        last = F.pixel_shuffle(self.last(stage4), 8)  # (N, K, H / 4, W / 4)
        return middle, last


def grow_head(state: dict[str, Tensor], width: int, height: int) -> dict[str, Tensor]:
    """Weights of an RTMPose for another input size: its head's three matrices, resampled.

    The embedding sums over the cells of a map, the two classifiers have a row a bin; everything else is free of size.
    """
    embed, x, y = (state[f"head.{name}.weight"] for name in ("mlp.1", "cls_x", "cls_y"))
    cells = (len(y) // 64, len(x) // 64)  # two bins a pixel, 32 pixels a cell
    wanted = (height // 32, width // 32)
    maps = F.interpolate(embed.float().view(-1, 1, *cells), size=wanted, mode="bilinear").flatten(1)

    def rows(matrix: Tensor, count: int) -> Tensor:
        return F.interpolate(matrix.float().T[None], size=count, mode="linear")[0].T.contiguous()

    grown = {
        "head.mlp.1.weight": maps * math.prod(cells) / math.prod(wanted),
        "head.cls_x.weight": rows(x, 2 * width),
        "head.cls_y.weight": rows(y, 2 * height),
    }
    return state | grown


def smooth_bins(state: dict[str, Tensor], sigma: float = 6.0) -> dict[str, Tensor]:
    """The weights with the rows of both classifiers blurred along the bins; `sigma` in bins.

    A short training leaves ripples of a few bins on every vector, and a maximum with two tops of nearly one height.
    The blur of a linear layer's rows is the blur of what it gives; one as wide as the label leaves one top.
    """
    reach = math.ceil(4 * sigma)
    kernel = torch.exp(-(torch.arange(-reach, reach + 1) ** 2) / (2 * sigma**2))
    blurred = {}
    for name in ("head.cls_x.weight", "head.cls_y.weight"):
        rows = F.pad(state[name].T[:, None], (reach, reach), mode="replicate")  # (D, 1, bins + 2 reach)
        blurred[name] = F.conv1d(rows, (kernel / kernel.sum())[None, None])[:, 0].T.contiguous()  # (bins, D)
    return state | blurred


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
        return (torch.rand(count, *shape, generator=random) * (high - low) + low).to(device)

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

    scale = torch.tensor(
        [2 * CROP[0] / FIELD / (CROP[0] - 1), 2 * CROP[0] / FIELD / (CROP[1] - 1)], device=device
    )
    bias = torch.tensor([CROP[0] / (CROP[0] - 1) - 1, CROP[1] / (CROP[1] - 1) - 1], device=device)
    grid = (places(1) * scale + bias).view(count, height, width, 2)
    pixels = images.permute(0, 3, 1, 2).float()
    pixels = F.grid_sample(pixels, grid, mode="bilinear", padding_mode="zeros", align_corners=True)

    grid = places(CELL) * torch.tensor([2.0, 2 * ASPECT], device=device)
    grid = grid.view(count, height // CELL, width // CELL, 2)
    heat = F.grid_sample(maps.float(), grid, mode="bilinear", padding_mode="zeros", align_corners=True) / 255

    moved = torch.linalg.solve(matrix, (points - centre[:, None]).transpose(1, 2)).transpose(1, 2)
    moved = moved * width + torch.tensor([width / 2, height / 2], device=device)  # (N, 17, 2)
    swap = torch.tensor(FLIP, device=device)
    moved = torch.where(mirrored[:, None, None], moved[:, swap], moved)
    weights = torch.where(mirrored[:, None], weights[:, swap], weights)
    heat = torch.where(mirrored[:, None, None, None], heat[:, swap], heat)
    limit = torch.tensor([width, height], device=device)
    inside = ((moved >= 0) & (moved <= limit - 1)).all(-1)
    weights = weights * inside
    return Batch(_colour(pixels, strength, uniform), moved, weights, weights >= 1, heat.clamp(0, 1), zoom)


def pose_loss(
    outputs: tuple[Tensor, Tensor], dense: tuple[Tensor, Tensor], batch: Batch, dense_weight: float
) -> dict[str, Tensor]:
    """The terms of the loss, already weighted: `simcc`, `own`, `score`, `dense`.

    `own` asks every keypoint, labelled or not, for one narrow top in the middle of what its highest bin belongs to:
    on a flat top, or between two of nearly one height, the rounding of half precision would choose.
    """
    target, known = _dense_target(batch)
    losses = [
        (-(target * heat.float().flatten(2).log_softmax(-1)).sum(-1) * known).sum() / known.sum().clamp(min=1)
        for heat in dense
    ]
    return {
        "simcc": _simcc_loss(outputs, batch.points, batch.weights),
        "own": 1.0 * _simcc_loss(outputs, _centres(outputs), torch.ones_like(batch.weights)),
        "score": 0.5 * _score_loss(outputs, batch),
        "dense": dense_weight * (0.5 * losses[0] + losses[1]),
    }


def _simcc_loss(outputs: tuple[Tensor, Tensor], points: Tensor, weights: Tensor) -> Tensor:
    """RTMPose's KL divergence to a Gaussian at `points` (N, K, 2), input pixels; weighted mean of both axes."""
    total = torch.zeros((), device=points.device)
    for logits, axis in zip(outputs, (0, 1), strict=True):
        bins = torch.arange(logits.shape[-1], device=logits.device)
        sigma = SIGMA * (len(bins) / 2) ** 0.5
        label = torch.exp(-((bins - 2 * points[..., axis, None]) ** 2) / (2 * sigma**2))  # (N, K, bins)
        divergence = F.kl_div(
            (logits.float() * BETA).log_softmax(-1), (label * BETA).softmax(-1), reduction="none"
        ).sum(-1)  # (N, K)
        total = total + (divergence * weights).sum() / weights.sum().clamp(min=1) / 2
    return total


@torch.no_grad()
def _centres(outputs: tuple[Tensor, Tensor]) -> Tensor:
    """The middle of the mass around each highest bin, (N, K, 2) input pixels."""
    found = []
    for logits in outputs:
        mass = (logits.float() * BETA).softmax(-1)  # (N, K, bins)
        bins = torch.arange(mass.shape[-1], device=mass.device)
        near = mass * ((bins - mass.argmax(-1, keepdim=True)).abs() <= NEAR)
        found.append((near * bins).sum(-1) / near.sum(-1))
    return torch.stack(found, -1) / 2


def _score_loss(outputs: tuple[Tensor, Tensor], batch: Batch) -> Tensor:
    """Make a keypoint's score (the smaller row maximum) tell how near the prediction is to the label.

    The KL term does not see a constant added to a row, so a row's maximum would else be arbitrary; the score
    target is the keypoint's own OKS, and 0 where neither a label nor the teacher sees the keypoint.
    """
    x, y = (logits.float().max(-1) for logits in outputs)
    place = torch.stack([x.indices, y.indices], -1) / 2
    # usual for a person who fills the crop
    area = 0.53 * 0.6 / ASPECT * (batch.images.shape[-1] / 1.25 / batch.zoom) ** 2
    error = (place - batch.points).square().sum(-1)
    quality = torch.exp(-error / (2 * area[:, None] * SPREAD.to(area.device) ** 2))
    absent = (batch.weights == 0) & (batch.maps.amax((2, 3)) < 0.1)
    seen = batch.labelled | absent
    quality = torch.where(absent, 0.0, quality)
    score = torch.minimum(x.values, y.values)
    return (F.smooth_l1_loss(score, quality, reduction="none", beta=0.2) * seen).sum() / seen.sum().clamp(
        min=1
    )


def _dense_target(batch: Batch) -> tuple[Tensor, Tensor]:
    """Probabilities over the cells (N, K, cells), and which keypoints have any (N, K).

    60 % label and 40 % teacher where a hand labelled, 30/70 where the teacher gave the point, the teacher alone
    elsewhere if its peak is above 0.1.
    """
    device = batch.points.device
    height, width = batch.maps.shape[2:]
    x = torch.arange(width, device=device) * CELL + (CELL - 1) / 2
    y = torch.arange(height, device=device) * CELL + (CELL - 1) / 2
    gx = torch.exp(-((x - batch.points[..., 0, None]) ** 2) / (2 * CELL**2))  # (N, K, w), one cell wide
    gy = torch.exp(-((y - batch.points[..., 1, None]) ** 2) / (2 * CELL**2))  # (N, K, h)
    label = (gy[..., :, None] * gx[..., None, :]).flatten(2)
    label = label / label.sum(-1, keepdim=True).clamp(min=1e-6)
    peak = batch.maps.amax((2, 3))
    # the square narrows the teacher's broad Gaussians and clears its floor
    teacher = batch.maps.flatten(2).square()
    teacher = teacher / teacher.sum(-1, keepdim=True).clamp(min=1e-6)
    heard = peak > 0.1
    share = torch.where(batch.labelled, 0.6, torch.where(batch.weights > 0, 0.3, 0.0))
    share = torch.where(heard, share, (batch.weights > 0).float())[..., None]
    known = torch.maximum(batch.weights, torch.where(heard, peak, 0.0))
    return share * label + (1 - share) * teacher, known


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
    mean = torch.tensor(IMAGENET_RGB["mean"], device=device).view(1, 3, 1, 1)
    std = torch.tensor(IMAGENET_RGB["std"], device=device).view(1, 3, 1, 1)
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
