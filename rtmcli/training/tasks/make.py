"""The task of a recipe."""

from __future__ import annotations

from torch import nn

from rtmcli.errors import UsageError
from rtmcli.training.data.dataset import DataSet
from rtmcli.training.recipe import Recipe
from rtmcli.training.tasks.base import Task
from rtmcli.training.tasks.detector import DetectorTask
from rtmcli.training.tasks.distill import DistillTask
from rtmcli.training.tasks.heatmap import HeatmapTask
from rtmcli.training.tasks.onestage import OneStageTask
from rtmcli.training.tasks.topdown import CropTask
from rtmcli.training.tasks.topdown3d import SpaceTask


def make_task(recipe: Recipe, sets: list[DataSet], teacher: nn.Module | None = None) -> Task:
    """The task of a recipe. `teacher` is the network that a recipe of DWPose learns from.

    Raises UsageError for a family that is not trained, and for a recipe that lacks its teacher.
    """
    family = recipe.model.family
    if recipe.needs_teacher:
        if family not in ("rtmpose", "rtmw") or recipe.topdown.heatmap:
            raise UsageError(f"{family!r} learns from no teacher; rtmpose and rtmw do")
        if teacher is None:
            raise UsageError(
                f"the recipe {recipe.model.name} learns from a teacher; name it with --teacher MODEL"
            )
        return DistillTask(recipe, sets, teacher)
    if recipe.topdown.heatmap:
        if family != "rtmpose":
            raise UsageError(f"{family!r} is not pre-trained on heatmaps; rtmpose's backbones are")
        return HeatmapTask(recipe, sets)
    if family in ("rtmpose", "rtmw"):
        return CropTask(recipe, sets)
    if family == "rtmw3d":
        return SpaceTask(recipe, sets)
    if family == "rtmdet":
        return DetectorTask(recipe, sets)
    if family == "rtmo":
        return OneStageTask(recipe, sets)
    raise UsageError(
        f"'rtm train' cannot train the family {family!r}; it trains rtmpose, rtmw, rtmw3d, rtmo and rtmdet"
    )
