"""The training of `rtmpose-t`: the crops of an epoch, the strength of augmentation, frozen stages."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from rtmcli.networks.fold import fold_batchnorm
from rtmcli.networks.rtmpose import RTMPose
from tools.bundled_models.crops import FOLDERS, Crops, held_out
from tools.bundled_models.norms import restore_norms
from tools.bundled_models.pose_batch import (
    FULL,
    WEAK,
    Batch,
    Strength,
    align_maps,
    make_batch,
    mix_samples,
    teach_batch,
)
from tools.bundled_models.pose_loss import DenseHeads, pose_loss
from tools.bundled_models.run import Plan, run, shuffled
from tools.bundled_models.simcc_head import grow_head
from tools.bundled_models.weights_file import read_weights

# How often an epoch has the people of each folder; the first is what the network will meet
TIMES = {"train": 2.0, "train_sports": 0.5, "train_people": 1.0}
WEAK_FROM = 0.6  # share of the time after which augmentation is weak
HINTS_UNTIL = 0.7  # share of the time in which the hints weigh 1; then .2
TEACHER_OUTPUTS = (
    "heatmaps",
    "relu_143.tmp_0",
)  # TinyPose's maps, and the 40 features that they are read from
FEATURES = 40
HEADS_ALONE = (
    0.03  # share of the time in which the dense heads, which start from nothing, do not move the backbone
)


@dataclass(frozen=True)
class Data:
    """All crops on one device, and which of them each folder has for training."""

    images: Tensor
    points: Tensor
    weights: Tensor
    maps: Tensor
    of: dict[str, Tensor]

    @staticmethod
    def of_crops(crops: Crops, device: str) -> Data:
        trained = (crops.source != 0) | ~np.array([held_out(int(picture)) for picture in crops.pictures])
        of = {
            name: torch.from_numpy(np.flatnonzero(trained & (crops.source == i)))
            for i, name in enumerate(FOLDERS)
        }
        arrays = (crops.images, crops.points, crops.weights, crops.maps)
        return Data(*(torch.from_numpy(np.ascontiguousarray(array)).to(device) for array in arrays), of)

    def batch(
        self, pick: Tensor, strength: Strength, random: torch.Generator, size: tuple[int, int]
    ) -> Batch:
        fields = (part[pick.to(part.device)] for part in (self.images, self.points, self.weights, self.maps))
        return make_batch(*fields, strength, random, size)

    def epoch(self, random: torch.Generator) -> Tensor:
        parts = []
        for name, indices in self.of.items():
            count = round(TIMES[name] * len(indices))
            order = [indices[shuffled(len(indices), random)] for _ in range(2)]
            parts.append(torch.cat(order)[:count])
        together = torch.cat(parts)
        return together[shuffled(len(together), random)]


def start_network(init: Path, unfolded: Path, data: Data, size: tuple[int, int], seed: int) -> RTMPose:
    """The network at the start: weights with norms, or a bundled `.onnx`, whose norms are restored on `data`."""
    model = RTMPose("t", 17, *size)
    if init.suffix != ".onnx":
        model.load_state_dict(grow_head(read_weights(init), *size))
        return model
    from rtmcli.networks.from_onnx import load_onnx_weights  # needs the package onnx

    load_onnx_weights(init, model)
    random = torch.Generator().manual_seed(seed)
    indices = data.of["train"]
    picks = indices[torch.randperm(len(indices), generator=random)].split(32)[:12]
    batches = (data.batch(pick, FULL, random, size).images.cpu() for pick in picks)
    restore_norms(model, batches, read_weights(unfolded))
    return model


def train_pose(
    model: RTMPose,
    data: Data,
    validate: Callable[[nn.Module], dict[str, float]],
    plan: Plan,
    folder: Path,
    *,
    size: tuple[int, int],
    frozen: float,
    teacher: Callable[[Tensor], tuple[Tensor, ...]] | None = None,
    teach_all: bool = True,
    layout: torch.memory_format = torch.channels_last,
) -> None:
    """Train until the plan's time is used. For the share `frozen` of it stem and stage 1 stay as they are.

    They cost more than half of a step; while frozen they run folded and without gradients. A `teacher` (TinyPose with
    `TEACHER_OUTPUTS`) sees every sample, or only the mixed ones unless `teach_all`, which have no stored maps; without
    it the stored maps are the targets, and samples are not mixed.
    """
    device = data.images.device.type
    model = model.to(device, memory_format=layout)
    dense = DenseHeads(model.backbone.channels[2:], 17 + (FEATURES if teacher is not None else 0)).to(device)
    body = model.backbone
    first = nn.Sequential(body.stem, body.stage1)
    folded = fold_batchnorm(first).requires_grad_(False)
    folded = folded.to(torch.bfloat16, memory_format=layout)
    order: list[Tensor] = []

    def compute(used: float, random: torch.Generator) -> dict[str, Tensor]:
        if not order:
            epoch = data.epoch(random).to(device).split(plan.batch)
            order.extend(epoch[:-1] or epoch)
        strength = FULL if used < WEAK_FROM else WEAK
        batch = data.batch(order.pop(), strength, random, size)
        features = taught = None
        if teacher is not None:
            batch = mix_samples(batch, strength.mixed, random)
            taught = slice(None) if teach_all else batch.mixed
            seen = batch.images[taught]
            if len(seen):
                maps, features = (align_maps(part, *size[::-1]) for part in teacher(seen))
                batch = teach_batch(batch, maps.clamp(0, 1), taught)
        images = batch.images.contiguous(memory_format=layout)
        first.requires_grad_(used >= frozen)
        with torch.autocast(device, torch.bfloat16):
            if used < frozen:
                with torch.no_grad():
                    early = folded(images.bfloat16())
            else:
                early = first(images)
            middle = body.stage3(body.stage2(early))  # (N, C, H / 16, W / 16)
            last = body.stage4(middle)  # (N, 2 C, H / 32, W / 32)
            outputs = model.head(last)
            alone = used < HEADS_ALONE
            heats = dense(middle.detach() if alone else middle, last.detach() if alone else last)
        weight = 0.7 if used < 0.4 else 0.35
        hint_weight = 1.0 if used < HINTS_UNTIL else 0.2
        return pose_loss(outputs, heats, batch, weight, features, hint_weight, taught)

    run(model, dense, compute, validate, plan, folder)
