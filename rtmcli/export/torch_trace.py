"""Torch modules to TorchScript, the input of both the torchscript target and pnnx."""

import logging
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn


def trace(module: nn.Module, examples: Sequence[Tensor], path: Path | None = None) -> Any:
    """The traced module in eval mode; also saved to `path` where one is given."""
    with quietly(), torch.no_grad():
        traced = torch.jit.trace(module.eval(), tuple(examples), check_trace=False)
    if path is not None:
        quietly_saved(traced, path, {})
    return traced


def quietly_scripted(module: nn.Module) -> Any:
    """The compiled module."""
    with quietly():
        return torch.jit.script(module.eval())


def quietly_saved(script: Any, path: Path, extra: Mapping[str, str]) -> None:
    """Write a script module with further files in its archive."""
    with quietly():
        torch.jit.save(script, str(path), _extra_files=dict(extra))


@contextmanager
def quietly() -> Iterator[None]:
    """Suppresses the exporters' warnings, which users cannot act on."""
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(logging.NOTSET)
