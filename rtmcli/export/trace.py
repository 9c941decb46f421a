"""A torch module to TorchScript by tracing, which both the torchscript target and pnnx start from."""

import warnings
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn


def trace(module: nn.Module, examples: Sequence[Tensor], path: Any = None) -> Any:
    """The traced module in eval mode; also saved to `path` where one is given."""
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")  # of torch.jit, which is old but is what every runtime reads
        traced = torch.jit.trace(module.eval(), tuple(examples), check_trace=False)
        if path is not None:
            torch.jit.save(traced, str(path))
    return traced
