"""Which optimiser moves which weight of a bundled model."""

from __future__ import annotations

from torch import nn
from torch.optim import AdamW, Optimizer

from tools.bundled_models.muon import Muon

# Prediction layers: their rows are classes or bins, not features to make orthogonal
PREDICTING = ("cls_x", "cls_y", "rtm_")


def make_optimisers(
    model: nn.Module,
    extra: nn.Module | None,
    *,
    lr: float,
    other_lr: float,
    weight_decay: float,
    muon: bool = True,
) -> list[Optimizer]:
    """Muon (rate `lr`) for the kernels that mix channels, AdamW (`other_lr`) for all others.

    Norms, biases and the gates of the attention unit have no weight decay. Each group keeps its rate as `base`.
    """
    matrices: list[nn.Parameter] = []
    decayed: list[nn.Parameter] = []
    plain: list[nn.Parameter] = list(extra.parameters()) if extra is not None else []
    for name, weight in model.named_parameters():
        # a depthwise kernel is (C, 1, k, k): one small matrix a channel, nothing to make orthogonal
        mixes = weight.ndim >= 2 and weight.shape[1] > 1
        if muon and mixes and not any(part in name for part in PREDICTING):
            matrices.append(weight)
        else:
            (decayed if weight.ndim >= 2 and "gau.gamma" not in name else plain).append(weight)
    groups = [
        {"params": decayed, "weight_decay": weight_decay, "lr": other_lr},
        {"params": plain, "weight_decay": 0.0, "lr": other_lr},
    ]
    found: list[Optimizer] = [AdamW(groups, lr=other_lr, betas=(0.9, 0.99))]
    if matrices:
        found.append(Muon(matrices, lr=lr, weight_decay=weight_decay))
    for optimiser in found:
        for group in optimiser.param_groups:
            group["base"] = group["lr"]
    return found
