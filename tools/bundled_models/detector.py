"""The bundled detector's batches and losses: the targets of every cell are the official RTMDet-nano's outputs.

The teacher has the very same cells, so its score and box of each cell, and its feature maps between the parts,
are targets on any picture, labelled or not: no assigner, no labels. Windows are cut from stored pictures on the
device, and teacher and student see the same window.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rtmcli.errors import DataError
from rtmcli.networks.rtmdet import RTMDet, decode_boxes
from rtmcli.zoo.family_pixels import IMAGENET_BGR
from tools.bundled_models.crops import constant
from tools.bundled_models.onnx_teacher import convolution_weights, load_graph

PAD = 114
SIDES = {"train": 448, "train_sports": 240, "train_people": 320}  # longest picture of each folder


@dataclass(frozen=True)
class Window:
    """How a training window is drawn: its side, and the picture's size in it."""

    side: int
    scale: tuple[float, float]  # longer side of the picture in pixels, divided by 320
    colour: float
    joined: float = 0.0  # share of windows with one side from another picture


def make_windows(pictures: Tensor, sizes: Tensor, window: Window, random: torch.Generator) -> Tensor:
    """Stored pictures (N, S, S, 3) and sizes (N, 2) -> normalised windows (N, 3, side, side).

    The picture is scaled and placed at random: a larger one is cropped, a smaller one lies on grey. Some windows have
    the left or upper part of one picture and the rest of another.
    """
    count, device, stored = len(pictures), pictures.device, pictures.shape[1]

    def uniform(low: float, high: float, *shape: int) -> Tensor:
        drawn = torch.rand(count, *shape, generator=random, device=random.device)
        return (drawn * (high - low) + low).to(device)

    longest = sizes.amax(1)
    factor = 320 / longest * uniform(*window.scale)  # output pixels a stored pixel
    stretch = torch.stack([uniform(0.93, 1.07), torch.ones(count, device=device)], -1)
    factor = factor[:, None] * stretch  # (N, 2)
    room = window.side - sizes * factor  # free pixels; negative where the picture is larger than the window
    corner = room * uniform(0, 1, 2)
    mirrored = uniform(0, 1) < 0.5
    place = torch.arange(window.side, device=device) + 0.5
    x = (place[None] - corner[:, :1]) / factor[:, :1]  # (N, side) in stored pixels
    x = torch.where(mirrored[:, None], sizes[:, :1] - x, x)
    y = (place[None] - corner[:, 1:]) / factor[:, 1:]
    grid = torch.stack(
        [x[:, None, :].expand(-1, window.side, -1), y[:, :, None].expand(-1, -1, window.side)], -1
    )
    outside = ((grid < 0) | (grid > sizes[:, None, None])).any(-1)  # (N, side, side)
    grid = grid * (2 / stored) - 1
    pixels = F.grid_sample(
        pictures.permute(0, 3, 1, 2).float(),
        grid,
        mode="bilinear",
        padding_mode="border",
        align_corners=False,
    )
    gain = 1 + uniform(-1, 1, 1, 1, 1) * window.colour + uniform(-1, 1, 3, 1, 1) * window.colour / 3
    lift = uniform(-1, 1, 1, 1, 1) * window.colour * 60
    pixels = (pixels * gain + lift).clamp(0, 255)
    pixels = torch.where(outside[:, None], float(PAD), pixels)
    at = uniform(0.25, 0.75, 1, 1, 1) * window.side
    across = uniform(0, 1, 1, 1, 1) < 0.5
    here = torch.where(across, place.view(1, 1, 1, -1) < at, place.view(1, 1, -1, 1) < at)
    other = (uniform(0, 1, 1, 1, 1) < window.joined) & ~here
    return normalise(torch.where(other, pixels.roll(1, 0), pixels))


def normalise(pixels: Tensor) -> Tensor:
    """BGR 0..255 (N, 3, H, W) -> RTMDet's input."""
    mean, std = (
        constant(tuple(IMAGENET_BGR[key]), pixels.device).view(1, 3, 1, 1) for key in ("mean", "std")
    )
    return ((pixels - mean) / std).contiguous(memory_format=torch.channels_last)


def letterbox(image: np.ndarray, side: int = 320) -> tuple[np.ndarray, np.ndarray]:
    """The test-time picture (side, side, 3), and its scale in x and y."""
    height, width = image.shape[:2]
    factor = side / max(height, width)
    size = int(width * factor + 0.5), int(height * factor + 0.5)
    canvas = np.full((side, side, 3), PAD, np.uint8)
    canvas[: size[1], : size[0]] = cv2.resize(image, size)
    return canvas, np.array([size[0] / width, size[1] / height])


