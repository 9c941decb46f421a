"""The files of a run; a kill leaves the previous file intact."""

from __future__ import annotations

from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
from torch import nn

from rtmcli.errors import DataError
from rtmcli.files import replacing


def save_weights(network: nn.Module, path: Path) -> None:
    """Write the weights alone, as `load_checkpoint` reads them."""
    save_state({key: value.detach().cpu() for key, value in network.state_dict().items()}, path)


def save_state(state: object, path: Path) -> None:
    """Write anything that `torch.load(weights_only=True)` accepts."""
    with replacing(path, sync=True) as temporary, temporary.open("wb") as file:
        torch.save(state, file)


def load_state(path: Path, device: torch.device) -> Any:
    """What `save_state` wrote. Raises DataError where the file is damaged."""
    try:
        return torch.load(path, map_location=device, weights_only=True)
    except (OSError, EOFError, RuntimeError, UnpicklingError) as error:
        reason = str(error).split(". ")[0].splitlines()[0] if str(error) else type(error).__name__
        raise DataError(f"{path} cannot be read ({reason}); remove it to begin this training again") from None
