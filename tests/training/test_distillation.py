"""DWPose: what a student learns from a teacher, what a fresh head learns from the student, and what is kept."""

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.multiprocessing as mp
from torch import nn

from rtmcli.cli.app import main
from rtmcli.errors import DataError, UsageError
from rtmcli.networks.build import build_network
from rtmcli.networks.checkpoint import read_checkpoint, save_checkpoint
from rtmcli.networks.rtmpose import RTMPose
from rtmcli.networks.rtmw import RTMW
from rtmcli.skeletons import load_skeleton
from rtmcli.training.data.dataset import load_set
from rtmcli.training.distillation import FirstStage, SecondStage, load_teacher, with_teacher, without_teacher
from rtmcli.training.losses.simcc import feature_distillation, logit_distillation, simcc_kl
from rtmcli.training.model import make_card, make_network, normalise
from rtmcli.training.recipe import Recipe
from rtmcli.training.recipe_file import load_recipe, with_values
from rtmcli.training.tasks.base import Batch
from rtmcli.training.tasks.distill import DistillTask
from rtmcli.training.tasks.make import make_task
from rtmcli.training.trainer import Training

SMALL: dict[str, Any] = {
    "size": "t", "skeleton": "coco17", "width": 64, "height": 64, "sigma": (2.0, 2.0), "batch": 4, "lr": 1e-3,
    "warmup": 2, "epochs": 8, "second": 8, "cosine_from": 4, "cosine_to": 8, "half_body": 0.0, "shift": 0.0,
    "scale": (1.0, 1.0), "rotation": 0.0, "flip": 0.0, "hsv": False, "blur": 0.0, "cutout": 0.0, "average": 0.0,
    "validate": 100,
}  # fmt: skip
FIRST = with_values(load_recipe("dwpose-m-1"), **SMALL)
SECOND = with_values(load_recipe("dwpose-m-2"), **SMALL)


def teacher_of(size: str = "s") -> nn.Module:
    """A teacher that says something definite: norms that know noise, and a louder last layer."""
    torch.manual_seed(1)
    network = RTMPose(size, 17, 64, 64).requires_grad_(False)
    for part in network.modules():
        if isinstance(part, nn.BatchNorm2d):
            part.momentum = 1.0
    network.train()(torch.randn(4, 3, 64, 64))
    for layer in (network.head.cls_x, network.head.cls_y):
        layer.weight *= 30
    return network.eval()


def run_of(
    dots: Path, folder: Path, recipe: Recipe, teacher: nn.Module, **more: Any
) -> tuple[Training, list[dict]]:
    data = load_set(dots / "labels.json", dots / "images", skeleton=load_skeleton("coco17"))
    torch.manual_seed(0)
    lines: list[dict] = []
    network = with_teacher(make_network(recipe), teacher, recipe)
    task = make_task(recipe, [data], teacher)
    return Training(task, network, folder, report=lines.append, every=1, **more), lines


def first_batch(training: Training) -> Batch:
    return next(training.batches())[0]


def test_stage_one_adds_feature_and_logit_terms_that_fade(dots: Path, tmp_path: Path) -> None:
    teacher = teacher_of()
    training, _ = run_of(dots, tmp_path, FIRST, teacher)
    network, batch = training.network.eval(), first_batch(training)
    assert isinstance(network, FirstStage) and isinstance(network.align, nn.Conv2d)
    assert network.align.weight.shape == (512, 384, 1, 1)
    images = normalise(batch.images, make_card(FIRST))
    logits = network.student(images)
    own = simcc_kl(logits, [batch.targets["x"], batch.targets["y"]], batch.targets["weights"], beta=10.0)
    with torch.no_grad():
        taught, seen = teacher(images), teacher.backbone(images)[-1]
    feature = feature_distillation(network.align(network.student.backbone(images)[-1]), seen)
    logit = logit_distillation(logits, taught, beta=10.0)
    assert 7e-5 * feature > 0.01 * own and 0.1 * logit > 0.01 * own
    for epoch, fade in ((0, 1.0), (6, 0.25)):
        loss, _ = training.task.loss(network, batch, epoch, 0, lambda value: value)
        expected = own + fade * (7e-5 * feature + 0.1 * logit)
        assert loss.item() == pytest.approx(expected.item(), rel=1e-5)
    loss.backward()
    assert network.align.weight.grad is not None and network.align.weight.grad.abs().max() > 0
    assert all(weight.grad is None for weight in teacher.parameters())


