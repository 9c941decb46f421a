"""The loop: resuming, several processes, accumulation, and what it does when a loss is no number."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.multiprocessing as mp

from rtmcli.skeletons import load_skeleton
from rtmcli.training.data.dataset import load_set
from rtmcli.training.model import make_network
from rtmcli.training.not_finite import NotFinite
from rtmcli.training.recipe import Recipe
from rtmcli.training.recipe_file import build_recipe, with_values
from rtmcli.training.tasks.topdown import TopDownTask
from rtmcli.training.trainer import Training

TOY = build_recipe(dict(
    name="toy", family="rtmpose", size="t", width=64, height=64, sigma=(2.0, 2.0), epochs=3, second=2, batch=4, lr=1e-3,
    warmup=2, cosine_from=1, half_body=0.0, blur=0.0, cutout=0.0, cutout_2=0.0, validate=1, clip=5.0,
), source="test")  # fmt: skip


def make(dots: Path, folder: Path, recipe: Recipe = TOY, **more: Any) -> tuple[Training, list[dict]]:
    data = load_set(dots / "labels.json", dots / "images", skeleton=load_skeleton("coco17"))
    torch.manual_seed(0)
    lines: list[dict] = []
    training = Training(
        TopDownTask(recipe, [data]), make_network(recipe), folder, report=lines.append, every=1, **more
    )
    return training, lines


def weights_of(training: Training) -> dict[str, torch.Tensor]:
    return {k: v.clone() for k, v in training.network.state_dict().items()}


def test_a_run_cut_within_an_epoch_goes_on_bit_for_bit(dots: Path, tmp_path: Path) -> None:
    whole, expected = make(dots, tmp_path / "whole")
    whole.run()

    class Cut(Exception):
        pass

    part, before = make(dots, tmp_path / "part", save_every=0.0)
    seen = 0

    def cut(samples: int) -> None:
        nonlocal seen
        seen += 1
        if seen == 3:  # the second epoch's first step; the last checkpoint is of this step or the one before
            raise Cut

    part.tick = cut
    with pytest.raises(Cut):
        part.run()
    again, after = make(dots, tmp_path / "part")
    again.run()
    losses = {line["step"]: line["loss"] for line in [*before, *after] if "loss" in line}
    assert losses == {line["step"]: line["loss"] for line in expected if "loss" in line}
    for name, value in weights_of(whole).items():
        assert torch.equal(value, weights_of(again)[name]), name
    assert whole.average is not None and again.average is not None
    for name, value in whole.average.model.state_dict().items():
        assert torch.equal(value, again.average.model.state_dict()[name]), name


def test_a_killed_process_goes_on_as_if_nothing_had_happened(dots: Path, tmp_path: Path) -> None:
    command = [
        sys.executable, "-m", "rtmcli", "train", "rtmpose-t", "--data", str(dots / "labels.json"),
        "--images", str(dots / "images"), "--every", "1", "--save-every", "0",
    ]  # fmt: skip
    for change in ("width=64", "height=64", "batch=2", "epochs=2", "warmup=2", "cosine_from=1", "clip=5"):
        command += ["--set", change]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}

    def losses(text: str) -> dict[int, float]:
        lines = [json.loads(line) for line in text.splitlines() if line.endswith("}")]
        return {line["step"]: line["loss"] for line in lines if "loss" in line}

    whole = subprocess.run(
        [*command, "--workers", "0", "--out", str(tmp_path / "whole")],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    running = subprocess.Popen(
        [*command, "--workers", "1", "--out", str(tmp_path / "cut")],
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert running.stdout is not None
    first = "".join(running.stdout.readline() for _ in range(6))  # into the second epoch
    running.send_signal(signal.SIGKILL)
    running.wait()
    second = subprocess.run(
        [*command, "--workers", "0", "--out", str(tmp_path / "cut")],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert losses(first) | losses(second.stdout) == losses(whole.stdout)
    a, b = (torch.load(tmp_path / name / "last.pt", weights_only=True) for name in ("whole", "cut"))
    for name, value in a["network"].items():
        assert torch.equal(value, b["network"][name]), name


def test_accumulated_parts_give_the_gradients_of_the_whole_batch(dots: Path, tmp_path: Path) -> None:
    whole, _ = make(dots, tmp_path / "a", norms=False)
    parts, _ = make(dots, tmp_path / "b", with_values(TOY, accumulate=2), norms=False)
    for training in (whole, parts):
        training.network.eval()
        training.learn(next(training.batches()))
    for (name, a), (_, b) in zip(
        whole.network.named_parameters(), parts.network.named_parameters(), strict=True
    ):
        torch.testing.assert_close(a.grad, b.grad, rtol=1e-4, atol=1e-6, msg=name)


def _one_of_two(rank: int, dots: Path, folder: Path) -> None:
    os.environ.update(MASTER_ADDR="127.0.0.1", MASTER_PORT="29631", OMP_NUM_THREADS="1")
    torch.set_num_threads(1)
    torch.distributed.init_process_group("gloo", rank=rank, world_size=2)
    training, _ = make(dots, folder, norms=False)
    training.wrapped.eval()
    terms = training.learn(next(training.batches()))
    gradients = {name: weight.grad for name, weight in training.network.named_parameters()}
    torch.save((terms, gradients), folder / f"{rank}.pt")
    torch.distributed.destroy_process_group()


def test_two_processes_learn_what_one_learns_from_the_same_batch(dots: Path, tmp_path: Path) -> None:
    one, _ = make(dots, tmp_path / "one", norms=False)
    one.wrapped.eval()
    alone = one.learn(next(one.batches()))
    mp.spawn(_one_of_two, (dots, tmp_path), nprocs=2)
    results = [torch.load(tmp_path / f"{rank}.pt") for rank in (0, 1)]
    # the loss of crops is a sum over samples: the two halves add up
    assert sum(terms["loss"] for terms, _ in results) == pytest.approx(alone["loss"], rel=1e-5)
    for name, weight in one.network.named_parameters():
        for _, gradients in results:
            torch.testing.assert_close(
                gradients[name], weight.grad, rtol=1e-5, atol=1e-5 * float(weight.grad.abs().max())
            )


def test_a_loss_that_is_no_number_stops_with_the_batch_named(dots: Path, tmp_path: Path) -> None:
    training, _ = make(dots, tmp_path / "run")
    with torch.no_grad():
        training.network.head.cls_x.weight.fill_(float("nan"))
    with pytest.raises(NotFinite, match=r"epoch 0, step 0.*\.png person 0"):
        training.run()
    assert not (tmp_path / "run/last.pt").exists()


def test_a_run_learns_writes_its_recipe_and_validates_as_eval_does(dots: Path, tmp_path: Path) -> None:
    data = load_set(dots / "labels.json", dots / "images", skeleton=load_skeleton("coco17"))
    training, lines = make(dots, tmp_path / "run", held_out=data)
    training.run()
    losses = [line["loss"] for line in lines if "loss" in line]
    assert losses[-1] < losses[0]
    assert {"AP", "AP50", "ARL"} <= set(lines[-1])
    assert "lr = 0.001" in (tmp_path / "run/recipe.toml").read_text()
    assert (tmp_path / "run/best.pt").exists()
    assert not list((tmp_path / "run").glob("*.part"))
