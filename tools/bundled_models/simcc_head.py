"""Two changes to the weights of a trained SimCC head: another input size, and smoother vectors."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor


def grow_head(state: dict[str, Tensor], width: int, height: int) -> dict[str, Tensor]:
    """Weights of an RTMPose for another input size: its head's three matrices, resampled.

    The embedding sums over the cells of a map, the two classifiers have a row a bin; everything else is free of size.
    """
    embed, x, y = (state[f"head.{name}.weight"] for name in ("mlp.1", "cls_x", "cls_y"))
    cells = (len(y) // 64, len(x) // 64)  # two bins a pixel, 32 pixels a cell
    wanted = (height // 32, width // 32)
    maps = F.interpolate(embed.float().view(-1, 1, *cells), size=wanted, mode="bilinear").flatten(1)

    def rows(matrix: Tensor, count: int) -> Tensor:
        return F.interpolate(matrix.float().T[None], size=count, mode="linear")[0].T.contiguous()

    grown = {
        "head.mlp.1.weight": maps * math.prod(cells) / math.prod(wanted),
        "head.cls_x.weight": rows(x, 2 * width),
        "head.cls_y.weight": rows(y, 2 * height),
    }
    return state | grown


def smooth_bins(state: dict[str, Tensor], sigma: float) -> dict[str, Tensor]:
    """The weights with the rows of both classifiers blurred along the bins; `sigma` in bins.

    A short training leaves ripples of a few bins on every vector, and a maximum with two tops of nearly one height.
    The blur of a linear layer's rows is the blur of what it gives; one as wide as the label leaves one top.
    """
    reach = math.ceil(4 * sigma)
    kernel = torch.exp(-(torch.arange(-reach, reach + 1) ** 2) / (2 * sigma**2))
    blurred = {}
    for name in ("head.cls_x.weight", "head.cls_y.weight"):
        rows = F.pad(state[name].T[:, None], (reach, reach), mode="replicate")  # (D, 1, bins + 2 reach)
        blurred[name] = F.conv1d(rows, (kernel / kernel.sum())[None, None])[:, 0].T.contiguous()  # (bins, D)
    return state | blurred
