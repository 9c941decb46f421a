"""The label files of a training as sets in the recipe's skeleton, or in the classes of its detector."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rtmcli.errors import UsageError
from rtmcli.skeletons import load_skeleton
from rtmcli.training.data.dataset import DataSet, load_set
from rtmcli.training.recipe import Recipe


def load_sets(
    recipe: Recipe,
    data: Sequence[Path],
    images: Sequence[Path],
    skeletons: Sequence[str],
    ratios: Sequence[float],
) -> list[DataSet]:
    """A set for each of the label files `data`. Classes that the recipe leaves open are those of the first file.

    Args:
        images, skeletons, ratios: one for each label file, or none.

    Raises UsageError where there are more or fewer of them, and what `load_set` raises.
    """
    for name, given in (("--images", images), ("--data-skeleton", skeletons), ("--ratio", ratios)):
        if given and len(given) != len(data):
            raise UsageError(
                f"{len(data)} --data but {len(given)} {name}; give one for each, in the same order"
            )
    sets: list[DataSet] = []
    for i, labels in enumerate(data):
        one = load_recipe_set(
            recipe,
            labels,
            images[i] if images else None,
            source_skeleton=skeletons[i] if skeletons else None,
            classes=sets[0].classes if sets else (),
            ratio=ratios[i] if ratios else 1.0,
        )
        sets.append(one)
    return sets


def load_recipe_set(
    recipe: Recipe,
    labels: Path,
    images: Path | None,
    *,
    source_skeleton: str | None = None,
    classes: tuple[str, ...] = (),
    ratio: float = 1.0,
) -> DataSet:
    """One set; arguments and errors as of `load_set`. `classes`: in place of the recipe's."""
    target = load_skeleton(recipe.model.skeleton) if recipe.model.skeleton else None
    wanted = classes or recipe.model.class_names
    return load_set(
        labels, images, skeleton=target, source_skeleton=source_skeleton, classes=wanted or None, ratio=ratio
    )
