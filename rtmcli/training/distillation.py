"""The networks of a distillation (DWPose, arXiv 2307.15880): a student with what its training needs besides.

The first stage trains the whole student; a 1 x 1 convolution aligns its last backbone map with the teacher's. The
second stage trains a fresh head on the frozen backbone of the first stage's student, which is the teacher there.
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


class Distilled(nn.Module):
    """A network around a student. `student` is validated and saved."""

    student: nn.Module


class FirstStage(Distilled):
    """First stage. `forward(images)` returns the student's SimCC logits and its last backbone map (N, C, h, w) with the
    teacher's channels.
    """

    def __init__(self, student: nn.Module, teacher: nn.Module) -> None:
        super().__init__()
        self.student = student
        own, other = _channels(student), _channels(teacher)
        self.align = nn.Conv2d(own, other, 1) if own != other else nn.Identity()

    def forward(self, images: Tensor) -> tuple[tuple[Tensor, ...], Tensor]:
        last, maps = trunk(self.student, images)
        return head(self.student, maps), self.align(last)


class SecondStage(Distilled):
    """Second stage: the teacher's frozen backbone and neck with a fresh head. `forward(images)` returns the head's
    logits and the maps it took, which the teacher's head takes too.
    """

    def __init__(self, student: nn.Module, teacher: nn.Module) -> None:
        super().__init__()
        self.student = student
        shared = {key: value for key, value in teacher.state_dict().items() if not key.startswith("head.")}
        misfit = load_partial(student, shared)
        if misfit.extra or misfit.wrong or any(not key.startswith("head.") for key in misfit.missing):
            raise DataError(
                f"teacher and student must be the same network except for the head: {misfit}; "
                "--set size=... and family=... to those of the teacher"
            )
        for name, part in student.named_children():
            part.requires_grad_(name == "head")

    def forward(self, images: Tensor) -> tuple[tuple[Tensor, ...], Any]:
        with torch.no_grad():
            _, maps = trunk(self.student, images)
        return head(self.student, maps), maps


def with_teacher(network: nn.Module, teacher: nn.Module, recipe: Recipe) -> Distilled:
    """The student as it is trained. Raises DataError where teacher and student of the second stage differ."""
    return (SecondStage if recipe.distillation.head_only else FirstStage)(network, teacher)


def without_teacher(network: nn.Module) -> nn.Module:
    """The student of a distillation, any other network itself."""
    return network.student if isinstance(network, Distilled) else network


def load_teacher(model: str | Path, recipe: Recipe) -> nn.Module:
    """A teacher's network, in eval mode and without gradients.

    Args:
        model: the name of a bundled or fetched model, or a file with its weights.

    Raises:
        UsageError: the recipe learns from no teacher, or the teacher's bins are not the student's.
        MissingError: the model is not here. And what `load_network` raises.
    """
    if not recipe.needs_teacher:
        raise UsageError(f"the recipe {recipe.model.name} learns from labels only; leave --teacher out")
    file = find_weights(model)
    try:
        network, card = load_network(file)
    except UsageError:
        # A checkpoint without a card may not say which skeleton it has: then it is the student's.
        network, card = load_network(file, skeleton=recipe.model.skeleton)
    if card.family not in ("rtmpose", "rtmw"):
        raise UsageError(f"{model} is of the family {card.family}; a teacher must be of rtmpose or rtmw")
    theirs = (card.width, card.height, keypoint_count(card), float(card.codec.get("ratio", 2.0)))
    ours = (recipe.model.width, recipe.model.height, keypoint_count(make_card(recipe)), recipe.topdown.ratio)
    if theirs != ours:
        raise UsageError(
            f"{model} has (width, height, keypoints, ratio) {theirs}, but the recipe {ours}; choose a teacher with the "
            "same, or change the recipe with --set"
        )
    return network.eval().requires_grad_(False)


def trunk(network: Any, images: Tensor) -> tuple[Tensor, Any]:
    """The last backbone map (N, C, h, w), and the input of the head: that map, or two maps of RTMW's neck."""
    maps = network.backbone(images)
    return maps[-1], network.neck(maps[1:])[1:] if hasattr(network, "neck") else maps[-1]


def head(network: Any, maps: Any) -> tuple[Tensor, ...]:
    """SimCC logits of the second output of `trunk`."""
    return network.head(maps)


def _channels(network: Any) -> int:
    return int(network.backbone.channels[-1])
