"""Heatmap pre-training: its head, its loss, and a backbone that RTMPose goes on with."""

from pathlib import Path

import numpy as np
import pytest
import torch

from rtmcli.codecs import heatmap
from rtmcli.networks.checkpoint import read_checkpoint
from rtmcli.networks.heatmap import HeatmapPose
from rtmcli.skeletons import load_skeleton
from rtmcli.training.data.dataset import DataSet, load_set
from rtmcli.training.initialization import save_model, start_from
from rtmcli.training.losses.dense import heatmap_mse
from rtmcli.training.model import make_network
from rtmcli.training.recipe import Recipe
from rtmcli.training.recipe_file import load_recipe, with_values
from rtmcli.training.tasks.heatmap import HeatmapTask
from rtmcli.training.tasks.make import make_task
from rtmcli.training.trainer import Training

TOY = with_values(
    load_recipe("cspnext-m-udp"), size="t", width=64, height=64, epochs=10, second=9, batch=4, lr=1e-3, warmup=2,
    cosine_from=5, cosine_to=10, half_body=0.0, shift=0.0, scale=(1.0, 1.0), rotation=0.0, flip=0.0, hsv=False,
    blur=0.0, cutout=0.0, average=0.0, validate=100,
)  # fmt: skip


def dots_of(dots: Path) -> DataSet:
    return load_set(dots / "labels.json", dots / "images", skeleton=load_skeleton("coco17"))


def run_of(dots: Path, folder: Path, recipe: Recipe = TOY) -> tuple[Training, list[dict]]:
    torch.manual_seed(0)
    lines: list[dict] = []
    task = make_task(recipe, [dots_of(dots)])
    return Training(task, make_network(recipe), folder, report=lines.append, every=1), lines


def test_the_head_has_the_published_keys_and_a_quarter_of_the_sides() -> None:
    network = HeatmapPose("t", 17)
    assert tuple(network(torch.zeros(2, 3, 64, 96)).shape) == (2, 17, 16, 24)
    shapes = {key: tuple(value.shape) for key, value in network.head.state_dict().items()}
    assert shapes["deconv_layers.0.weight"] == (384, 256, 4, 4)
    assert shapes["deconv_layers.6.weight"] == (256, 256, 4, 4)
    assert shapes["deconv_layers.7.running_var"] == (256,)
    assert shapes["final_layer.weight"] == (17, 256, 1, 1)
    assert "deconv_layers.0.bias" not in shapes


def test_targets_are_udp_s_and_the_loss_is_their_weighted_squared_error(dots: Path) -> None:
    task = make_task(TOY, [dots_of(dots)])
    samples = [task.draw(0, index, 0, np.random.default_rng(index)) for index in range(3)]
    points = np.stack([sample["keypoints"] for sample in samples])
    expected = [
        heatmap.encode_udp(one[None], np.ones((1, 17)), size=(64, 64), map_size=(16, 16))[0] for one in points
    ]
    batch = task.collate(samples)
    np.testing.assert_array_equal(batch.targets["maps"].numpy(), np.stack(expected))
    batch.targets["weights"][0, 3] = 0
    torch.manual_seed(0)
    network = make_network(TOY).eval()
    loss, _ = task.loss(network, batch, 0, 0, lambda value: value)

    from rtmcli.training.model import make_card, normalise

    found = network(normalise(batch.images, make_card(TOY)))
    torch.testing.assert_close(
        loss, heatmap_mse(found, batch.targets["maps"], batch.targets["weights"]), rtol=1e-5, atol=0
    )


def test_a_few_steps_lower_the_loss_and_the_backbone_starts_rtmpose(dots: Path, tmp_path: Path) -> None:
    training, lines = run_of(dots, tmp_path / "run")
    training.run()
    losses = [line["loss"] for line in lines]
    assert np.mean(losses[-2:]) < 0.7 * losses[0]
    file = tmp_path / "pre.safetensors"
    save_model(training.network, TOY, file)
    assert read_checkpoint(file).card is None
    pose = make_network(with_values(TOY, heatmap=False))
    misfit = start_from(pose, file)
    assert not any(key.startswith("backbone") for key in [*misfit.missing, *misfit.wrong, *misfit.extra])
    for key, value in training.network.backbone.state_dict().items():
        torch.testing.assert_close(pose.backbone.state_dict()[key], value, rtol=0, atol=0)


def test_the_pre_training_goes_on_bit_for_bit_and_is_checked_by_the_usual_figures(
    dots: Path, tmp_path: Path
) -> None:
    recipe = with_values(TOY, epochs=2, cosine_from=1, cosine_to=2, validate=2)
    whole, _ = run_of(dots, tmp_path / "whole", recipe)
    whole.held_out = dots_of(dots)
    figures = whole.run()
    assert 0 <= figures["AP"] < 0.5
    part, _ = run_of(dots, tmp_path / "part", recipe)
    part._epoch()
    part.epoch, part.step = 1, 0
    part.save()
    again, _ = run_of(dots, tmp_path / "part", recipe)
    again.run()
    for key, value in whole.network.state_dict().items():
        assert torch.equal(value, again.network.state_dict()[key]), key


def test_parts_of_a_batch_give_the_gradients_of_the_whole(dots: Path, tmp_path: Path) -> None:
    runs = [run_of(dots, tmp_path, with_values(TOY, accumulate=parts))[0] for parts in (1, 2)]
    for training in runs:
        training.network.eval()
        training.learn(next(training.batches()))
    for (name, a), (_, b) in zip(*(run.network.named_parameters() for run in runs), strict=True):
        assert a.grad is not None and b.grad is not None
        torch.testing.assert_close(a.grad, b.grad, rtol=1e-4, atol=1e-5 * float(a.grad.abs().max()), msg=name)


def test_a_sample_is_drawn_with_its_maps_above_each_other(dots: Path) -> None:
    task = make_task(TOY, [dots_of(dots)])
    sample = task.draw(0, 0, 0, np.random.default_rng(0))
    entry = task.preview(sample)
    assert entry.shape == (72, 64, 3)
    columns = sample["maps"].max(axis=(0, 1)) > 0.9
    assert entry[-1, ::4, 0][columns].min() > 100


def test_exact_heat_maps_get_full_marks_from_the_check(dots: Path) -> None:
    """The crop's map, UDP's decoding and the way back to the image undo each other."""
    recipe = with_values(TOY, width=192, height=256)
    task = make_task(recipe, [dots_of(dots)])
    assert isinstance(task, HeatmapTask)
    maps = torch.from_numpy(
        np.stack([task.draw(0, index, 0, np.random.default_rng(index))["maps"] for index in range(8)])
    )

    class Knows(torch.nn.Module):
        def forward(self, images: torch.Tensor) -> torch.Tensor:
            return maps

    figures = task.evaluate(Knows(), task.sets[0], torch.device("cpu"))
    assert figures["AP"] == pytest.approx(1.0)
