"""What a family trains on: how a sample is drawn, how a batch is made of samples, and what it costs.

The loop (`training.trainer`) knows nothing of crops or scenes: it asks a task for samples, batches and losses. Every
sample is drawn from its own generator, seeded by seed, epoch and place in the epoch, so that it does not matter
which worker or process draws it, nor whether the run was interrupted before.
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
    """What one step learns from.

    images: (N, H, W, 3) uint8 BGR. targets: tensors, or lists of tensors a image, as the task's loss takes them.
    names: where each sample came from, for messages.
    """

    images: Tensor
    targets: dict[str, Any]
    names: list[str]

    def to(self, device: torch.device) -> Batch:
        return Batch(_moved(self.images, device), _moved(self.targets, device), self.names)


class Task(Protocol):
    """A family's side of the training."""

    recipe: Recipe
    sets: list[DataSet]
    # losses of crops are sums over the batch (the reference's KL), those of scenes are means over it
    sums_samples: bool

    def sizes(self) -> list[int]:
        """Samples of each set."""

    def draw(self, number: int, index: int, epoch: int, random: np.random.Generator) -> dict[str, Any]:
        """One augmented sample of set `number`: arrays, with its `name`."""

    def collate(self, samples: list[dict[str, Any]]) -> Batch:
        """A batch of samples."""

    def loss(
        self, network: nn.Module, batch: Batch, epoch: int, step: int, share: Share
    ) -> tuple[Tensor, Terms]:
        """The loss of a batch on the network's device in step `step` of the run, and its terms for the log."""

    def evaluate(self, network: nn.Module, data: DataSet, device: torch.device) -> dict[str, float]:
        """The figures of `rtm eval` on a set: true boxes for crops, whole images for scenes."""

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
