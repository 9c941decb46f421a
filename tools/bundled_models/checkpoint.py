"""A run's state as several files, none larger than its largest part, complete or not there at all."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import torch

from rtmcli.files import replacing

LAST = "progress.pt"  # written after the others: a folder with it is complete


def save_state(folder: Path, step: int, parts: dict[str, Any], progress: dict[str, Any]) -> None:
    """Write `folder/state-STEP/NAME.pt` for each part's state dict, then remove the states before it."""
    target = folder / f"state-{step:07d}"
    target.mkdir(parents=True, exist_ok=True)
    for name, part in parts.items():
        write_atomically(part.state_dict(), target / f"{name}.pt")
    write_atomically(progress, target / LAST)
    for older in folder.glob("state-*"):
        if older.name < target.name:
            shutil.rmtree(older, ignore_errors=True)


def load_state(folder: Path, parts: dict[str, Any]) -> dict[str, Any] | None:
    """Load the newest complete state into `parts`; its progress, or None where there is none."""
    complete = sorted(path.parent for path in folder.glob(f"state-*/{LAST}"))
    if not complete:
        return None
    for name, part in parts.items():
        part.load_state_dict(torch.load(complete[-1] / f"{name}.pt", weights_only=True, map_location="cpu"))
    progress: dict[str, Any] = torch.load(complete[-1] / LAST, weights_only=True)
    return progress


def write_atomically(value: object, path: Path) -> None:
    """Save what `torch.load(weights_only=True)` accepts; an interrupted run leaves the old file intact."""
    with replacing(path, sync=True) as temporary, temporary.open("wb") as file:
        torch.save(value, file)
