"""RTMW and RTMW3D overfit a few people with the trainer and recipes of `rtm train`.

The ordinary test takes RTMW3D, which has all parts of RTMW. The toys are networks of the smallest width
(CSPNeXt-nano's, which is not published for RTMW) and images of noise; the others take the four real images with
COCO-WholeBody's labels. All measure AP with the 133 sigmas.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from rtmcli.networks.rtmw import RTMW, RTMW3D
from rtmcli.skeletons import load_skeleton
from rtmcli.training.data.dataset import DataSet, load_set
from rtmcli.training.model import make_network
from rtmcli.training.recipe import Recipe
from rtmcli.training.recipe_file import load_recipe, with_values
from rtmcli.training.tasks.make import make_task
from rtmcli.training.trainer import Training
from tests.helpers.overfitting import overfit

WHOLE = load_skeleton("coco133")
PLAIN: dict[str, Any] = {
    "flip": 0.0, "half_body": 0.0, "shift": 0.0, "scale": (1.0, 1.0), "rotation": 0.0, "hsv": False,
    "photometric": False, "blur": 0.0, "cutout": 0.0, "weight_decay": 0.0, "average": 0.0, "clip": 10.0, "warmup": 10,
}  # fmt: skip
# RTMW's own; with the 10 of RTMW3D's recipe a network from random weights takes many more steps to begin.
BETA = 1.0


def overfitted(
    recipe: Recipe, network: nn.Module, data: DataSet, folder: Path, *, epochs: int
) -> dict[str, float]:
    """Figures on the training images, all of them in each step, as soon as they are good."""
    recipe = with_values(
        recipe, epochs=epochs, second=epochs, batch=len(data.people), cosine_from=epochs // 4, cosine_to=epochs,
        validate=10,
    )  # fmt: skip
    training = Training(make_task(recipe, [data]), network, folder, held_out=data)
    return overfit(training, lambda found: found["AP"] > 0.95 and found.get("z_error", 0) < bin_of(recipe))


def narrow(kind: type[nn.Module], width: int, height: int, **more: int) -> nn.Module:
    """A network of CSPNeXt-nano's width, whose norms follow quickly enough for so few steps."""
    torch.manual_seed(0)
    network = kind("nano", 133, width, height, **more)
    for part in network.modules():
        if isinstance(part, nn.BatchNorm2d):
            part.momentum = 0.3
    return network


def bin_of(recipe: Recipe) -> float:
    """The depth of a bin in metres."""
    return 2 * recipe.topdown.z_range / (recipe.topdown.depth * recipe.topdown.ratio)


def real(data_dir: Path, folder: Path, *, depths: bool) -> DataSet:
    """Twelve people of four images; with synthetic depths, other for every point, where asked."""
    content = json.loads((data_dir / "samples/coco/test_coco_wholebody.json").read_text())
    random = np.random.default_rng(7)
    for note in content["annotations"]:
        if depths:
            note["keypoints3d"] = [[0, 0, z, 1] for z in random.uniform(-0.8, 0.8, 133).tolist()]
    file = folder / "whole.json"
    file.write_text(json.dumps(content))
    return load_set(file, data_dir / "samples/coco", skeleton=WHOLE)


@pytest.mark.slow
def test_a_toy_rtmw_overfits_four_toy_bodies(bodies: Path, tmp_path: Path) -> None:
    recipe = with_values(load_recipe("rtmw-m"), **PLAIN, width=96, height=96, sigma=(3.0, 3.0), lr=1e-3)
    data = load_set(bodies / "whole.json", bodies / "whole", skeleton=WHOLE)
    figures = overfitted(recipe, narrow(RTMW, 96, 96), data, tmp_path / "run", epochs=100)
    assert figures["AP"] > 0.95


def test_a_toy_rtmw3d_overfits_four_toy_bodies_and_their_depths(bodies: Path, tmp_path: Path) -> None:
    recipe = with_values(
        load_recipe("rtmw3d-l"),
        **PLAIN,
        beta=BETA,
        width=96,
        height=96,
        depth=96,
        sigma=(3.0, 3.0),
        sigma_z=3.0,
        lr=2e-3,
    )
    data = load_set(bodies / "whole.json", bodies / "whole", skeleton=WHOLE)
    figures = overfitted(recipe, narrow(RTMW3D, 96, 96, depth=96), data, tmp_path / "run", epochs=100)
    assert figures["AP"] > 0.95
    assert figures["z_error"] < bin_of(recipe)


@pytest.mark.slow
def test_rtmw_m_overfits_twelve_real_bodies(data_dir: Path, tmp_path: Path) -> None:
    """The whole network, at half the input's sides, 128 x 96, which costs a quarter."""
    recipe = with_values(load_recipe("rtmw-m"), **PLAIN, width=96, height=128, sigma=(3.0, 3.0), lr=1e-3)
    data = real(data_dir, tmp_path, depths=False)
    assert len(data.people) == 12
    torch.manual_seed(0)
    figures = overfitted(recipe, make_network(recipe), data, tmp_path / "run", epochs=140)
    assert figures["AP"] > 0.95


@pytest.mark.slow
def test_a_narrow_rtmw3d_overfits_twelve_real_bodies_with_synthetic_depths(
    data_dir: Path, tmp_path: Path
) -> None:
    recipe = with_values(
        load_recipe("rtmw3d-l"),
        **PLAIN,
        beta=BETA,
        width=96,
        height=128,
        depth=96,
        sigma=(3.0, 3.0),
        sigma_z=3.0,
        lr=1e-3,
    )
    data = real(data_dir, tmp_path, depths=True)
    network = narrow(RTMW3D, 96, 128, depth=96)
    figures = overfitted(recipe, network, data, tmp_path / "run", epochs=120)
    assert figures["AP"] > 0.95
    assert figures["z_error"] < bin_of(recipe)