def official_teacher(path: Path) -> RTMDet:
    """The official person detector of an ONNX file (norms folded into its convolutions) as a network of ours.

    An export lists its convolutions in the order of computation; the order of ours is found by running the network
    once. Raises DataError where they do not fit.
    """
    model = RTMDet("nano", 1).eval()
    called: list[tuple[Any, Any]] = []
    norms = {
        id(part.conv): part.bn for part in model.modules() if hasattr(part, "conv") and hasattr(part, "bn")
    }
    hooks = [
        part.register_forward_hook(lambda part, _, __: called.append((part, norms.get(id(part)))))
        for part in model.modules()
        if isinstance(part, nn.Conv2d)
    ]
    with torch.no_grad():
        model(torch.zeros(1, 3, 64, 64))
    for hook in hooks:
        hook.remove()
    found = convolution_weights(load_graph(path))
    if [tuple(part.weight.shape) for part, _ in called] != [kernel.shape for kernel, _ in found]:
        raise DataError(f"{path} is not an RTMDet-nano for one class: its convolutions have other shapes")
    for (part, norm), (kernel, bias) in zip(called, found, strict=True):
        part.weight.data.copy_(torch.from_numpy(kernel.copy()))
        if norm is None:
            assert part.bias is not None
            part.bias.data.copy_(torch.from_numpy(bias.copy()))
        else:
            assert norm.running_var is not None
            norm.running_var.fill_(1 - norm.eps)  # so that the norm multiplies by exactly one
            norm.bias.data.copy_(torch.from_numpy(bias.copy()))
    return model.requires_grad_(False)


Features = tuple[list[Tensor], list[Tensor], list[Tensor]]


def forward_with_features(model: RTMDet, images: Tensor) -> Features:
    """Scores and distances of each level, and the feature maps of the backbone's stages and the neck."""
    stages = list(model.backbone(images))
    levels = list(model.neck(stages[1:]))
    scores, distances = model.bbox_head(levels)
    return scores, distances, stages + levels


def imitation_loss(student: Features, teacher: Features, hint_weight: float) -> dict[str, Tensor]:
    """The terms of the loss, already weighted: `cls`, `box`, `hint`."""
    logits, wanted = (flat_scores(part[0]) for part in (student, teacher))  # (N, cells)
    target = wanted.sigmoid()
    gap = (logits.sigmoid() - target).abs()
    cost = F.binary_cross_entropy_with_logits(logits, target, reduction="none") * gap**1.5
    weight = torch.where(target > 0.05, target, 0.0)
    total = weight.sum().clamp(min=1)
    boxes, targets = (decode_boxes([level.float() for level in part[1]]) for part in (student, teacher))
    loss_box = ((1 - giou(boxes.flatten(0, 1), targets.flatten(0, 1))) * weight.flatten()).sum() / total
    hints = [hint(a.float(), b.float()) for a, b in zip(student[2], teacher[2], strict=True)]
    return {"cls": cost.sum() / total, "box": 2 * loss_box, "hint": hint_weight * torch.stack(hints).mean()}


def hint(student: Tensor, teacher: Tensor) -> Tensor:
    """Mean square difference of two maps (N, C, h, w) after each channel is brought to mean 0 and deviation 1.

    Mean and size of a channel are left free (as in PKD, Cao and others, arXiv 2207.02039): the teacher has
    channels with a large constant part, which carry no information and would dominate the loss. A teacher's channel
    with a small variance has a small weight.
    """
    own = teacher.var((0, 2, 3), keepdim=True, unbiased=False)
    weight = own / (own + 0.1 * own.mean())
    difference = standard(student) - standard(teacher)
    return (weight * difference.square().mean((0, 2, 3), keepdim=True)).sum() / weight.sum()


def standard(x: Tensor) -> Tensor:
    middle = x - x.mean((0, 2, 3), keepdim=True)
    return middle / (middle.square().mean((0, 2, 3), keepdim=True) + 1e-5).sqrt()


def flat_scores(levels: Sequence[Tensor]) -> Tensor:
    return torch.cat([level.float().flatten(1) for level in levels], 1)


def giou(a: Tensor, b: Tensor) -> Tensor:
    """Generalised IoU of boxes (n, 4), pair by pair."""
    inner = (torch.minimum(a[:, 2:], b[:, 2:]) - torch.maximum(a[:, :2], b[:, :2])).clamp(min=0).prod(1)
    outer = (torch.maximum(a[:, 2:], b[:, 2:]) - torch.minimum(a[:, :2], b[:, :2])).clamp(min=0).prod(1)
    both = (a[:, 2:] - a[:, :2]).clamp(min=0).prod(1) + (b[:, 2:] - b[:, :2]).clamp(min=0).prod(1) - inner
    return inner / both.clamp(min=1e-6) - (outer - both) / outer.clamp(min=1e-6)
