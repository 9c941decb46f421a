"""The loop of the bundled models: a time budget instead of epochs, in pieces, always ending annealed.

The learning rate follows the share of the budget that is used up: a short rise, flat for `flat` of it, then a
cosine to 2 %. The budget counts only time spent training, so a run that was stopped goes on where it was.
"""

from __future__ import annotations

import json
import math
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from rtmcli.training.optim.ema import Ema
from tools.bundled_models.muon import Muon


@dataclass(frozen=True)
class Plan:
    """The numbers of a run."""

    minutes: float
    batch: int
    lr: float  # of the matrices
    other_lr: float  # of norms, biases, depthwise kernels and prediction layers
    weight_decay: float = 0.05
    flat: float = 0.45
    warmup: int = 60  # steps
    average: float = 0.998
    clip: float = 5.0
    validate: float = 8.0  # minutes
    save: float = 3.0  # minutes
    optimiser: str = "muon"  # or adamw


def rate(used: float, step: int, plan: Plan) -> float:
    """The factor of the learning rate when the share `used` of the budget is gone."""
    warm = min((step + 1) / plan.warmup, 1.0)
    if used < plan.flat:
        return warm
    return warm * (0.02 + 0.98 * (1 + math.cos(math.pi * min((used - plan.flat) / (1 - plan.flat), 1.0))) / 2)


def make_optimisers(model: nn.Module, extra: nn.Module | None, plan: Plan) -> list[torch.optim.Optimizer]:
    """Muon for the kernels that mix channels, AdamW for everything else (no decay on norms and biases)."""
    matrices: list[nn.Parameter] = []
    decayed: list[nn.Parameter] = []
    plain: list[nn.Parameter] = []
    for name, weight in model.named_parameters():
        # a depthwise kernel is (C, 1, k, k): one small matrix a channel, nothing to make orthogonal
        mixes = weight.ndim >= 2 and weight.shape[1] > 1
        if (
            mixes
            and plan.optimiser == "muon"
            and not any(part in name for part in ("cls_x", "cls_y", "rtm_"))
        ):
            matrices.append(weight)
        else:
            (decayed if weight.ndim >= 2 and "gau.gamma" not in name else plain).append(weight)
    if extra is not None:
        plain += list(extra.parameters())
    lr = plan.other_lr
    groups = [
        {"params": decayed, "weight_decay": plan.weight_decay, "lr": lr},
        {"params": plain, "weight_decay": 0.0, "lr": lr},
    ]
    found: list[torch.optim.Optimizer] = [torch.optim.AdamW(groups, lr=lr, betas=(0.9, 0.99))]
    if matrices:
        found.append(Muon(matrices, lr=plan.lr, weight_decay=plan.weight_decay))
    for optimiser in found:
        for group in optimiser.param_groups:
            group["base"] = group["lr"]
    return found


def run(
    model: nn.Module,
    extra: nn.Module | None,
    compute: Callable[[float, torch.Generator], dict[str, Tensor]],
    validate: Callable[[nn.Module], dict[str, float]],
    plan: Plan,
    folder: Path,
    *,
    seed: int = 0,
    pause_after: float = math.inf,
) -> None:
    """Train `model` (and `extra`, which is thrown away) until the budget is used or `pause_after` minutes passed.

    Args:
        compute: (share of the budget used, random numbers) -> the loss terms of one batch, to be summed.
        validate: the averaged model -> figures.
        folder: `state.pt` to go on from, `best.pt` and `last.pt` with the averaged weights, `log.jsonl`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    optimisers = make_optimisers(model, extra, plan)
    average = Ema(model, momentum=lambda update: max(1 - plan.average, 1 / (2 + update)))
    random = torch.Generator().manual_seed(seed)
    minutes, step, best, validated = 0.0, 0, -1.0, 0.0
    parts: list[Any] = [model, average, *([extra] if extra is not None else []), *optimisers]
    state_file = folder / "state.pt"
    bases = [[group["base"] for group in optimiser.param_groups] for optimiser in optimisers]
    if state_file.exists():
        state = torch.load(state_file, weights_only=True)
        for part, saved in zip(parts, state["parts"], strict=True):
            part.load_state_dict(saved)
        for optimiser, rates in zip(optimisers, bases, strict=True):
            for group, base in zip(optimiser.param_groups, rates, strict=True):
                group["base"] = base  # a resumed run may be given another rate
        random.set_state(state["random"])
        minutes, step, best, validated = state["progress"]
    weights = [w for part in (model, extra) if part is not None for w in part.parameters()]
    began, at_start = time.monotonic(), minutes
    sums: dict[str, float] = {}
    logged = saved_at = at_start
    count = 0

    def note(**figures: float) -> None:
        figures = {"minute": round(minutes, 2), "step": step, **figures}
        line = json.dumps({k: round(v, 5) if isinstance(v, float) else v for k, v in figures.items()})
        with (folder / "log.jsonl").open("a") as file:
            file.write(line + "\n")
        print(line, flush=True)

    def save() -> None:
        state = {
            "parts": [part.state_dict() for part in parts],
            "random": random.get_state(),
            "progress": (minutes, step, best, validated),
        }
        write_atomically(state, state_file)

    def check() -> None:
        nonlocal best, validated
        figures = validate(average.model)
        validated = minutes
        note(samples=step * plan.batch, **figures)
        write_atomically(average.model.state_dict(), folder / "last.pt")
        if figures["ap"] > best:
            best = figures["ap"]
            write_atomically(average.model.state_dict(), folder / "best.pt")

    while minutes < plan.minutes and minutes - at_start < pause_after:
        model.train()
        used = minutes / plan.minutes
        factor = rate(used, step, plan)
        for optimiser in optimisers:
            for group in optimiser.param_groups:
                group["lr"] = group["base"] * factor
        terms = compute(used, random)
        loss = torch.stack(list(terms.values())).sum()
        for optimiser in optimisers:
            optimiser.zero_grad()
        loss.backward()
        norm = nn.utils.clip_grad_norm_(weights, plan.clip)
        if not torch.isfinite(norm):
            raise FloatingPointError(f"step {step}: the gradient is not finite; terms {terms}")
        for optimiser in optimisers:
            optimiser.step()
        average.update(model)
        step += 1
        minutes = at_start + (time.monotonic() - began) / 60
        for name, value in [*terms.items(), ("norm", norm)]:
            sums[name] = sums.get(name, 0.0) + float(value.detach())
        count += 1
        if minutes - logged > 1:
            speed = count * plan.batch / 60 / (minutes - logged)
            note(lr=factor, speed=speed, **{name: value / count for name, value in sums.items()})
            sums, count, logged = {}, 0, minutes
        if minutes - validated > plan.validate:
            check()
        if minutes - saved_at > plan.save:
            save()
            saved_at = minutes
    check()
    save()


def write_atomically(value: object, path: Path) -> None:
    """Save beside `path`, then rename: a kill leaves the old file whole."""
    beside = path.with_suffix(".partial")
    with beside.open("wb") as file:
        torch.save(value, file)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)
