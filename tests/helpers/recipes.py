"""Recipes with other values."""

from typing import Any

from rtmcli.training.recipe import Recipe
from rtmcli.training.recipe_file import build_recipe, flat_values


def with_values(recipe: Recipe, **values: Any) -> Recipe:
    """The recipe with other values under their flat names. Raises UsageError as `build_recipe` does."""
    return build_recipe(flat_values(recipe) | values, source="recipe")
