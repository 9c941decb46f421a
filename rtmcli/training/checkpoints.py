"""The files of a run; a kill leaves the previous file intact."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import nn

from rtmcli.files import replacing


def save_weights(network: nn.Module, path: Path) -> None:
    """Write the weights alone, as `load_checkpoint` reads them."""
    save_state({key: value.detach().cpu() for key, value in network.state_dict().items()}, path)


def save_state(state: object, path: Path) -> None:
    """Write anything that `torch.load(weights_only=True)` accepts."""
    with replacing(path, sync=True) as temporary, temporary.open("wb") as file:
        torch.save(state, file)
