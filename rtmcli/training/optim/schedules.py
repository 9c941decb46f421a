"""Learning rates by iteration: warm-up, flat, cosine, and RTMO's schedule of two cosines.

As in mmengine every phase multiplies the current rate instead of computing it from the base rate: overlapping phases
combine, and a jump scales all that follows. A closed form would differ where a short run is still warming up when its
cosine begins. Equal to tests/goldens/lr_schedules.json.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch

from rtmcli.training.recipe import Recipe


@dataclass(frozen=True)
class Linear:
    """From `start` times the rate at iteration `begin` up to the full rate at `end` - 1."""

    begin: int
    end: int
    start: float = 1e-5

    def next(self, rate: float, base: float, step: int) -> float:
        if step == 0:
            return rate * self.start
        last, rise = self.end - self.begin - 1, 1 - self.start
        if step > last:
            return rate
        return rate * (1 + rise / (last * self.start + (step - 1) * rise))


@dataclass(frozen=True)
class Quadratic:
    """To the base rate over `end` iterations, as the square of the share that is done (RTMO)."""

    begin: int
    end: int

    def next(self, rate: float, base: float, step: int) -> float:
        gain = base * (2 * step + 1) / (self.end - self.begin) ** 2
        return gain if step == 0 else rate + gain


@dataclass(frozen=True)
class Cosine:
    """From the rate that stands towards `floor`, along half a cosine of `period` iterations."""

    begin: int
    end: int
    period: int
    floor: float

    def next(self, rate: float, base: float, step: int) -> float:
        if step == 0:
            return rate
        if (step - 1 - self.period) % (2 * self.period) == 0:
            return rate + (base - self.floor) * (1 - math.cos(math.pi / self.period)) / 2
        now, before = (1 + math.cos(math.pi * s / self.period) for s in (step, step - 1))
        return now / before * (rate - self.floor) + self.floor


@dataclass(frozen=True)
class Jump:
    """The rate times `factor`, once, at iteration `begin` (RTMO, when its second stage starts)."""

    begin: int
    factor: float

    @property
    def end(self) -> int:
        return self.begin + 1

    def next(self, rate: float, base: float, step: int) -> float:
        return rate * self.factor


Phase = Linear | Quadratic | Cosine | Jump


class Schedule:
    """Sets an optimiser's learning rates before each iteration. Its state is `rates` and `iteration`.

    Args:
        optimiser: its groups' `lr` are the base rates.
        phases: applied in this order where they overlap.
    """

    def __init__(self, optimiser: torch.optim.Optimizer, phases: Sequence[Phase]) -> None:
        self.optimiser = optimiser
        self.phases = tuple(phases)
        self.bases = [float(group["lr"]) for group in optimiser.param_groups]
        self.rates = list(self.bases)
        self.iteration = -1
        self.step()

    def step(self) -> None:
        """Set the rates of the next iteration."""
        self.iteration += 1
        for index, base in enumerate(self.bases):
            rate = self.rates[index]
            for phase in self.phases:
                if phase.begin <= self.iteration < phase.end:
                    rate = phase.next(rate, base, self.iteration - phase.begin)
            self.rates[index] = rate
            self.optimiser.param_groups[index]["lr"] = rate

    def state_dict(self) -> dict:
        return {"rates": list(self.rates), "iteration": self.iteration}

    def load_state_dict(self, state: dict) -> None:
        self.rates, self.iteration = list(state["rates"]), state["iteration"]
        for group, rate in zip(self.optimiser.param_groups, self.rates, strict=True):
            group["lr"] = rate


def flat_cosine(
    *,
    lr: float,
    epochs: int,
    per_epoch: int,
    warmup: int = 1000,
    cosine_from: int | None = None,
    cosine_to: int | None = None,
    floor: float = 0.05,
) -> list[Phase]:
    """Warm-up, flat, cosine from the middle: RTMPose, RTMW, RTMDet and the pre-training.

    Args:
        lr: base rate; `floor` is the final rate as a share of it.
        epochs, per_epoch: length of the run, and iterations an epoch.
        cosine_from, cosine_to: epochs of the cosine; half of `epochs` and all of it by default. DWPose's second
            stage keeps the first one's (135 to 270) over its 60 epochs, so its rate stays flat.
    """
    first = epochs // 2 if cosine_from is None else cosine_from
    last = epochs if cosine_to is None else cosine_to
    return [
        Linear(0, warmup),
        Cosine(first * per_epoch, last * per_epoch, (last - first) * per_epoch, floor * lr),
    ]


def rtmo_phases(
    *, lr: float, epochs: int, second: int, last: int, per_epoch: int, warmup: int = 5
) -> list[Phase]:
    """RTMO's two cosines with a jump by 2.5 between them, then constant.

    Args:
        epochs: 600, or 700 for CrowdPose.
        second: the epoch of the jump, 280 or 349.
        last: epochs of the final constant part, 20 or 30.

    The cosines are longer than the time they get (280 of which 275 are run; CrowdPose 350 and 320): they stop a
    little above their floor, as in mmpose's configurations.
    """
    floor = 0.05 * lr
    first_period = {280: 280, 349: 350}.get(second, second)
    second_period = {280: 300, 349: 320}.get(second, epochs - last - second)
    return [
        Quadratic(0, warmup * per_epoch),
        Cosine(warmup * per_epoch, second * per_epoch, first_period * per_epoch, floor),
        Jump(second * per_epoch, 2.5),
        Cosine((second + 1) * per_epoch, (epochs - last) * per_epoch, second_period * per_epoch, floor),
    ]


def recipe_phases(recipe: Recipe, per_epoch: int) -> list[Phase]:
    """The phases of a recipe whose epochs have `per_epoch` iterations."""
    numbers = recipe.optimiser
    if numbers.schedule == "rtmo":
        return rtmo_phases(
            lr=recipe.rate,
            epochs=recipe.stages.epochs,
            second=recipe.rtmo.proxy_from,
            last=numbers.last,
            per_epoch=per_epoch,
            warmup=numbers.warmup,
        )
    return flat_cosine(
        lr=recipe.rate,
        epochs=recipe.stages.epochs,
        per_epoch=per_epoch,
        warmup=numbers.warmup,
        cosine_from=None if numbers.cosine_from < 0 else numbers.cosine_from,
        cosine_to=None if numbers.cosine_to < 0 else numbers.cosine_to,
        floor=numbers.floor,
    )
