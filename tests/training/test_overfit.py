"""A network learns what it is shown: a few people by heart, by the same loop and recipe as `rtm train`."""

from dataclasses import replace
from pathlib import Path

import torch

from rtmcli.skeletons import load_skeleton
from rtmcli.training.data import DataSet, load_set
from rtmcli.training.loop import Training
from rtmcli.training.recipe import Recipe, load_recipe
from rtmcli.training.tasks import make_network, make_task

PLAIN = {
    "flip": 0.0, "half_body": 0.0, "shift": 0.0, "scale": (1.0, 1.0), "rotation": 0.0, "hsv": False,
    "photometric": False, "blur": 0.0, "cutout": 0.0, "mosaic": False, "resize": (1.0, 1.0), "mixup_probability": 0.0,
    "scene_shift": 0.0, "scene_rotation": 0.0, "scene_scale": (1.0, 1.0), "shear": 0.0, "mixup": (0.0, 0.0),
    "sides": (0, 0),
}  # fmt: skip


def by_heart(recipe: Recipe, data: DataSet, folder: Path, *, epochs: int) -> float:
    """AP on the training pictures after `epochs` without augmentation."""
    batch = len(data.people) if recipe.skeleton else len(data.pictures)
    recipe = replace(
        recipe, **PLAIN, epochs=epochs, second=epochs, batch=batch, warmup=10, cosine_from=epochs // 2,
        cosine_to=epochs, weight_decay=0.0, validate=epochs, average=0.0, clip=10.0,
    )  # fmt: skip
    torch.manual_seed(0)
    training = Training(make_task(recipe, [data]), make_network(recipe), folder, held_out=data)
    return training.run()["AP"]


def test_rtmpose_learns_eight_toy_people_by_heart(dots: Path, tmp_path: Path) -> None:
    recipe = replace(load_recipe("rtmpose-t"), width=64, height=64, sigma=(2.0, 2.0), lr=2e-3)
    data = load_set(dots / "labels.json", dots / "images", skeleton=load_skeleton("coco17"))
    assert by_heart(recipe, data, tmp_path, epochs=120) > 0.95


def test_rtmdet_learns_eight_toy_boxes_by_heart(dots: Path, tmp_path: Path) -> None:
    recipe = replace(load_recipe("rtmdet-nano"), width=96, height=96, lr=1e-2)
    data = load_set(dots / "labels.json", dots / "images", skeleton=None)
    assert by_heart(recipe, data, tmp_path, epochs=150) > 0.95
