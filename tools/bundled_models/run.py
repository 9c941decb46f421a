"""The training loop of the bundled models: a time budget instead of epochs, in pieces, always ending annealed.

The learning rate follows the share of the budget that is used up: a short rise, flat for `flat` of it, then a
cosine to 2 %. The budget counts only time spent training, so a run that was stopped goes on where it was.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from rtmcli.training.optim.ema import Ema
from tools.bundled_models.checkpoint import load_state, save_state, write_atomically
from tools.bundled_models.optimisers import make_optimisers


@dataclass(frozen=True)
class Plan:
    """The numbers of a run. Times in minutes."""

    minutes: float
    batch: int
    lr: float  # of matrices with Muon, and of everything else halved; with AdamW of everything
    flat: float = 0.4  # share of the time before the rate falls
    weight_decay: float = 0.05
    warmup: int = 60  # steps
    average: float = 0.998  # of the moving average of the weights
    clip: float = 5.0  # norm of the gradient
    validate: float = 12.0
    save: float = 3.0
    muon: bool = True
    seed: int = 0
    pause_after: float = math.inf


def rate(used: float, step: int, plan: Plan) -> float:
    """The factor of the learning rate when the share `used` of the budget is gone."""
    warm = min((step + 1) / plan.warmup, 1.0)
    if used < plan.flat:
        return warm
    return warm * (0.02 + 0.98 * (1 + math.cos(math.pi * min((used - plan.flat) / (1 - plan.flat), 1.0))) / 2)


def shuffled(count: int, random: torch.Generator) -> Tensor:
    """The numbers below `count` in random order, on the CPU."""
    return torch.randperm(count, generator=random, device=random.device).cpu()


def run(
    model: nn.Module,
    extra: nn.Module | None,
    compute: Callable[[float, torch.Generator], dict[str, Tensor]],
    validate: Callable[[nn.Module], dict[str, float]],
    plan: Plan,
    folder: Path,
) -> None:
    """Train `model` (and `extra`, which is thrown away) until the budget is used or the pause is due.

    Args:
        compute: (share of the budget used, random numbers) -> the loss terms of one batch, to be summed.
        validate: the averaged model -> figures; `held_out_ap` chooses the best.
        folder: `start.pt`, `state-STEP/` to go on from, `best.pt` and `last.pt` with the averaged weights,
            `log.jsonl`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    optimisers = make_optimisers(
        model,
        extra,
        lr=plan.lr,
        other_lr=plan.lr / 2 if plan.muon else plan.lr,
        weight_decay=plan.weight_decay,
        muon=plan.muon,
    )
    average = Ema(model, momentum=lambda update: max(1 - plan.average, 1 / (2 + update)))
    device = next(model.parameters()).device
    random = torch.Generator(device).manual_seed(plan.seed)
    parts = {"model": model, "average": average, **({"extra": extra} if extra is not None else {})}
    parts |= {f"optimiser{i}": optimiser for i, optimiser in enumerate(optimisers)}
    bases = [group["base"] for optimiser in optimisers for group in optimiser.param_groups]
    progress = load_state(folder, parts) or {"minutes": 0.0, "step": 0, "best": -1.0, "validated": 0.0}
    groups = [group for optimiser in optimisers for group in optimiser.param_groups]
    for group, base in zip(groups, bases, strict=True):
        group["base"] = base  # a resumed run may be given another rate
    if "random" in progress:
        random.set_state(progress["random"])
    else:
        write_atomically(model.state_dict(), folder / "start.pt")
    weights = [w for part in (model, extra) if part is not None for w in part.parameters()]
    log = Log(folder / "log.jsonl")

    def save() -> None:
        save_state(folder, progress["step"], parts, {**progress, "random": random.get_state()})

    def check() -> None:
        figures = validate(average.model)
        progress["validated"] = progress["minutes"]
        log.write(progress, samples=progress["step"] * plan.batch, **figures)
        write_atomically(average.model.state_dict(), folder / "last.pt")
        if figures["held_out_ap"] > progress["best"]:
            progress["best"] = figures["held_out_ap"]
            write_atomically(average.model.state_dict(), folder / "best.pt")

    began, at_start = time.monotonic(), progress["minutes"]
    saved = at_start
    while progress["minutes"] < plan.minutes and progress["minutes"] - at_start < plan.pause_after:
        model.train()
        used = progress["minutes"] / plan.minutes
        factor = rate(used, progress["step"], plan)
        for group in groups:
            group["lr"] = group["base"] * factor
        terms = compute(used, random)
        for optimiser in optimisers:
            optimiser.zero_grad()
        torch.stack(list(terms.values())).sum().backward()
        norm = nn.utils.clip_grad_norm_(weights, plan.clip)
        # all gradients are NaN where one was; as zeros they leave the weights nearly as they are
        skipped = (~torch.isfinite(norm)).float()
        for weight in weights:
            if weight.grad is not None:
                weight.grad.nan_to_num_(0, 0, 0)
        for optimiser in optimisers:
            optimiser.step()
        average.update(model)
        progress["step"] += 1
        progress["minutes"] = at_start + (time.monotonic() - began) / 60
        log.add(progress, plan.batch, {**terms, "norm": norm, "skipped": skipped}, factor)
        if progress["minutes"] - progress["validated"] > plan.validate:
            check()
        if progress["minutes"] - saved > plan.save:
            save()
            saved = progress["minutes"]
    check()
    save()


class Log:
    """One JSON line a minute with the means of the loss terms, and one a validation; in a file and on stdout.

    The sums stay on the device until they are written, so that no step waits for the one before.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.sums: dict[str, Tensor] = {}
        self.count, self.since = 0, time.monotonic()

    def add(self, progress: dict, batch: int, terms: dict[str, Tensor], factor: float) -> None:
        for name, value in terms.items():
            self.sums[name] = self.sums.get(name, 0.0) + value.detach()
        self.count += 1
        seconds = time.monotonic() - self.since
        if seconds > 60:
            means = {name: float(value) / self.count for name, value in self.sums.items()}
            if means["skipped"] > 0.05:
                raise FloatingPointError(
                    f"step {progress['step']}: the gradient is often not finite: {means}"
                )
            self.write(progress, lr=factor, speed=self.count * batch / seconds, **means)
            self.sums, self.count, self.since = {}, 0, time.monotonic()

    def write(self, progress: dict, **figures: float) -> None:
        entry = {"minute": round(progress["minutes"], 2), "step": progress["step"]}
        entry |= {key: round(v, 5) if isinstance(v, float) else v for key, v in figures.items()}
        line = json.dumps(entry)
        with self.path.open("a") as file:
            file.write(line + "\n")
        print(line, flush=True)
