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
from rtmcli.training.tasks.topdown import TopDownTask
from rtmcli.training.tasks.topdown3d import TopDown3DTask


def make_task(recipe: Recipe, sets: list[DataSet], teacher: nn.Module | None = None) -> Task:
    """The task of a recipe.

    Args:
        teacher: the network that a recipe of DWPose learns from.

    Raises:
        UsageError: the family cannot be trained, or the recipe needs a teacher.

    Example:
        from pathlib import Path

        from rtmcli import load_recipe, load_set, load_skeleton, make_task, override_recipe

        recipe = override_recipe(load_recipe("rtmpose-t"), ["width=64", "height=64", "batch=1", "epochs=1"])
        people = load_set(Path("labels.json"), Path("images"), skeleton=load_skeleton("coco17"))
        task = make_task(recipe, [people])
        print(task.sizes())
    """
    family = recipe.model.family
    if recipe.needs_teacher:
        if family not in ("rtmpose", "rtmw") or recipe.topdown.heatmap:
            raise UsageError(f"the family {family!r} cannot learn from a teacher; rtmpose and rtmw can")
        if teacher is None:
            raise UsageError(
                f"the recipe {recipe.model.name} learns from a teacher; name it with --teacher MODEL"
            )
        return DistillTask(recipe, sets, teacher)
    if recipe.topdown.heatmap:
        if family != "rtmpose":
            raise UsageError(f"the family {family!r} cannot be pretrained on heatmaps; rtmpose can")
        return HeatmapTask(recipe, sets)
    if family in ("rtmpose", "rtmw"):
        return TopDownTask(recipe, sets)
    if family == "rtmw3d":
        return TopDown3DTask(recipe, sets)
    if family == "rtmdet":
        return DetectorTask(recipe, sets)
    if family == "rtmo":
        return OneStageTask(recipe, sets)
    raise UsageError(
        f"'rtm train' cannot train the family {family!r}; it trains rtmpose, rtmw, rtmw3d, rtmo and rtmdet"
    )
