"""Augmented samples with their targets in one image, for `rtm train --show-batch`."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from rtmcli.errors import UsageError
from rtmcli.opencv import cv2
from rtmcli.training.data.dataset import epoch_order
from rtmcli.training.tasks.base import Task

SAMPLES = 16
COLUMNS = 8


def draw_batch(task: Task, file: Path) -> None:
    """Write the first samples of the first epoch, side by side. Raises UsageError where the file cannot be written."""
    seed = task.recipe.run.seed
    order = epoch_order(task.sizes(), [data.ratio for data in task.sets], seed=seed, epoch=0)
    tiles = []
    for place, (number, index) in enumerate(order[:SAMPLES]):
        random = np.random.default_rng((seed, 0, place, 2))
        tiles.append(task.preview(task.draw(number, index, 0, random)))
    columns = min(COLUMNS, len(tiles))
    while len(tiles) % columns:
        tiles.append(np.zeros_like(tiles[0]))
    rows = [np.concatenate(tiles[i : i + columns], axis=1) for i in range(0, len(tiles), columns)]
    if not cv2.imwrite(str(file), np.concatenate(rows)):
        raise UsageError(f"{file} cannot be written as an image; end its name with .png or .jpg")
