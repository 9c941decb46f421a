"""Networks overfit a few people with the trainer and recipes of `rtm train`.

The ordinary tests take toy images; the slow ones RTMO at a toy width, and networks as they are on real images.
"""

from collections.abc import Callable
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from rtmcli.networks.rtmo import RTMO
from rtmcli.skeletons import load_skeleton
from rtmcli.training.data.dataset import DataSet, load_set
from rtmcli.training.data.labels import LabelledImage
from rtmcli.training.model import make_network
from rtmcli.training.recipe import Recipe
from rtmcli.training.recipe_file import load_recipe, with_values
from rtmcli.training.tasks.make import make_task
from rtmcli.training.trainer import Training
from tests.helpers.overfitting import overfit

PLAIN: dict[str, Any] = {
    "flip": 0.0, "half_body": 0.0, "shift": 0.0, "scale": (1.0, 1.0), "rotation": 0.0, "hsv": False,
    "photometric": False, "blur": 0.0, "cutout": 0.0, "mosaic": False, "resize": (1.0, 1.0), "mixup_probability": 0.0,
    "scene_shift": 0.0, "scene_rotation": 0.0, "scene_scale": (1.0, 1.0), "shear": 0.0, "mixup": (0.0, 0.0),
    "sides": (0, 0),
}  # fmt: skip


def overfitted(
    recipe: Recipe, data: DataSet, folder: Path, *, epochs: int, flat: int,
    network: Callable[[], nn.Module] | None = None, seed: int = 0,
) -> float:  # fmt: skip
    """AP on the training images, all of them in each step, without augmentation, as soon as it is above .95.

    The rate stays for `flat` of the `epochs` steps and falls along a cosine afterwards. RTMO's second stage begins at
    70 %; in it norms use the stored statistics, from which those of so few images, in maps of so few cells, differ.
    """
    top_down = recipe.model.family == "rtmpose"
    recipe = with_values(
        recipe, **PLAIN, epochs=epochs, second=epochs, proxy_from=7 * epochs // 10, schedule="flat-cosine", warmup=10,
        cosine_from=flat, cosine_to=epochs, batch=len(data.people if top_down else data.images),
        weight_decay=0.0, validate=20, average=0.0, clip=10.0,
    )  # fmt: skip
    torch.manual_seed(seed)
    started = network() if network else make_network(recipe)
    training = Training(make_task(recipe, [data]), started, folder / str(seed), held_out=data)

    def settle(samples: int) -> None:
        training.norms = recipe.model.family != "rtmo" or training.epoch + 1 < recipe.rtmo.proxy_from

    training.tick = settle
    return overfit(training, lambda found: found["AP"] > 0.95)["AP"]


def first_good(recipe: Recipe, data: DataSet, folder: Path, **more: Any) -> float:
    """AP of the first of four random starts that overfits, else the best.

    About one start in three never learns some keypoint, box or person; which one depends on rounding.
    """
    best = 0.0
    for seed in range(4):
        best = max(best, overfitted(recipe, data, folder, seed=seed, **more))
        if best > 0.95:
            break
    return best


def toys(dots: Path, images: int = 8) -> DataSet:
    data = load_set(dots / "labels.json", dots / "images", skeleton=load_skeleton("coco17"))
    return DataSet(data.source, data.store, data.images[:images])


def real(data_dir: Path) -> DataSet:
    """The first eight images of `val` whose few people are all large and well labelled."""
    folder = data_dir / "val"
    data = load_set(folder / "person_keypoints.json", folder / "images", skeleton=load_skeleton("coco17"))

    def easy(entry: LabelledImage) -> bool:
        labels = entry.labels
        if not 0 < len(labels.boxes) <= 3 or len(labels.crowds) or ((labels.weights > 0).sum(1) < 10).any():
            return False
        height, width = data.store.read(entry.name).shape[:2]
        return bool((labels.areas >= 0.04 * width * height).all())

    chosen = list(islice(filter(easy, data.images), 8))
    return DataSet(data.source, data.store, chosen)


def test_rtmpose_overfits_eight_toy_people(dots: Path, tmp_path: Path) -> None:
    recipe = with_values(load_recipe("rtmpose-t"), width=64, height=64, sigma=(2.0, 2.0), lr=2e-3)
    assert overfitted(recipe, toys(dots), tmp_path, epochs=120, flat=60) > 0.95


def test_rtmdet_overfits_four_toy_boxes(dots: Path, tmp_path: Path) -> None:
    recipe = with_values(load_recipe("rtmdet-nano"), width=64, height=64, lr=1e-2)
    assert first_good(recipe, toys(dots, images=4), tmp_path, epochs=100, flat=50) > 0.95


def few(recipe: Recipe, **changes: Any) -> Recipe:
    """RTMO's recipe for few images and no pretrained backbone.

    At the published rate the Gaussians of the likelihood become narrow before all keypoints are near, and the others
    get no gradient any more; at its published weight its gradient through the boxes outweighs that of the box loss.
    """
    return with_values(recipe, **{"lr": 3e-4, "mle": 0.05, "mle_proxy": 0.25, **changes})


@pytest.mark.slow
def test_rtmo_overfits_eight_toy_people(dots: Path, tmp_path: Path) -> None:
    recipe = few(load_recipe("rtmo-t"), width=64, height=64, mle=0.02)
    toy = partial(RTMO, "t", 17, width=0.125, depth=0.33, neck=32)
    assert first_good(recipe, toys(dots), tmp_path, epochs=420, flat=100, network=toy) > 0.95


@pytest.mark.slow
def test_rtmpose_t_overfits_eight_real_images(data_dir: Path, tmp_path: Path) -> None:
    recipe = with_values(load_recipe("rtmpose-t"), lr=2e-3)
    assert overfitted(recipe, real(data_dir), tmp_path, epochs=80, flat=25) > 0.95


@pytest.mark.slow
def test_rtmdet_nano_overfits_eight_real_images(data_dir: Path, tmp_path: Path) -> None:
    """The box loss is weighted by the overlap with the label: from random weights the published rate is slow."""
    recipe = with_values(load_recipe("rtmdet-nano"), width=192, height=192, lr=1e-2)
    assert first_good(recipe, real(data_dir), tmp_path, epochs=300, flat=150) > 0.95


@pytest.mark.slow
def test_rtmo_t_overfits_eight_real_images(data_dir: Path, tmp_path: Path) -> None:
    """Nine people, at a side that costs a seventh of the published one's."""
    recipe = few(load_recipe("rtmo-t"), width=160, height=160)
    assert first_good(recipe, real(data_dir), tmp_path, epochs=560, flat=100) > 0.95
