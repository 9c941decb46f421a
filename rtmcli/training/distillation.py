"""Learning from a teacher (DWPose, arXiv 2307.15880): what is trained beside the student, and what is kept.

Stage one trains the whole student, whose last backbone map is led to the teacher's channels. Stage two trains a fresh
head alone, on the maps of the network that stage one made, which is its own teacher.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from rtmcli.errors import DataError, UsageError
from rtmcli.networks.build import keypoint_count
from rtmcli.networks.checkpoint import load_partial
from rtmcli.networks.load import load_network
from rtmcli.training.model import make_card
from rtmcli.training.recipe import Recipe
from rtmcli.zoo.resolve import find_weights


class Taught(nn.Module):
    """A student with what its training needs beside it. `student` is what is validated and saved."""

    student: nn.Module


class Follower(Taught):
    """Stage one. `forward(images)`: the student's SimCC logits, and its last backbone map led to the teacher's
    channels (N, C, h, w) by a 1 x 1 convolution, where it has others.
    """

    def __init__(self, student: nn.Module, teacher: nn.Module) -> None:
        super().__init__()
        self.student = student
        own, other = _channels(student), _channels(teacher)
        self.align = nn.Conv2d(own, other, 1) if own != other else nn.Identity()

    def forward(self, images: Tensor) -> tuple[tuple[Tensor, ...], Tensor]:
        last, maps = trunk(self.student, images)
        return head(self.student, maps), self.align(last)


class FreshHead(Taught):
    """Stage two: backbone and neck are the teacher's and stay so. `forward(images)`: the fresh head's logits, and
    the maps that it took, for the teacher's head to look at too.
    """

    def __init__(self, student: nn.Module, teacher: nn.Module) -> None:
        super().__init__()
        self.student = student
        shared = {key: value for key, value in teacher.state_dict().items() if not key.startswith("head.")}
        misfit = load_partial(student, shared)
        if misfit.extra or misfit.wrong or any(not key.startswith("head.") for key in misfit.missing):
            raise DataError(
                f"the teacher of a head must be the same network, but for the head: {misfit}; "
                "--set size=... and family=... as the teacher's card has them"
            )
        for name, part in student.named_children():
            part.requires_grad_(name == "head")

    def forward(self, images: Tensor) -> tuple[tuple[Tensor, ...], Any]:
        with torch.no_grad():
            _, maps = trunk(self.student, images)
        return head(self.student, maps), maps


def with_teacher(network: nn.Module, teacher: nn.Module, recipe: Recipe) -> Taught:
    """The student as it is trained. Raises DataError where the second stage's teacher is another network."""
    return (FreshHead if recipe.distillation.head_only else Follower)(network, teacher)


def kept(network: nn.Module) -> nn.Module:
    """What is left of a network when its training is over."""
    return network.student if isinstance(network, Taught) else network


def load_teacher(model: str | Path, recipe: Recipe) -> nn.Module:
    """A teacher's network, in eval mode and without gradients.

    Args:
        model: the name of a bundled or fetched model, or a file with its weights.

    Raises:
        UsageError: the recipe learns from no teacher, or the teacher's bins are not the student's.
        MissingError: the model is not here. And what `load_network` raises.
    """
    if not recipe.needs_teacher:
        raise UsageError(f"the recipe {recipe.model.name} learns from labels alone; leave --teacher out")
    network, card = load_network(find_weights(model), skeleton=recipe.model.skeleton)
    if card.family not in ("rtmpose", "rtmw"):
        raise UsageError(f"{model} is of the family {card.family}; a teacher is an RTMPose or an RTMW")
    theirs = (card.width, card.height, keypoint_count(card), float(card.codec.get("ratio", 2.0)))
    ours = (recipe.model.width, recipe.model.height, keypoint_count(make_card(recipe)), recipe.topdown.ratio)
    if theirs != ours:
        raise UsageError(
            f"{model} has (width, height, keypoints, ratio) {theirs} and the recipe {ours}; a teacher's must be the "
            "student's"
        )
    return network.eval().requires_grad_(False)


def trunk(network: Any, images: Tensor) -> tuple[Tensor, Any]:
    """The last backbone map (N, C, h, w), and what the head takes: that map, or RTMW's two from the neck."""
    maps = network.backbone(images)
    return maps[-1], network.neck(maps[1:])[1:] if hasattr(network, "neck") else maps[-1]


def head(network: Any, maps: Any) -> tuple[Tensor, ...]:
    """SimCC logits of what `trunk` gives."""
    return network.head(maps)


def _channels(network: Any) -> int:
    return int(network.backbone.channels[-1])
