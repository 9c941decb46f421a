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
from tools.bundled_models.pose_batch import FULL, WEAK, Batch, make_batch
from tools.bundled_models.pose_loss import DenseHeads, pose_loss
from tools.bundled_models.run import Plan, run
from tools.bundled_models.simcc_head import grow_head
from tools.bundled_models.weights_file import read_weights

# How often an epoch has the people of each folder; the first is what the network will meet
TIMES = {"train": 2.0, "train_sports": 0.5, "train_people": 1.0}
WEAK_FROM = 0.6  # share of the time after which augmentation is weak
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

    def batch(self, pick: Tensor, strong: bool, random: torch.Generator, size: tuple[int, int]) -> Batch:
        chosen = pick.to(self.images.device)
        fields = (self.images[chosen], self.points[chosen], self.weights[chosen], self.maps[chosen])
        return make_batch(*fields, FULL if strong else WEAK, random, size)

    def epoch(self, random: torch.Generator) -> Tensor:
        parts = []
        for name, indices in self.of.items():
            count = round(TIMES[name] * len(indices))
            order = [indices[torch.randperm(len(indices), generator=random)] for _ in range(2)]
            parts.append(torch.cat(order)[:count])
        together = torch.cat(parts)
        return together[torch.randperm(len(together), generator=random)]


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
    batches = (data.batch(pick, True, random, size).images.cpu() for pick in picks)
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
) -> None:
    """Train until the plan's time is used. For the share `frozen` of it stem and stage 1 stay as they are.

    They cost more than half of a step; while frozen they run folded and without gradients.
    """
    device = data.images.device.type
    model = model.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    dense = DenseHeads(model.backbone.channels[2:]).to(device)
    body = model.backbone
    first = nn.Sequential(body.stem, body.stage1)
    folded = fold_batchnorm(first).requires_grad_(False)
    folded = folded.to(torch.bfloat16, memory_format=torch.channels_last)  # type: ignore[call-overload]
    order: list[Tensor] = []

    def compute(used: float, random: torch.Generator) -> dict[str, Tensor]:
        if not order:
            epoch = data.epoch(random).split(plan.batch)
            order.extend(epoch[:-1] or epoch)
        batch = data.batch(order.pop(), used < WEAK_FROM, random, size)
        first.requires_grad_(used >= frozen)
        with torch.autocast(device, torch.bfloat16):
            if used < frozen:
                with torch.no_grad():
                    early = folded(batch.images.bfloat16())
            else:
                early = first(batch.images)
            middle = body.stage3(body.stage2(early))  # (N, C, H / 16, W / 16)
            last = body.stage4(middle)  # (N, 2 C, H / 32, W / 32)
            outputs = model.head(last)
            alone = used < HEADS_ALONE
            heats = dense(middle.detach() if alone else middle, last.detach() if alone else last)
        return pose_loss(outputs, heats, batch, 0.7 if used < 0.4 else 0.35)

    run(model, dense, compute, validate, plan, folder)
