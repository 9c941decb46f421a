"""The training loop, the same in one process and under `torchrun`.

    for epoch: for batch: loss -> gradients -> clip -> AdamW -> schedule -> moving average; then validation

A run that was killed resumes with the same results, bit for bit on a CPU: the order of an epoch depends on the seed
and the epoch, every sample has its own generator (`tasks.base`), and a checkpoint holds everything else, torch's
generator included.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from rtmcli.errors import DataError
from rtmcli.files import write_atomically
from rtmcli.training.checkpoints import load_state, save_state, save_weights
from rtmcli.training.data.dataset import DataSet, epoch_order
from rtmcli.training.distillation import without_teacher
from rtmcli.training.initialization import freeze_norms
from rtmcli.training.interrupts import deferred_interrupts
from rtmcli.training.loader import step_batches
from rtmcli.training.log import StepMeter
from rtmcli.training.not_finite import NotFinite, not_finite
from rtmcli.training.optim.adamw import make_optimiser
from rtmcli.training.optim.ema import Ema, exp_momentum
from rtmcli.training.optim.schedules import Schedule, recipe_phases
from rtmcli.training.recipe import Recipe
from rtmcli.training.recipe_file import to_toml
from rtmcli.training.tasks.base import Batch, Task

PRECISIONS = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}


@dataclass
class Training:
    """A training run: `Training(...).run()`.

    Args:
        task: samples, batches and losses. network: trained in place, on `device`.
        folder: takes recipe.toml, last.pt (to resume from) and best.pt (of the best validation).
        held_out: the validation set; None for no validation.
        report: called with the values of each log line.
        workers: processes that load samples; 0 loads them in this one.
        every: steps between log lines.
        tick: called with the number of samples after each step.
        save_every: minutes between checkpoints within an epoch; another is written at the end of each epoch.
        norms: False keeps the statistics of all batch norms, for comparisons between numbers of processes and for
            overfitting few images.

    Example:
        from pathlib import Path

        import rtmcli

        recipe = rtmcli.override_recipe(rtmcli.load_recipe("rtmpose-t"), ["batch=1", "epochs=1"])
        coco17 = rtmcli.load_skeleton("coco17")
        people = rtmcli.load_set(Path("labels.json"), Path("images"), skeleton=coco17)
        network = rtmcli.make_network(recipe)
        rtmcli.Training(rtmcli.make_task(recipe, [people]), network, Path("run"), report=print).run()
    """

    task: Task
    network: nn.Module
    folder: Path
    held_out: DataSet | None = None
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    report: Callable[[dict[str, Any]], None] = lambda line: None
    tick: Callable[[int], None] = lambda samples: None
    workers: int = 0
    every: int = 50
    save_every: float = 10.0
    norms: bool = True

    def __post_init__(self) -> None:
        self.recipe: Recipe = self.task.recipe
        self.rank, self.world = (dist.get_rank(), dist.get_world_size()) if dist.is_initialized() else (0, 1)
        run, numbers = self.recipe.run, self.recipe.optimiser
        if numbers.batch % (self.world * run.accumulate):
            raise DataError(
                f"batch {numbers.batch} cannot be divided among {self.world} processes with accumulate "
                f"{run.accumulate}; choose a multiple of {self.world * run.accumulate} with --set batch=..."
            )
        ratios = [data.ratio for data in self.task.sets]
        samples = len(epoch_order(self.task.sizes(), ratios, seed=run.seed, epoch=0))
        # Steps of an epoch; the last, smaller batch is left out.
        self.steps = samples // numbers.batch
        if not self.steps:
            raise DataError(
                f"an epoch has {samples} samples, less than one batch of {numbers.batch}; choose a smaller one with "
                "--set batch=..."
            )
        self.network.to(self.device, memory_format=torch.channels_last)  # type: ignore[call-overload]  # untyped
        slower = {"neck.encoder": numbers.slow_encoder} if numbers.slow_encoder != 1 else {}
        self.optimiser = make_optimiser(
            self.network, lr=self.recipe.rate, weight_decay=numbers.weight_decay, slower=slower
        )
        self.schedule = Schedule(self.optimiser, recipe_phases(self.recipe, self.steps))
        self.average = (
            Ema(self.network, momentum=lambda update: exp_momentum(update, floor=numbers.average))
            if numbers.average
            else None
        )
        self.scaler = torch.amp.GradScaler(self.device.type, enabled=run.precision == "float16")
        self.wrapped: nn.Module = self.network
        if self.world > 1:
            self.wrapped = DistributedDataParallel(self.network, broadcast_buffers=self.norms)
        # The step within the epoch.
        self.epoch = self.step = 0
        self.best = -1.0
        self._stopping: Callable[[], bool] = lambda: False

    # --- the loop ---

    def run(self) -> dict[str, float]:
        """Train to the end of the recipe and return the last validation's figures.

        Ctrl-C finishes the current step, saves, and raises KeyboardInterrupt; a second one raises it at once.

        Raises:
            NotFinite: the loss or a gradient is not finite; the last checkpoint is kept.
            DataError: last.pt is damaged or belongs to another training.
        """
        torch.manual_seed(self.recipe.run.seed + self.rank)
        self.resume()
        if self.rank == 0:
            self.folder.mkdir(parents=True, exist_ok=True)
            write_atomically(self.folder / "recipe.toml", to_toml(self.recipe).encode())
        figures: dict[str, float] = {}
        with deferred_interrupts() as self._stopping:
            while self.epoch < self.recipe.stages.epochs:
                self._epoch()
                self.epoch, self.step = self.epoch + 1, 0
                last = self.epoch == self.recipe.stages.epochs
                if self.held_out is not None and (last or self.epoch % self.recipe.run.validate == 0):
                    figures = self.validate()
                self.save()
        return figures

    def _epoch(self) -> None:
        meter, saved = StepMeter(self.recipe.optimiser.batch), time.monotonic()
        self.wrapped.train()
        freeze_norms(self.wrapped, every=not self.norms)
        for parts in meter.timed(self.batches()):
            meter.add(self.learn(parts))
            self.update()
            self.step += 1
            self.tick(self.recipe.optimiser.batch)
            if meter.steps == self.every or self.step == self.steps:
                self._note(meter.take())
            if self._stopping():
                self.save()
                raise KeyboardInterrupt
            if time.monotonic() - saved > 60 * self.save_every:
                self.save()
                saved = time.monotonic()

    def learn(self, parts: list[Batch]) -> dict[str, float]:
        """Compute the clipped gradients of one step from the micro-batches; returns the mean terms of the loss."""
        recipe = self.recipe
        # The loss of crops is a sum over samples, and DistributedDataParallel averages it over processes: multiply it
        # again. Losses of scenes are means, which a step over several parts averages.
        factor = self.world if self.task.sums_samples else 1 / len(parts)
        totals: dict[str, float] = {}
        for number, batch in enumerate(parts):
            part = batch.to(self.device)
            synchronization: contextlib.AbstractContextManager[Any] = contextlib.nullcontext()
            if number + 1 < len(parts) and isinstance(self.wrapped, DistributedDataParallel):
                synchronization = self.wrapped.no_sync()
            with synchronization:
                with torch.autocast(
                    self.device.type,
                    PRECISIONS[recipe.run.precision],
                    enabled=recipe.run.precision != "float32",
                ):
                    loss, terms = self.task.loss(
                        self.wrapped, part, self.epoch, self._global_step(), self._share
                    )
                if not torch.isfinite(loss):
                    raise self._not_finite(batch, {**terms, "loss": loss})
                self.scaler.scale(loss * factor).backward()
            for name, value in {"loss": loss, **terms}.items():
                totals[name] = totals.get(name, 0.0) + float(value.detach()) / len(parts)
        self.scaler.unscale_(self.optimiser)
        weights = [w for group in self.optimiser.param_groups for w in group["params"]]
        norm = nn.utils.clip_grad_norm_(weights, recipe.optimiser.clip or float("inf"))
        # The scaler of float16 skips steps whose gradients are not finite.
        if not torch.isfinite(norm) and recipe.run.precision != "float16":
            raise self._not_finite(parts[-1], {"gradient": norm})
        return {**totals, "gradient": float(norm)}

    def update(self) -> None:
        """Apply the gradients, set the next learning rate, and update the moving average."""
        self.scaler.step(self.optimiser)
        self.scaler.update()
        self.optimiser.zero_grad(set_to_none=True)
        self.schedule.step()
        if self.average is not None:
            self.average.update(self.network)

    def batches(self) -> Iterator[list[Batch]]:
        """The micro-batches of this process for each remaining step of the epoch."""
        return step_batches(
            self.task,
            self.epoch,
            range(self.step, self.steps),
            rank=self.rank,
            world=self.world,
            workers=self.workers,
            device=self.device,
        )

    # --- validation and checkpoints ---

    @property
    def trained(self) -> nn.Module:
        """The network to validate and save: the moving average if there is one; the student of a distillation."""
        return without_teacher(self.average.model if self.average is not None else self.network)

    def validate(self) -> dict[str, float]:
        """The figures of `rtm eval` on the held-out set; best.pt takes the weights with the highest AP."""
        assert self.held_out is not None
        network = self.trained.eval()
        figures = self.task.evaluate(network, self.held_out, self.device) if self.rank == 0 else {}
        if self.rank == 0:
            self._note(figures)
            if figures.get("AP", 0.0) > self.best:
                self.best = figures["AP"]
                save_weights(network, self.folder / "best.pt")
        if self.world > 1:
            dist.barrier()
        return figures

    def save(self) -> None:
        """Write last.pt, which `resume` reads."""
        if self.rank:
            return
        state = {
            "network": self.network.state_dict(),
            "average": self.average.state_dict() if self.average is not None else {},
            "optimiser": self.optimiser.state_dict(),
            "schedule": self.schedule.state_dict(),
            "scaler": self.scaler.state_dict(),
            "random": torch.get_rng_state(),
            "place": {"epoch": self.epoch, "step": self.step, "best": self.best},
        }
        self.folder.mkdir(parents=True, exist_ok=True)
        save_state(state, self.folder / "last.pt")

    def resume(self) -> bool:
        """Restore the state of last.pt if there is one. Raises DataError where it is damaged or of another training."""
        file = self.folder / "last.pt"
        if not file.exists():
            return False
        state = load_state(file, self.device)
        try:
            self.network.load_state_dict(state["network"])
            if self.average is not None:
                self.average.load_state_dict(state["average"])
            self.optimiser.load_state_dict(state["optimiser"])
        except (RuntimeError, ValueError, KeyError) as error:
            raise DataError(
                f"{file} belongs to another training ({str(error).splitlines()[0]}); choose another folder with --out"
            ) from None
        self.schedule.load_state_dict(state["schedule"])
        self.scaler.load_state_dict(state["scaler"])
        torch.set_rng_state(state["random"].cpu())
        self.epoch, self.step, self.best = (state["place"][key] for key in ("epoch", "step", "best"))
        return True

    # --- helpers ---

    def _global_step(self) -> int:
        return self.epoch * self.steps + self.step

    def _share(self, value: Tensor) -> Tensor:
        """The mean of a value over the processes, so that normalisers are those of the whole batch."""
        if self.world == 1:
            return value
        value = value.detach().clone()
        dist.all_reduce(value)
        return value / self.world

    def _note(self, figures: dict[str, float]) -> None:
        if self.rank == 0:
            rate = self.optimiser.param_groups[0]["lr"]
            place = {"epoch": self.epoch, "step": self._global_step(), "lr": rate}
            self.report(place | figures)

    def _not_finite(self, batch: Batch, terms: dict[str, Tensor]) -> NotFinite:
        return not_finite(f"epoch {self.epoch}, step {self.step}", batch.names, terms)
