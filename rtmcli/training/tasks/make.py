"""The task of a recipe."""

from __future__ import annotations

from torch import nn

from rtmcli.errors import UsageError
from rtmcli.training.data.dataset import DataSet
from rtmcli.training.distillation import needs_teacher
from rtmcli.training.recipe import Recipe
from rtmcli.training.tasks.base import Task
from rtmcli.training.tasks.distill import DistillTask
from rtmcli.training.tasks.heatmap import HeatmapTask
from rtmcli.training.tasks.topdown import CropTask
from rtmcli.training.tasks.topdown3d import SpaceTask
from rtmcli.training.tasks.whole_image import DetectorTask, OneStageTask


def make_task(recipe: Recipe, sets: list[DataSet], teacher: nn.Module | None = None) -> Task:
    """The task of a recipe. `teacher` is the network that a recipe of DWPose learns from.

    Raises UsageError for a family that is not trained, and for a recipe that lacks its teacher.
    """
    if needs_teacher(recipe):
        if recipe.family not in ("rtmpose", "rtmw") or recipe.heatmap:
            raise UsageError(f"{recipe.family!r} learns from no teacher; rtmpose and rtmw do")
        if teacher is None:
            raise UsageError(f"the recipe {recipe.name} learns from a teacher; name it with --teacher MODEL")
        return DistillTask(recipe, sets, teacher)
    if recipe.heatmap:
        if recipe.family != "rtmpose":
            raise UsageError(f"{recipe.family!r} is not pre-trained on heat maps; rtmpose's backbones are")
        return HeatmapTask(recipe, sets)
    if recipe.family in ("rtmpose", "rtmw"):
        return CropTask(recipe, sets)
    if recipe.family == "rtmw3d":
        return SpaceTask(recipe, sets)
    if recipe.family == "rtmdet":
        return DetectorTask(recipe, sets)
    if recipe.family == "rtmo":
        return OneStageTask(recipe, sets)
    raise UsageError(
        f"'rtm train' cannot train the family {recipe.family!r}; it trains rtmpose, rtmw, rtmw3d, rtmo and rtmdet"
    )
