"""The batches of an epoch, shared by processes and workers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset

from rtmcli.terminal.messages import say
from rtmcli.training.data.dataset import epoch_order
from rtmcli.training.tasks.base import Batch, Task


def step_batches(
    task: Task,
    epoch: int,
    steps: range,
    *,
    rank: int = 0,
    world: int = 1,
    workers: int = 0,
    device: torch.device,
) -> Iterator[list[Batch]]:
    """The micro-batches of one process for each of `steps`.

    The order of an epoch depends on the seed and the epoch alone, and every sample has its own generator: it does
    not matter which process or worker loads it.
    """
    recipe = task.recipe
    ratios = [data.ratio for data in task.sets]
    order = epoch_order(task.sizes(), ratios, seed=recipe.run.seed, epoch=epoch)
    own, parts = recipe.optimiser.batch // world, recipe.run.accumulate
    micro = own // parts
    places = []
    for step in steps:
        start = step * recipe.optimiser.batch + rank * own
        places += [list(range(start + p * micro, start + (p + 1) * micro)) for p in range(parts)]
    loader = DataLoader(
        _Samples(task, order, recipe.run.seed, epoch),
        batch_sampler=places,
        collate_fn=task.collate,
        num_workers=workers,
        worker_init_fn=_one_thread,
        pin_memory=device.type == "cuda",
        # Torch draws the workers' seeds from this generator instead of the one that the network uses.
        generator=torch.Generator().manual_seed(recipe.run.seed),
    )
    source = iter(loader)
    for _ in steps:
        yield [next(source) for _ in range(parts)]


def usable_workers(wanted: int) -> int:
    """`wanted`, or 0 where processes cannot share memory: some containers have no /dev/shm."""
    if wanted == 0:
        return 0
    try:
        torch.multiprocessing.get_context().Lock()
        torch.zeros(1).share_memory_()
    except (OSError, RuntimeError) as error:
        say(f"samples are drawn in this process, without --workers: no shared memory ({error})", "rtm train")
        return 0
    return wanted


class _Samples(Dataset):
    """The samples of an epoch by position, each with its own generator."""

    def __init__(self, task: Task, order: list[tuple[int, int]], seed: int, epoch: int) -> None:
        self.task, self.order, self.seed, self.epoch = task, order, seed, epoch

    def __len__(self) -> int:
        return len(self.order)

    def __getitem__(self, place: int) -> dict[str, Any]:
        random = np.random.default_rng((self.seed, self.epoch, place, 2))
        return self.task.draw(*self.order[place], self.epoch, random)


def _one_thread(worker: int) -> None:
    torch.set_num_threads(1)
