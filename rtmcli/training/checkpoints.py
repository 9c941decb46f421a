"""Files of a run, each written beside its name and then renamed, so that a kill leaves the old one whole."""

from __future__ import annotations

import os
from pathlib import Path

import torch
from torch import nn


def save_weights(network: nn.Module, path: Path) -> None:
    """The weights alone, as `load_checkpoint` reads them."""
    save_state({key: value.detach().cpu() for key, value in network.state_dict().items()}, path)


def save_state(state: object, path: Path) -> None:
    """Anything that `torch.load(weights_only=True)` takes."""
    beside = path.with_name(f".{path.name}.part")
    with beside.open("wb") as file:
        torch.save(state, file)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)


def write_atomically(path: Path, content: bytes) -> None:
    beside = path.with_name(f".{path.name}.part")
    beside.write_bytes(content)
    beside.replace(path)
