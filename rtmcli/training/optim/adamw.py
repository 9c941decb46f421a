"""The optimiser of all recipes: AdamW without decay of biases and norms, and with slower parts (RTMO's encoder)."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import nn

NORMS = (nn.modules.batchnorm._BatchNorm, nn.GroupNorm, nn.LayerNorm, nn.modules.instancenorm._InstanceNorm)


def make_optimiser(
    model: nn.Module,
    *,
    lr: float,
    weight_decay: float,
    slower: Mapping[str, float] | None = None,
) -> torch.optim.AdamW:
    """AdamW over the trainable parameters (mmengine, optim/optimizer/default_constructor.py).

    Args:
        slower: key prefix to the factor of its learning rate; RTMO has `{"neck.encoder": 0.05}`.
    """
    groups = [
        {"params": members, "lr": rate, "weight_decay": decay}
        for (rate, decay), members in _grouped(model, lr, weight_decay, slower or {}).items()
    ]
    return torch.optim.AdamW(groups, lr=lr, weight_decay=weight_decay)


def parameter_groups(
    model: nn.Module, *, lr: float, weight_decay: float, slower: Mapping[str, float] | None = None
) -> dict[tuple[float, float], list[str]]:
    """The names of the parameters by (learning rate, weight decay), each group in the network's order.

    No decay for parameters named exactly `bias` and for those of norms. So gamma, beta, g and the residual scale of
    a gated attention unit decay, and so do the `in_proj_bias` of an attention and RTMO's position encoding.
    """
    groups: dict[tuple[float, float], list[str]] = {}
    seen: set[int] = set()
    for prefix, module in model.named_modules():
        for name, weight in module.named_parameters(recurse=False):
            # Convolutions shared between levels count once.
            if id(weight) in seen or not weight.requires_grad:
                continue
            seen.add(id(weight))
            full = f"{prefix}.{name}" if prefix else name
            factor = next((f for part, f in (slower or {}).items() if full.startswith(part)), 1.0)
            undecayed = name == "bias" or isinstance(module, NORMS)
            groups.setdefault((lr * factor, 0.0 if undecayed else weight_decay), []).append(full)
    order = {name: place for place, (name, _) in enumerate(model.named_parameters())}
    return {key: sorted(names, key=order.__getitem__) for key, names in groups.items()}


def _grouped(
    model: nn.Module, lr: float, weight_decay: float, slower: Mapping[str, float]
) -> dict[tuple[float, float], list[nn.Parameter]]:
    parameters = dict(model.named_parameters())
    named = parameter_groups(model, lr=lr, weight_decay=weight_decay, slower=slower)
    return {key: [parameters[name] for name in names] for key, names in named.items()}