def test_a_teacher_of_as_many_channels_needs_no_convolution() -> None:
    assert isinstance(with_teacher(make_network(FIRST), teacher_of("t"), FIRST).align, nn.Identity)


def test_a_large_batch_weighs_its_labels_as_the_published_groups_of_64_did(
    dots: Path, tmp_path: Path
) -> None:
    training, _ = run_of(dots, tmp_path, with_values(FIRST, group=1), teacher_of())
    usual, _ = run_of(
        dots, tmp_path, with_values(FIRST, feature=0.0, logit=0.0, head_only=False), teacher_of()
    )
    batch = first_batch(training)
    network = training.network.eval()
    alone, _ = usual.task.label_loss(network(normalise(batch.images, make_card(FIRST)))[0], batch)
    total, terms = training.task.loss(network, batch, 0, 0, lambda value: value)
    assert total.item() == pytest.approx((alone / 4 + terms["feature"] + terms["logit"]).item(), rel=1e-5)


def test_stage_one_learns_and_goes_on_bit_for_bit_and_keeps_the_student_alone(
    dots: Path, tmp_path: Path
) -> None:
    teacher = teacher_of()
    whole, lines = run_of(dots, tmp_path / "whole", FIRST, teacher)
    whole.run()
    assert lines[-1]["loss"] < 0.85 * lines[0]["loss"]
    for term in ("feature", "logit"):  # in the last epoch they have faded to an eighth
        assert lines[-1][term] * 8 < lines[0][term]
    part, _ = run_of(dots, tmp_path / "part", FIRST, teacher)
    for epoch in range(3):
        part._epoch()
        part.epoch, part.step = epoch + 1, 0
    part.save()
    again, _ = run_of(dots, tmp_path / "part", FIRST, teacher)
    again.run()
    for key, value in whole.network.state_dict().items():
        assert torch.equal(value, again.network.state_dict()[key]), key
    assert set(without_teacher(whole.network).state_dict()) == set(
        build_network(make_card(FIRST)).state_dict()
    )


def test_stage_two_trains_the_head_alone_towards_the_teacher(dots: Path, tmp_path: Path) -> None:
    teacher = teacher_of("t")
    training, lines = run_of(dots, tmp_path, SECOND, teacher)
    network = training.network
    assert isinstance(network, SecondStage)
    batch = first_batch(training)
    images = normalise(batch.images, make_card(SECOND))
    with torch.no_grad():
        expected = logit_distillation(network.eval().student(images), teacher(images), beta=10.0)
    loss, _ = training.task.loss(network, batch, 5, 0, lambda value: value)
    assert loss.item() == pytest.approx(expected.item(), rel=1e-5)  # it does not fade
    training.run()
    assert lines[-1]["loss"] < 0.7 * lines[0]["loss"]
    theirs, ours = teacher.state_dict(), without_teacher(network).state_dict()
    same = {key for key in ours if torch.equal(ours[key], theirs[key])}
    assert {key for key in ours if key.startswith("backbone")} <= same
    assert "head.cls_x.weight" not in same


def test_rtmw_learns_in_both_stages_too(dots: Path, tmp_path: Path) -> None:
    torch.manual_seed(1)
    teacher = RTMW("nano", 17, 64, 64).eval().requires_grad_(False)
    for recipe in (FIRST, SECOND):
        recipe = with_values(recipe, family="rtmw", epochs=4)
        torch.manual_seed(0)
        network = with_teacher(RTMW("nano", 17, 64, 64), teacher, recipe)
        data = load_set(dots / "labels.json", dots / "images", skeleton=load_skeleton("coco17"))
        lines: list[dict] = []
        folder = tmp_path / recipe.model.name
        Training(make_task(recipe, [data], teacher), network, folder, report=lines.append, every=1).run()
        assert lines[-1]["loss"] < lines[0]["loss"]
        if recipe.distillation.head_only:
            frozen = network.student.neck.state_dict()
            assert all(torch.equal(value, frozen[key]) for key, value in teacher.neck.state_dict().items())


def test_a_head_has_no_teacher_in_another_network() -> None:
    with pytest.raises(DataError, match="must be the same network except for the head"):
        with_teacher(make_network(SECOND), teacher_of("s"), SECOND)


