"""A teacher's heatmaps as labels: they move with the pixels, and an exact Gaussian is the codec's own label."""

import json
from pathlib import Path

import numpy as np
import pytest

from rtmcli.errors import DataError, UsageError
from rtmcli.skeletons import load_skeleton
from rtmcli.training.data.dataset import check_set, load_set
from rtmcli.training.recipe import Recipe
from rtmcli.training.recipe_file import build_recipe, with_values
from rtmcli.training.tasks.make import make_task
from rtmcli.training.tasks.topdown import TopDownTask

COCO = load_skeleton("coco17")
TOY = build_recipe(dict(
    name="toy", family="rtmpose", size="t", width=64, height=64, sigma=(5.0, 5.0), batch=4, flip=0.0, half_body=0.0,
    shift=0.0, scale=(1.0, 1.0), rotation=0.0, hsv=False, blur=0.0, cutout=0.0,
), source="test")  # fmt: skip


@pytest.fixture
def taught(dots: Path) -> Path:
    """`dots` with a heatmap of the whole image for the first person, drawn about the labels."""
    content = json.loads((dots / "labels.json").read_text())
    note = content["annotations"][0]
    points = np.array(note["keypoints"]).reshape(17, 3)
    sigma = 5.0 / 2 * 93.75 / 64  # five bins of the crop's 64 pixels, which are 93.75 of the image
    x, y = np.arange(80) - points[:, :1], np.arange(96) - points[:, 1:2]
    maps = np.exp(-(x[:, None] ** 2 + y[:, :, None] ** 2) / (2 * sigma**2))  # (17, 96, 80)
    maps[3] *= 0.4
    (dots / "maps").mkdir()
    np.save(dots / "maps/1.npy", np.round(255 * maps).astype(np.uint8))
    note |= {"heatmap": "maps/1.npy", "heatmap_box": [0, 0, 80, 96]}
    (dots / "labels.json").write_text(json.dumps(content))
    return dots


def draw(folder: Path, recipe: Recipe = TOY, index: int = 0, seed: int = 0) -> dict:
    task = make_task(recipe, [load_set(folder / "labels.json", folder / "images", skeleton=COCO)])
    return task.draw(0, index, 0, np.random.default_rng(seed))


def hard(folder: Path, recipe: Recipe = TOY, seed: int = 0) -> dict:
    """The sample as it would be without the heatmap."""
    task = make_task(recipe, [load_set(folder / "labels.json", folder / "images", skeleton=COCO)])
    assert isinstance(task, TopDownTask)
    task.soften = lambda targets, soft, crop: None
    return task.draw(0, 0, 0, np.random.default_rng(seed))


@pytest.mark.parametrize("change", [{}, {"flip": 1.0, "rotation": 40.0, "scale": (0.9, 1.1)}])
def test_a_gaussian_map_gives_the_label_of_its_point_wherever_the_crop_goes(
    taught: Path, change: dict
) -> None:
    recipe = with_values(TOY, **change)
    soft, plain = draw(taught, recipe, seed=6), hard(taught, recipe, seed=6)
    seen = (soft["weights"] > 0.9) & (plain["keypoints"] > 8).all(1) & (plain["keypoints"] < 56).all(1)
    assert seen.sum() >= 8
    for axis in "xy":
        off = np.abs(soft[axis][seen].argmax(-1) - plain[axis][seen].argmax(-1))
        assert off.max() <= 2
        tolerance = (
            0.2 if change else 0.13
        )  # a scale of 0.9 to 1.1 makes the hump that much wider or narrower
        np.testing.assert_allclose(soft[axis][seen], plain[axis][seen], atol=tolerance)


def test_a_point_weighs_as_much_as_its_map_is_high(taught: Path) -> None:
    weights = draw(taught)["weights"]
    swapped = 3  # no mirror here
    assert weights[swapped] == pytest.approx(0.4, abs=0.03)
    assert np.delete(weights, swapped).min() > 0.9


def test_who_has_no_map_keeps_the_gaussian_of_the_point(taught: Path) -> None:
    sample = draw(taught, index=1)
    np.testing.assert_array_equal(
        sample["x"].argmax(-1) // 2, np.clip(np.rint(sample["keypoints"][:, 0] * 2) // 2, 0, 63)
    )


def test_the_pre_training_takes_the_maps_as_they_lie_in_the_crop(taught: Path) -> None:
    recipe = with_values(TOY, heatmap=True)
    maps = draw(taught, recipe)["maps"]
    plain = hard(taught, recipe)["maps"]
    assert maps.shape == plain.shape == (17, 16, 16)
    at = [np.array(np.unravel_index(one.argmax(), one.shape)) for one in maps]
    expected = [np.array(np.unravel_index(one.argmax(), one.shape)) for one in plain]
    assert np.abs(np.array(at) - np.array(expected)).max() <= 1


def test_a_check_names_maps_that_are_missing_or_of_other_points(taught: Path) -> None:
    np.save(taught / "maps/1.npy", np.zeros((5, 4, 4), np.float32))
    data = load_set(taught / "labels.json", taught / "images", skeleton=COCO)
    (line,) = check_set(data)
    assert "person 0: the heatmaps" in line and "(5, 4, 4), not (17, rows, columns)" in line
    (taught / "maps/1.npy").unlink()
    with pytest.raises(DataError, match=r"1\.npy cannot be read"):
        draw(taught)


def test_maps_cannot_be_mapped_to_another_skeleton(taught: Path) -> None:
    with pytest.raises(UsageError, match="cannot be mapped to another skeleton"):
        load_set(
            taught / "labels.json",
            taught / "images",
            skeleton=load_skeleton("halpe26"),
            source_skeleton="coco17",
        )


def test_a_map_without_its_box_is_an_error(taught: Path) -> None:
    content = json.loads((taught / "labels.json").read_text())
    del content["annotations"][0]["heatmap_box"]
    (taught / "labels.json").write_text(json.dumps(content))
    with pytest.raises(DataError, match="needs a heatmap_box"):
        load_set(taught / "labels.json", taught / "images", skeleton=COCO)
