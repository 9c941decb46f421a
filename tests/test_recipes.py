"""The recipes of docs/analysis.md, as they stand there, find what the records say."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rtmcli.records.ndjson import write_frames
from tests.helpers.examples import code_blocks
from tests.helpers.pose_records import clip
from tests.helpers.shell import Shell

PAGE = (Path(__file__).parents[1] / "docs/analysis.md").read_text()
RECIPES = list(code_blocks(PAGE, {"python"}))


def nose_of_everybody() -> list[list[float]]:
    """time, id, x, y, score of each nose, from the records."""
    return [
        [frame.time or 0, one.id or 0, *one.keypoints[0].tolist()]
        for frame in clip()
        for one in frame.instances
        if one.keypoints is not None
    ]


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.splitlines()[0])
def test_a_recipe_finds_the_noses(recipe: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = recipe.split()[1]
    pytest.importorskip(package)
    if "parquet" in recipe:
        pytest.importorskip("pyarrow")
        from rtmcli.formats.parquet import write_parquet

        write_parquet(clip(), tmp_path / "walk.parquet")
        write_parquet([*clip(), *clip(source="run.mp4", seed=1)], f"{tmp_path}/poses.parquet/")
    write_frames(clip(), tmp_path / "walk.jsonl")
    monkeypatch.chdir(tmp_path)
    found: dict[str, Any] = {}
    exec(recipe, found)
    nose = found["nose"]
    rows = nose.fetchall() if package == "duckdb" else nose.to_numpy().tolist()
    np.testing.assert_allclose(np.array(rows, np.float64), nose_of_everybody(), rtol=1e-6)
    if "wide" in found:
        assert found["wide"].shape == (3, 2 * 17)
        noses = nose_of_everybody()
        distance = np.hypot(*(np.array(noses[1][2:4]) - noses[0][2:4]))
        assert found["speed"].dropna().tolist() == [pytest.approx(distance / (2 / 30))]


@pytest.mark.skipif(shutil.which("jq") is None, reason="needs jq")
def test_the_recipes_of_jq_find_the_same(sh: Shell, tmp_path: Path) -> None:
    order, recipes, _ = code_blocks(PAGE, {"sh"})
    write_frames(clip(), tmp_path / "walk.jsonl")
    run = sh(order + recipes)
    assert run.returncode == 0, run.stderr
    names, toe, *lines = run.stdout.decode().splitlines()
    assert names.startswith('["nose","left_eye"') and int(toe) == 17
    assert lines[:3] == ["0\t1", "1\t0", "2\t2"] and lines[-1] == "1"
    noses = [[float(value) for value in line.split("\t")] for line in lines[3:-1]]
    np.testing.assert_allclose(noses, nose_of_everybody(), rtol=1e-6)
