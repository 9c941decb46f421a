"""A run's state as several files, none larger than its largest part, complete or not there at all."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import torch

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
    """Save beside `path`, then rename: a kill leaves the old file whole."""
    beside = path.with_suffix(".partial")
    with beside.open("wb") as file:
        torch.save(value, file)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)
