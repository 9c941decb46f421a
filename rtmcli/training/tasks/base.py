"""What a family trains on: how a sample is drawn, how a batch is made of samples, and what it costs.

The loop (`training.trainer`) knows nothing of crops or scenes: it asks a task for samples, batches and losses. Every
sample is drawn from its own generator, seeded by seed, epoch and place in the epoch, so that it does not matter
which worker or process draws it, nor whether the run was interrupted before.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from rtmcli.errors import UsageError
from rtmcli.networks import normalise as networks
from rtmcli.networks.build import build_network, keypoint_count
from rtmcli.networks.heatmap import HeatmapPose
from rtmcli.skeletons import load_skeleton
from rtmcli.training.data.dataset import DataSet
from rtmcli.training.recipe import Recipe
from rtmcli.zoo.card import Card
from rtmcli.zoo.family_pixels import FAMILY_PIXELS

Share = Callable[[Tensor], Tensor]
Terms = dict[str, Tensor]


@dataclass
class Batch:
    """What one step learns from.

    images: (N, H, W, 3) uint8 BGR. targets: tensors, or lists of tensors a picture, as the task's loss takes them.
    names: where each sample came from, for messages.
    """

    images: Tensor
    targets: dict[str, Any]
    names: list[str]

    def to(self, device: torch.device) -> Batch:
        return Batch(_moved(self.images, device), _moved(self.targets, device), self.names)


class Task(Protocol):
    """A family's side of the training."""

    recipe: Recipe
    sets: list[DataSet]
    # losses of crops are sums over the batch (the reference's KL), those of scenes are means over it
    sums_samples: bool

    def sizes(self) -> list[int]:
        """Samples of each set."""

    def draw(self, number: int, index: int, epoch: int, random: np.random.Generator) -> dict[str, Any]:
        """One augmented sample of set `number`: arrays, with its `name`."""

    def collate(self, samples: list[dict[str, Any]]) -> Batch:
        """A batch of samples."""

    def loss(
        self, network: nn.Module, batch: Batch, epoch: int, step: int, share: Share
    ) -> tuple[Tensor, Terms]:
        """The loss of a batch on the network's device in step `step` of the run, and its terms for the log."""

    def evaluate(self, network: nn.Module, data: DataSet, device: torch.device) -> dict[str, float]:
        """The figures of `rtm eval` on a set: true boxes for crops, whole pictures for scenes."""

    def picture(self, sample: dict[str, Any]) -> np.ndarray:
        """A sample with its targets drawn, for `--show-batch`."""


def make_task(recipe: Recipe, sets: list[DataSet], teacher: nn.Module | None = None) -> Task:
    """The task of a recipe. `teacher` is the network that a recipe of DWPose learns from.

    Raises UsageError for a family that is not trained, and for a recipe that lacks its teacher.
    """
    if recipe.feature or recipe.logit or recipe.head_only:
        from rtmcli.training.tasks.distill import DistillTask

        if recipe.family not in ("rtmpose", "rtmw") or recipe.heatmap:
            raise UsageError(f"{recipe.family!r} learns from no teacher; rtmpose and rtmw do")
        if teacher is None:
            raise UsageError(
                f"the recipe {recipe.name} learns from a teacher; name its weights with --teacher FILE"
            )
        return DistillTask(recipe, sets, teacher)
    if recipe.heatmap:
        from rtmcli.training.tasks.heatmap import HeatmapTask

        if recipe.family != "rtmpose":
            raise UsageError(f"{recipe.family!r} is not pre-trained on heat maps; rtmpose's backbones are")
        return HeatmapTask(recipe, sets)
    if recipe.family in ("rtmpose", "rtmw"):
        from rtmcli.training.tasks.topdown import CropTask

        return CropTask(recipe, sets)
    if recipe.family == "rtmw3d":
        from rtmcli.training.tasks.topdown3d import SpaceTask

        return SpaceTask(recipe, sets)
    if recipe.family == "rtmdet":
        from rtmcli.training.tasks.whole_image import DetectorTask

        return DetectorTask(recipe, sets)
    if recipe.family == "rtmo":
        from rtmcli.training.tasks.whole_image import OneStageTask

        return OneStageTask(recipe, sets)
    raise UsageError(
        f"'rtm train' cannot train the family {recipe.family!r}; it trains rtmpose, rtmw, rtmw3d, rtmo and rtmdet"
    )


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


def _moved(value: Any, device: torch.device) -> Any:
    if isinstance(value, Tensor):
        return value.to(device, non_blocking=True)
    if isinstance(value, dict):
        return {key: _moved(one, device) for key, one in value.items()}
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return type(value)(*(_moved(one, device) for one in value))
    if isinstance(value, list):
        return [_moved(one, device) for one in value]
    return value
