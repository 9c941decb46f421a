"""Recipes: shipped numbers, changes by name, and the whole recipe written back."""

import json
import tomllib
from pathlib import Path

import pytest

from rtmcli.errors import DataError, UsageError
from rtmcli.training.optim.schedules import recipe_phases
from rtmcli.training.recipe_file import (
    FOLDER,
    build_recipe,
    load_recipe,
    override_recipe,
    recipe_names,
    to_toml,
)
from tests.training.optim.test_schedules import phases_of

CASES = json.loads((Path(__file__).parents[1] / "goldens/lr_schedules.json").read_text())
# Which shipped recipe each of the reference's schedules belongs to
SCHEDULES = {
    "rtmpose-m": "rtmpose-m_420e",
    "rtmpose-m-halpe26": "rtmpose-m_body8-halpe26_700e",
    "rtmw-l": "rtmw-l_cocktail14_270e",
    "rtmpose-m-hand": "rtmpose-m_hand5_210e",
    "rtmpose-m-face": "rtmpose-m_face6_120e",
    "rtmo-l": "rtmo-l_body7_600e",
    "cspnext-m-udp": "cspnext-m_udp_210e",
    "dwpose-m-2": "dwpose_s2",
    "rtmdet-s": "rtmdet_300e",
}


@pytest.mark.parametrize("name", recipe_names())
def test_every_shipped_recipe_can_be_read_and_written_back(name: str) -> None:
    recipe = load_recipe(name)
    assert recipe.model.name == name
    assert build_recipe(tomllib.loads(to_toml(recipe)), source="copy") == recipe
    assert "# Source: " in (FOLDER / f"{name}.toml").read_text()


@pytest.mark.parametrize(("name", "golden"), SCHEDULES.items())
def test_a_recipe_s_rates_are_those_of_the_reference_training(name: str, golden: str) -> None:
    case, recipe = CASES[golden], load_recipe(name)
    assert recipe.optimiser.lr == case["base_lr"]
    assert recipe_phases(recipe, case["iters_per_epoch"]) == phases_of(case)


def test_numbers_change_by_name_and_keep_their_kind() -> None:
    recipe = override_recipe(
        load_recipe("rtmpose-m"), ["lr=2e-3", "scale=[0.5, 1.5]", "epochs = 3", "skeleton=halpe26"]
    )
    assert (recipe.optimiser.lr, recipe.crops.scale, recipe.stages.epochs, recipe.model.skeleton) == (
        2e-3,
        (0.5, 1.5),
        3,
        "halpe26",
    )
    assert isinstance(override_recipe(recipe, ["lr=1"]).optimiser.lr, float)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("epoch=3", "did you mean 'epochs'"),
        ("epochs=three", "a whole number"),
        ("hsv=1", "true or false"),
        ("scale=0.5", "two numbers"),
        ("epochs", "NAME=VALUE"),
    ],
)
def test_a_wrong_change_is_an_error_with_the_remedy(change: str, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        override_recipe(load_recipe("rtmpose-m"), [change])


def test_an_unknown_recipe_names_the_nearest() -> None:
    with pytest.raises(UsageError, match="did you mean rtmpose-m"):
        load_recipe("rtmpose-mm")


def test_a_recipe_file_without_a_family_says_so(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text('name = "mine"\nsize = "t"\n')
    with pytest.raises(DataError, match="family"):
        load_recipe(file)
