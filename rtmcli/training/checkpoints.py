"""Files of a run, each written beside its name and then renamed, so that a kill leaves the old one whole."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import nn

from rtmcli.files import replacing


def save_weights(network: nn.Module, path: Path) -> None:
    """The weights alone, as `load_checkpoint` reads them."""
    save_state({key: value.detach().cpu() for key, value in network.state_dict().items()}, path)


def save_state(state: object, path: Path) -> None:
    """Anything that `torch.load(weights_only=True)` takes."""
    with replacing(path, sync=True) as temporary, temporary.open("wb") as file:
        torch.save(state, file)
