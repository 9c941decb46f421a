"""The exponential moving average of a model's weights, which is validated and saved.

Floating parameters and buffers are averaged; integer buffers (a norm's counter) keep the value of the first copy,
as in mmengine's averaged_model.py.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable

import torch
from torch import Tensor, nn


def exp_momentum(update: int, *, floor: float = 2e-4, gamma: float = 2000.0) -> float:
    """The weight of the new value at update `update` (0-based): near 1 at first, falling to `floor`.

    Source: the EMA of RTMPose's and RTMDet's configurations (mmpose, engine/hooks/ema_hook.py).
    """
    return (1 - floor) * math.exp(-(1 + update) / gamma) + floor


class Ema:
    """A copy of `model` whose weights follow it: `update()` after each optimiser step, `model` to evaluate.

    Args:
        momentum: weight of the new value at a 0-based update.
    """

    def __init__(self, model: nn.Module, *, momentum: Callable[[int], float] = exp_momentum) -> None:
        self.model = copy.deepcopy(model).eval().requires_grad_(False)
        self.momentum = momentum
        self.updates = 0

    @torch.no_grad()
    def update(self, model: nn.Module) -> None:
        """Move the average towards `model`; the first update copies all values, integers included."""
        mine, others = self.model.state_dict(), model.state_dict()
        if self.updates == 0:
            for name, value in mine.items():
                value.copy_(others[name])
        else:
            floating = [name for name, value in mine.items() if value.is_floating_point()]
            share = self.momentum(self.updates)
            average: list[Tensor] = [mine[name] for name in floating]
            torch._foreach_lerp_(average, [others[name] for name in floating], share)
        self.updates += 1

    def state_dict(self) -> dict:
        return {"model": self.model.state_dict(), "updates": self.updates}

    def load_state_dict(self, state: dict) -> None:
        self.model.load_state_dict(state["model"])
        self.updates = state["updates"]
