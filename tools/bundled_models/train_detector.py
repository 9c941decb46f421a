"""The training of `rtmdet-nano`: the windows of an epoch, and the imitation of the teacher's outputs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from rtmcli.networks.fold import fold_batchnorm
from rtmcli.networks.rtmdet import RTMDet
from tools.bundled_models.crops import held_out
from tools.bundled_models.detector import SIDES, Window, forward_with_features, imitation_loss, make_windows
from tools.bundled_models.norms import restore_norms
from tools.bundled_models.run import Plan, run, shuffled
from tools.bundled_models.weights_file import read_weights

# How often an epoch has the pictures of each folder
TIMES = {"train": 4.0, "train_sports": 0.5, "train_people": 2.0}
FULL_SIZE_FROM = 0.85  # share of the time after which windows have the network's own size
HINTS_UNTIL = 0.7  # share of the time in which the hints weigh 2; then .5


@dataclass(frozen=True)
class Pictures:
    """A folder's pictures on one device, and which of them are for training."""

    pixels: Tensor  # (N, S, S, 3) uint8 BGR
    sizes: Tensor  # (N, 2) width, height
    trained: Tensor  # indices

    @staticmethod
    def load(cache: Path, name: str, device: str) -> Pictures:
        pixels = torch.from_numpy(np.load(cache / f"{name}.npy", mmap_mode="c" if device == "cpu" else None))
        sizes = torch.from_numpy(np.load(cache / f"{name}_sizes.npy"))
        ids = np.load(cache / f"{name}_ids.npy").tolist()
        trained = [i for i, picture in enumerate(ids) if name != "train" or not held_out(picture)]
        return Pictures(pixels.to(device), sizes.to(device), torch.tensor(trained))

    def windows(self, pick: Tensor, window: Window, random: torch.Generator) -> Tensor:
        chosen = pick.to(self.pixels.device)
        return make_windows(self.pixels[chosen], self.sizes[chosen], window, random)


def window_of(name: str, used: float, side: int = 224) -> Window:
    """Whole pictures at any size first; at the end windows of 320 with people nearer to their size in use."""
    grown = side / 224
    if used < FULL_SIZE_FROM:
        low, high = (0.5, 1.4) if name == "train" else (0.4, 0.9)
        return Window(side=side, scale=(low * grown, high * grown), colour=0.15, joined=0.3)
    return Window(side=320, scale=(0.85, 1.2) if name == "train" else (0.4, 0.9), colour=0.05, joined=0.1)


def start_network(init: Path, unfolded: Path, data: dict[str, Pictures], seed: int) -> RTMDet:
    """The network at the start: weights with norms, or a bundled `.onnx`, whose norms are restored on `data`."""
    model = RTMDet("nano", 1)
    if init.suffix != ".onnx":
        model.load_state_dict(read_weights(init))
        return model
    from rtmcli.networks.from_onnx import load_onnx_weights  # needs the package onnx

    load_onnx_weights(init, model)
    random = torch.Generator().manual_seed(seed)
    indices = data["train"].trained
    picks = indices[torch.randperm(len(indices), generator=random)].split(16)[:16]
    batches = (data["train"].windows(pick, window_of("train", 0.0), random).cpu() for pick in picks)
    restore_norms(model, batches, read_weights(unfolded))
    return model


def train_detector(
    model: RTMDet,
    teacher: RTMDet,
    data: dict[str, Pictures],
    validate: Callable[[nn.Module], dict[str, float]],
    plan: Plan,
    folder: Path,
    sides: Sequence[int] = (224,),
    layout: torch.memory_format = torch.channels_last,
) -> None:
    """Train until the plan's time is used; `teacher` is the official RTMDet-nano.

    Args:
        sides: of the windows, drawn for each batch; larger ones come in smaller batches.
    """
    device = next(iter(data.values())).pixels.device.type
    model = model.to(device, memory_format=layout)
    teacher = fold_batchnorm(teacher).to(device, memory_format=torch.channels_last)
    kind = torch.float32 if device == "cpu" else torch.float16
    teacher = teacher.to(kind)
    order: list[tuple[str, Tensor, int]] = []

    def compute(used: float, random: torch.Generator) -> dict[str, Tensor]:
        if not order:
            batches = []
            for name, pictures in data.items():
                visits = [pictures.trained[shuffled(len(pictures.trained), random)] for _ in range(4)]
                parts = (
                    torch.cat(visits)[: round(TIMES[name] * len(pictures.trained))]
                    .to(device)
                    .split(plan.batch)
                )
                batches += [(name, part) for part in parts[:-1] or parts]  # whole batches only
            drawn = shuffled(len(batches), random).tolist()
            order.extend((*batches[i], sides[i % len(sides)]) for i in drawn)
        name, pick, side = order.pop()
        window = window_of(name, used, side)
        images = data[name].windows(pick[: _fitting(plan.batch, window.side, sides)], window, random)
        with torch.no_grad(), torch.autocast(device, torch.bfloat16, enabled=device == "cpu"):
            wanted = forward_with_features(teacher, images.to(kind))
        with torch.autocast(device, torch.bfloat16):
            found = forward_with_features(model, images.contiguous(memory_format=layout))
        return imitation_loss(found, wanted, 2.0 if used < HINTS_UNTIL else 0.5)

    run(model, None, compute, validate, plan, folder)


def _fitting(batch: int, side: int, sides: Sequence[int]) -> int:
    """Windows of `side` with about as many pixels as a batch of the smallest ones."""
    return max(round(batch * (min(sides) / side) ** 2), 1)


def load_pictures(cache: Path, device: str) -> dict[str, Pictures]:
    return {name: Pictures.load(cache, name, device) for name in SIDES}
