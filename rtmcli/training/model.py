"""The model of a recipe: its card, its fresh network, and what the network takes."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from rtmcli.errors import UsageError
from rtmcli.networks import normalise as networks
from rtmcli.networks.build import build_network, keypoint_count
from rtmcli.networks.heatmap import HeatmapPose
from rtmcli.skeletons import load_skeleton
from rtmcli.training.recipe import Recipe
from rtmcli.zoo.card import Card
from rtmcli.zoo.family_pixels import FAMILY_PIXELS


def make_card(recipe: Recipe) -> Card:
    """The card of the model that a recipe makes."""
    crops = recipe.family.startswith(("rtmpose", "rtmw"))
    return Card(
        name=recipe.name,
        family=recipe.family,
        size=recipe.size,
        task="topdown" if crops else "onestage" if recipe.family == "rtmo" else "detector",
        skeleton=recipe.skeleton or None,
        width=recipe.width,
        height=recipe.height,
        codec=_codec(recipe) if crops else {},
        score=None if crops else 0.1 if recipe.family == "rtmo" else 0.05,
        iou=None if crops else 0.65 if recipe.family == "rtmo" else 0.6,
        **FAMILY_PIXELS[recipe.family],
    )


def make_network(recipe: Recipe) -> nn.Module:
    """The freshly initialised network of a recipe. Raises UsageError where a skeleton is missing."""
    if recipe.family != "rtmdet" and not recipe.skeleton:
        raise UsageError(f"the recipe {recipe.name} names no skeleton; --set skeleton=coco17, say")
    if recipe.skeleton:
        load_skeleton(recipe.skeleton)
    card = make_card(recipe)
    if recipe.heatmap:
        return HeatmapPose(recipe.size, keypoint_count(card))
    return build_network(card)


def normalise(images: Tensor, card: Card) -> Tensor:
    """(N, H, W, 3) uint8 BGR -> the network's input (N, 3, H, W)."""
    mean = torch.tensor(card.mean, device=images.device).view(1, 3, 1, 1)
    factor = 1 / torch.tensor(card.std, device=images.device).view(1, 3, 1, 1)
    x = networks.normalise(images, mean=mean, factor=factor, rgb=card.color == "rgb")
    return x.contiguous(memory_format=torch.channels_last)


def _codec(recipe: Recipe) -> dict[str, Any]:
    if recipe.family == "rtmw3d":
        return {"name": "simcc3d", "ratio": recipe.ratio, "depth": recipe.depth, "z_range": recipe.z_range}
    return {"name": "simcc", "ratio": recipe.ratio}
