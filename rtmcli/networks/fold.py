"""Folding batch norms into the convolutions before them: the same output with less work."""

import copy
from typing import TypeVar

import torch
from torch import nn

Network = TypeVar("Network", bound=nn.Module)


def fold_batchnorm(network: Network) -> Network:
    """A copy of a network in eval mode whose ConvModules have a bias and no norm.

    The parameters keep their names (`....conv.weight`) and gain `....conv.bias`. Convolutions shared between the
    levels of a detector's head become one for each level, since every level has a norm of its own.
    """
    folded = copy.deepcopy(network).eval()
    for module in folded.modules():
        conv, norm = getattr(module, "conv", None), getattr(module, "bn", None)
        if isinstance(conv, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
            module.conv = folded_conv(conv, norm)
            module.bn = nn.Identity()
    return folded


def folded_conv(conv: nn.Conv2d, norm: nn.BatchNorm2d) -> nn.Conv2d:
    """One convolution equal to `conv` followed by `norm` in eval mode, computed in float64."""
    assert norm.running_mean is not None and norm.running_var is not None
    factor = norm.weight.double() / torch.sqrt(norm.running_var.double() + norm.eps)  # (C,)
    start = conv.bias.double() if conv.bias is not None else torch.zeros_like(factor)
    bias = norm.bias.double() + (start - norm.running_mean.double()) * factor
    # A convolution keeps sizes of any dimension; those of two dimensions are pairs.
    new = nn.Conv2d(
        conv.in_channels, conv.out_channels, conv.kernel_size, conv.stride, conv.padding,  # type: ignore[arg-type]
        groups=conv.groups, bias=True, dtype=conv.weight.dtype, device=conv.weight.device,
    )  # fmt: skip
    with torch.no_grad():
        new.weight.copy_(conv.weight.double() * factor[:, None, None, None])
        assert new.bias is not None
        new.bias.copy_(bias)
    return new
