"""Recipes in TOML: the shipped ones by name, files of one's own, changes by name, and the whole recipe written out.

A file is flat and can be read alone. The full recipe is written beside the checkpoints of a run.
"""

from __future__ import annotations

import tomllib
from dataclasses import Field, fields
from difflib import get_close_matches
from pathlib import Path
from typing import Any, get_type_hints

from rtmcli.errors import DataError, UsageError
from rtmcli.training.recipe import Recipe

FOLDER = Path(__file__).parent / "recipes"

# The sections of a recipe, and the section and field of each flat name.
SECTIONS: dict[str, type] = get_type_hints(Recipe)
NAMES: dict[str, tuple[str, Field[Any]]] = {
    field.name: (section, field) for section, kind in SECTIONS.items() for field in fields(kind)
}


def recipe_names() -> list[str]:
    """The shipped recipes, sorted."""
    return sorted(path.stem for path in FOLDER.glob("*.toml"))


def load_recipe(name: str | Path) -> Recipe:
    """A shipped recipe by name, or a TOML file.

    Raises:
        UsageError: no such recipe (the message has the nearest name), or a wrong name or value in the file.
        DataError: the file cannot be read.

    Example:
        from rtmcli import load_recipe

        recipe = load_recipe("rtmpose-t")
        print(recipe.optimiser.batch)
    """
    path = Path(name)
    if path.suffix != ".toml":
        path = FOLDER / f"{name}.toml"
        if not path.is_file():
            near = get_close_matches(str(name), recipe_names(), n=1)
            hint = f"did you mean {near[0]}? There" if near else "there"
            raise UsageError(
                f"no recipe {str(name)!r}; {hint} are {', '.join(recipe_names())}; or name a TOML file"
            )
    try:
        table = tomllib.loads(path.read_text())
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise DataError(f"{path} cannot be read as a recipe: {error}") from error
    return build_recipe(table, source=str(path))


def build_recipe(table: dict[str, Any], *, source: str) -> Recipe:
    """A recipe from flat values by name; those that are absent take their defaults.

    Raises:
        UsageError: an unknown name or a value of another kind; the message begins with `source`.
        DataError: no name, family or size.
    """
    sections: dict[str, dict[str, Any]] = {section: {} for section in SECTIONS}
    for name, value in table.items():
        check_name(name, source)
        section, field = NAMES[name]
        sections[section][name] = _typed(field, value, source)
    missing = [name for name in ("name", "family", "size") if name not in table]
    if missing:
        raise DataError(f"{source} does not say the model's {missing[0]}, which every recipe needs")
    return Recipe(**{section: SECTIONS[section](**values) for section, values in sections.items()})


def with_values(recipe: Recipe, *, source: str = "recipe", **values: Any) -> Recipe:
    """The recipe with other values under their flat names. Raises UsageError as `build_recipe` does."""
    return build_recipe(flat_values(recipe) | values, source=source)


def override_recipe(recipe: Recipe, changes: list[str]) -> Recipe:
    """The recipe with `NAME=VALUE` changes. Raises UsageError for an unknown name or a value of another kind.

    Example:
        from rtmcli import load_recipe, override_recipe

        recipe = override_recipe(load_recipe("rtmpose-t"), ["batch=64", "lr=2e-3"])
    """
    values: dict[str, Any] = {}
    for change in changes:
        name, equals, text = change.partition("=")
        if not equals:
            raise UsageError(f"--set takes NAME=VALUE, not {change!r}; for example --set lr=2e-3")
        try:
            values[name.strip()] = tomllib.loads(f"x = {text}")["x"]
        except tomllib.TOMLDecodeError:
            values[name.strip()] = text.strip()
    return build_recipe(flat_values(recipe) | values, source="--set")


def flat_values(recipe: Recipe) -> dict[str, Any]:
    """Every value by its flat name, in the order of the sections."""
    return {name: getattr(getattr(recipe, section), name) for name, (section, _) in NAMES.items()}


def to_toml(recipe: Recipe) -> str:
    """The whole recipe, every default written out, in the order of the sections."""
    return "".join(f"{name} = {_literal(value)}\n" for name, value in flat_values(recipe).items())


def check_name(name: str, source: str) -> None:
    """Raises UsageError with the nearest name where a recipe has no such value."""
    if name not in NAMES:
        near = get_close_matches(name, NAMES, n=1)
        hint = f"did you mean {near[0]!r}?" if near else "rtmcli/training/recipe.py has the names"
        raise UsageError(f"{source}: a recipe has no {name!r}; {hint}")


def _typed(field: Field[Any], value: Any, source: str) -> Any:
    kind = str(field.type)
    if kind == "float" and isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    if kind == "int" and isinstance(value, int) and not isinstance(value, bool):
        return value
    if kind == "bool" and isinstance(value, bool):
        return value
    if kind == "str" and isinstance(value, str):
        return value
    if kind.startswith("tuple") and isinstance(value, list | tuple) and len(value) == 2:
        return tuple(int(v) if "int" in kind else float(v) for v in value)
    wanted = {"float": "a number", "int": "a whole number", "bool": "true or false", "str": "a word"}
    raise UsageError(
        f"{source}: {field.name} is {wanted.get(kind, 'two numbers, [low, high]')}, not {value!r}"
    )


def _literal(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    if isinstance(value, tuple):
        return "[" + ", ".join(_literal(v) for v in value) + "]"
    return repr(value)
