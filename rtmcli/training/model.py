"""The model of a recipe: its card, its network, and the network's input."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from rtmcli.errors import UsageError
from rtmcli.networks import normalise as networks
from rtmcli.networks.build import build_network, keypoint_count
from rtmcli.networks.heatmap import HeatmapPose
from rtmcli.skeletons import load_skeleton
from rtmcli.training.data.classes import PERSON
from rtmcli.training.recipe import Recipe
from rtmcli.zoo.card import Card, Task
from rtmcli.zoo.family_pixels import FAMILY_PIXELS

# Task, score threshold and IoU threshold at test time of the families that take whole images.
_TEST_TIME: dict[str, tuple[Task, float, float]] = {
    "rtmo": ("onestage", 0.1, 0.65),
    "rtmdet": ("detector", 0.05, 0.6),
}


def make_card(recipe: Recipe) -> Card:
    """The card of the model that a recipe makes."""
    model = recipe.model
    task: Task = "topdown"
    score = iou = None
    if model.family in _TEST_TIME:
        task, score, iou = _TEST_TIME[model.family]
    return Card(
        name=model.name,
        family=model.family,
        size=model.size,
        task=task,
        skeleton=model.skeleton or None,
        classes=model.class_names or (PERSON,),
        width=model.width,
        height=model.height,
        codec=_codec(recipe) if task == "topdown" else {},
        score=score,
        iou=iou,
        **FAMILY_PIXELS[model.family],
    )


def make_network(recipe: Recipe) -> nn.Module:
    """The freshly initialised network of a recipe. Raises UsageError where a skeleton is missing.

    Example:
        from rtmcli import load_recipe, make_network

        network = make_network(load_recipe("rtmpose-t"))
        print(sum(weights.numel() for weights in network.parameters()))
    """
    model = recipe.model
    if model.family != "rtmdet" and not model.skeleton:
        raise UsageError(
            f"the recipe {model.name} names no skeleton, which the family {model.family} needs; "
            "for example --set skeleton=coco17"
        )
    if model.skeleton:
        load_skeleton(model.skeleton)
    card = make_card(recipe)
    if recipe.topdown.heatmap:
        return HeatmapPose(model.size, keypoint_count(card))
    return build_network(card)


def normalise(images: Tensor, card: Card) -> Tensor:
    """(N, H, W, 3) uint8 BGR to the network's input (N, 3, H, W) float32."""
    mean = torch.tensor(card.mean, device=images.device).view(1, 3, 1, 1)
    factor = 1 / torch.tensor(card.std, device=images.device).view(1, 3, 1, 1)
    x = networks.normalise(images, mean=mean, factor=factor, rgb=card.color == "rgb")
    return x.contiguous(memory_format=torch.channels_last)


def unwrapped(network: nn.Module) -> Any:
    """The network itself, without torch's wrapper for several processes."""
    return getattr(network, "module", network)


def _codec(recipe: Recipe) -> dict[str, Any]:
    numbers = recipe.topdown
    if recipe.model.family == "rtmw3d":
        return {
            "name": "simcc3d",
            "ratio": numbers.ratio,
            "depth": numbers.depth,
            "z_range": numbers.z_range,
        }
    return {"name": "simcc", "ratio": numbers.ratio}