def test_a_teacher_of_other_bins_or_another_family_is_refused(tmp_path: Path) -> None:
    network = RTMPose("t", 17, 96, 64)
    recipe = with_values(FIRST, width=96)
    save_checkpoint(tmp_path / "a.safetensors", network.state_dict(), card=make_card(recipe))
    with pytest.raises(UsageError, match="choose a teacher with the same"):
        load_teacher(tmp_path / "a.safetensors", FIRST)
    assert not any(w.requires_grad for w in load_teacher(tmp_path / "a.safetensors", recipe).parameters())
    detector = with_values(FIRST, family="rtmdet", size="nano", skeleton="")
    save_checkpoint(
        tmp_path / "b.safetensors", build_network(make_card(detector)).state_dict(), card=make_card(detector)
    )
    with pytest.raises(UsageError, match="a teacher must be of rtmpose or rtmw"):
        load_teacher(tmp_path / "b.safetensors", FIRST)


def test_parts_of_a_batch_give_the_gradients_of_the_whole(dots: Path, tmp_path: Path) -> None:
    teacher = teacher_of()
    runs = [
        run_of(dots, tmp_path, with_values(FIRST, accumulate=parts), teacher, norms=False)[0]
        for parts in (1, 2)
    ]
    for training in runs:
        training.network.eval()
        training.learn(next(training.batches()))
    for (name, a), (_, b) in zip(*(run.network.named_parameters() for run in runs), strict=True):
        assert a.grad is not None and b.grad is not None
        assert (b.grad - a.grad).norm() <= 1e-4 * a.grad.norm(), name


def _one_of_two(rank: int, dots: Path, folder: Path) -> None:
    os.environ.update(MASTER_ADDR="127.0.0.1", MASTER_PORT="29637", OMP_NUM_THREADS="1")
    torch.set_num_threads(1)
    torch.distributed.init_process_group("gloo", rank=rank, world_size=2)
    training, _ = run_of(dots, folder, FIRST, teacher_of(), norms=False)
    training.wrapped.eval()
    training.learn(next(training.batches()))
    torch.save(
        {name: weight.grad for name, weight in training.network.named_parameters()}, folder / f"{rank}.pt"
    )
    torch.distributed.destroy_process_group()


def test_two_processes_follow_the_teacher_as_one_does(dots: Path, tmp_path: Path) -> None:
    one, _ = run_of(dots, tmp_path, FIRST, teacher_of(), norms=False)
    one.wrapped.eval()
    one.learn(next(one.batches()))
    mp.spawn(_one_of_two, (dots, tmp_path), nprocs=2)
    for rank in (0, 1):
        gradients = torch.load(tmp_path / f"{rank}.pt")
        for name, weight in one.network.named_parameters():
            assert weight.grad is not None
            assert (gradients[name] - weight.grad).norm() <= 1e-4 * weight.grad.norm(), name


def test_workers_draw_without_the_teacher(dots: Path) -> None:
    data = load_set(dots / "labels.json", dots / "images", skeleton=load_skeleton("coco17"))
    task = make_task(FIRST, [data], teacher_of("t"))
    assert isinstance(task, DistillTask)
    assert task.__getstate__()["teacher"] is None
    assert task.teacher is not None


def test_both_stages_run_from_the_command_line(dots: Path, tmp_path: Path, capsys) -> None:
    save_checkpoint(
        tmp_path / "teacher.safetensors",
        teacher_of().state_dict(),
        card=make_card(with_values(FIRST, size="s")),
    )
    small = [
        "size=t",
        "skeleton=coco17",
        "width=64",
        "height=64",
        "batch=4",
        "epochs=1",
        "warmup=2",
        "scale_lr=true",
    ]
    given = [
        "--data",
        str(dots / "labels.json"),
        "--images",
        str(dots / "images"),
        "--workers",
        "0",
        "--every",
        "1",
    ]
    given += [word for change in small for word in ("--set", change)]
    made = [tmp_path / "teacher.safetensors"]
    for recipe in ("dwpose-m-1", "dwpose-m-2"):
        out = tmp_path / recipe
        assert main(["train", recipe, *given, "--teacher", str(made[-1]), "--out", str(out)]) == 0
        made.append(out / f"{recipe}.safetensors")
        card = read_checkpoint(made[-1]).card
        assert card is not None and (card.family, card.size, card.width) == ("rtmpose", "t", 64)
    one, two = (read_checkpoint(file).state for file in made[1:])
    assert set(one) == set(two)
    key = "backbone.stage4.1.conv1.conv.weight"
    assert np.array_equal(one[key].numpy(), two[key].numpy())
