"""RTMW3D: depths in the labels, what is learnt of them, and what the check says."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from rtmcli.networks.rtmw import RTMW3D
from rtmcli.skeletons import load_skeleton
from rtmcli.training.data.dataset import DataSet, load_set
from rtmcli.training.losses.simcc import bone_length, simcc_kl
from rtmcli.training.model import make_card
from rtmcli.training.recipe_file import load_recipe, with_values
from rtmcli.training.tasks.base import Batch
from rtmcli.training.tasks.make import make_task
from rtmcli.training.tasks.topdown3d import PARENTS, TopDown3DTask

WHOLE = load_skeleton("coco133")
TOY = with_values(
    load_recipe("rtmw3d-l"), width=64, height=64, depth=64, sigma=(2.0, 2.0), sigma_z=2.0, batch=4, flip=0.0,
    half_body=0.0, shift=0.0, scale=(1.0, 1.0), rotation=0.0, hsv=False, blur=0.0, cutout=0.0,
)  # fmt: skip
BIN = 2 * TOY.topdown.z_range / (TOY.topdown.depth * TOY.topdown.ratio)  # metres


def task_of(bodies: Path, recipe=TOY) -> TopDown3DTask:
    data = load_set(bodies / "whole.json", bodies / "whole", skeleton=WHOLE)
    task = make_task(recipe, [data])
    assert isinstance(task, TopDown3DTask)
    return task


def drawn(task: TopDown3DTask, index: int = 0, seed: int = 0) -> dict:
    return task.draw(0, index, 0, np.random.default_rng(seed))


def batch_of(task: TopDown3DTask) -> Batch:
    return task.collate([drawn(task, index) for index in range(4)])


def test_a_depth_s_label_is_its_distance_from_the_hips_and_an_unknown_one_weighs_nothing(
    bodies: Path,
) -> None:
    task = task_of(bodies)
    sample, depths = drawn(task), task.sets[0].images[0].labels.depths
    assert depths is not None
    known = np.isfinite(depths[0])
    found = (sample["z"].argmax(-1) / TOY.topdown.ratio / (TOY.topdown.depth / 2) - 1) * TOY.topdown.z_range
    np.testing.assert_allclose(found[known], depths[0][known] - 5.0, atol=BIN)
    assert not known[40] and sample["weights_z"][40] == 0 and sample["weights"][40] == 1
    assert (sample["weights_z"][known] == 1).all()


def test_a_person_without_depths_learns_the_image_alone(bodies: Path) -> None:
    content = json.loads((bodies / "whole.json").read_text())
    del content["annotations"][0]["keypoints3d"]
    (bodies / "whole.json").write_text(json.dumps(content))
    sample = drawn(task_of(bodies))
    assert sample["weights_z"].sum() == 0
    assert sample["weights"].sum() == 133


def test_mirroring_and_turning_keep_each_point_s_depth(bodies: Path) -> None:
    plain = drawn(task_of(bodies))
    turned = drawn(task_of(bodies, with_values(TOY, rotation=40.0, flip=1.0)), seed=4)
    assert np.abs(turned["keypoints"] - plain["keypoints"][WHOLE.flip]).max() > 5
    both = (turned["weights_z"] > 0) & (plain["weights_z"][WHOLE.flip] > 0)
    assert both.sum() > 60
    np.testing.assert_array_equal(turned["z"][both], plain["z"][WHOLE.flip][both])


def test_the_loss_is_that_of_three_axes_with_z_masked_and_the_bones_have_no_gradient(bodies: Path) -> None:
    task = task_of(bodies)
    batch = batch_of(task)
    torch.manual_seed(0)
    logits = [torch.randn(4, 133, 128, requires_grad=True) for _ in range(3)]
    loss, terms = task.label_loss(logits, batch)
    gradients = torch.autograd.grad(loss, logits)

    labels = [batch.targets[axis] for axis in "xyz"]
    w, wz = batch.targets["weights"], batch.targets["weights_z"]
    kl = simcc_kl(logits, labels, [w, w, wz], beta=10.0)
    peaks = [torch.stack([v.argmax(-1) for v in vectors], -1).double() for vectors in (logits, labels)]
    bone = 2 * bone_length(*peaks, w, parents=PARENTS)
    assert bone > 0
    assert loss.item() == pytest.approx(kl.item() + bone.item(), rel=1e-5)
    assert terms["bone"].item() == pytest.approx(bone.item(), rel=1e-5)
    for found, expected in zip(gradients, torch.autograd.grad(kl, logits), strict=True):
        torch.testing.assert_close(found, expected)
    assert (gradients[2][wz == 0] == 0).all()
    assert (gradients[2][wz > 0] != 0).any()


def test_the_check_gives_the_depth_s_error_in_metres(bodies: Path) -> None:
    task = task_of(bodies)
    labels = batch_of(task).targets
    data: DataSet = task.sets[0]

    class Knows(torch.nn.Module):
        """Says what the labels say, but every depth three bins too far."""

        def forward(self, images: torch.Tensor) -> tuple[torch.Tensor, ...]:
            return labels["x"], labels["y"], labels["z"].roll(3, -1)

    figures = task.evaluate(Knows(), data, torch.device("cpu"))
    assert figures["AP"] > 0.95
    assert figures["z_error"] == pytest.approx(3 * BIN, abs=BIN / 2)


def test_the_card_tells_the_depths_to_the_predictor() -> None:
    card = make_card(TOY)
    assert card.codec == {"name": "simcc3d", "ratio": 2.0, "depth": 64, "z_range": TOY.topdown.z_range}
    network = RTMW3D("nano", 133, 64, 64, depth=card.codec["depth"])
    assert [tuple(axis.shape) for axis in network.eval()(torch.zeros(1, 3, 64, 64))] == [(1, 133, 128)] * 3
