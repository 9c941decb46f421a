"""What the trainer asks of a task: samples, batches, losses and a validation.

Every sample has its own generator, seeded by seed, epoch and position in the epoch, so it does not matter which worker
or process draws it, nor whether the run was interrupted before.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from rtmcli.training.data.dataset import DataSet
from rtmcli.training.recipe import Recipe

Share = Callable[[Tensor], Tensor]
Terms = dict[str, Tensor]


@dataclass
class Batch:
    """The input of one step.

    images: (N, H, W, 3) uint8 BGR. targets: tensors, or lists with one entry per image, as the task's loss takes them.
    names: the source of each sample, for messages.
    """

    images: Tensor
    targets: dict[str, Any]
    names: list[str]

    def to(self, device: torch.device) -> Batch:
        return Batch(_moved(self.images, device), _moved(self.targets, device), self.names)


class Task(Protocol):
    """Samples, batches, loss and validation of a family of networks."""

    recipe: Recipe
    sets: list[DataSet]
    # Whether the loss is a sum over the batch (crops, as in mmpose's KLDiscretLoss) and not a mean (scenes).
    sums_samples: bool

    def sizes(self) -> list[int]:
        """The number of samples of each set."""

    def draw(self, number: int, index: int, epoch: int, random: np.random.Generator) -> dict[str, Any]:
        """One augmented sample of set `number`: arrays, with its `name`."""

    def collate(self, samples: list[dict[str, Any]]) -> Batch:
        """A batch of samples."""

    def loss(
        self, network: nn.Module, batch: Batch, epoch: int, step: int, share: Share
    ) -> tuple[Tensor, Terms]:
        """The loss of a batch on the network's device in step `step` of the run, and its terms for the log."""

    def evaluate(self, network: nn.Module, data: DataSet, device: torch.device) -> dict[str, float]:
        """The figures of `rtm eval` on a set: in the labelled boxes for crops, on whole images for scenes."""

    def preview(self, sample: dict[str, Any]) -> np.ndarray:
        """A sample with its targets drawn, for `--show-batch`."""


def _moved(value: Any, device: torch.device) -> Any:
    if isinstance(value, Tensor):
        return value.to(device, non_blocking=True)
    if isinstance(value, dict):
        return {key: _moved(one, device) for key, one in value.items()}
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return type(value)(*(_moved(one, device) for one in value))
    if isinstance(value, list):
        return [_moved(one, device) for one in value]
    return value
