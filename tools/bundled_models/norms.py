"""Batch norms for a network that was read back from an exported file, so that it can be trained again.

An export multiplies each norm into its convolution. The network read back has norms without effect (mean 0,
variance 1), which is right for inference and wrong for training: the statistics of the batch would be removed where the
file removes nothing (the detector's loss rises from 1.4 to 3.8). Here each norm gets the mean and variance that its
input has over some batches, and the weight and bias that undo them: the network computes what the file does, in
inference exactly and in training up to the spread between batches.
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn


def restore_norms(network: nn.Module, batches: Iterable[Tensor], like: dict[str, Tensor]) -> None:
    """Set statistics, weight and bias of every norm from `batches` of inputs (N, 3, H, W).

    Args:
        like: weights of the same network that never were folded. Each row of a convolution is scaled to the length it
            has there (the norm removes the factor), so that an optimiser's step is as large relative to the row.
    """
    pairs = _convolutions_with_norms(network)
    moments = _input_moments(network, [norm for _, norms in pairs for norm in norms], batches)
    names = {module: name for name, module in network.named_modules()}
    with torch.no_grad():
        for conv, norms in pairs:
            rows = conv.weight.double().flatten(1).norm(dim=1)  # (C_out,)
            wanted = like[f"{names[conv]}.weight"].double().flatten(1).norm(dim=1)
            factor = torch.where(rows > 1e-6, wanted / rows.clamp(min=1e-6), 1.0).clamp(1e-3, 1e3)
            conv.weight.mul_(factor[:, None, None, None])
            for norm in norms:
                _set_norm(norm, factor, *moments[norm])


def _set_norm(norm: nn.BatchNorm2d, factor: Tensor, mean: Tensor, variance: Tensor) -> None:
    """Let `norm`, so far x -> weight x + bias, give the same for the input `factor` x."""
    assert norm.running_mean is not None and norm.running_var is not None
    weight, bias = norm.weight.double(), norm.bias.double()
    norm.running_mean.copy_(factor * mean)
    norm.running_var.copy_(factor.square() * variance)
    norm.weight.copy_(weight * (factor.square() * variance + norm.eps).sqrt() / factor)
    norm.bias.copy_(bias + weight * mean)


def _convolutions_with_norms(network: nn.Module) -> list[tuple[nn.Conv2d, list[nn.BatchNorm2d]]]:
    """Each convolution with the norms behind it: several where the levels of a detector share it."""
    found: dict[nn.Conv2d, list[nn.BatchNorm2d]] = {}
    for module in network.modules():
        conv, norm = getattr(module, "conv", None), getattr(module, "bn", None)
        if isinstance(conv, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
            found.setdefault(conv, []).append(norm)
    return list(found.items())


@torch.no_grad()
def _input_moments(
    network: nn.Module, norms: list[nn.BatchNorm2d], batches: Iterable[Tensor]
) -> dict[nn.Module, tuple[Tensor, Tensor]]:
    """Mean and variance (C,) of each norm's input over all batches."""
    sums: dict[nn.Module, list[tuple[Tensor, Tensor]]] = {norm: [] for norm in norms}

    def note(norm: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        x = inputs[0].double()
        sums[norm].append((x.mean((0, 2, 3)), x.square().mean((0, 2, 3))))

    hooks = [norm.register_forward_pre_hook(note) for norm in norms]
    network.eval()
    for batch in batches:
        network(batch)
    for hook in hooks:
        hook.remove()
    found = {}
    for norm, moments in sums.items():
        mean, square = (torch.stack(values).mean(0) for values in zip(*moments, strict=True))
        found[norm] = mean, (square - mean.square()).clamp(min=0)
    return found
