"""The pose network's losses: SimCC beside dense heads that are thrown away afterwards.

A SimCC head over random features learns very slowly; a heat map a keypoint, read off stages 3 and 4 by one 1 x 1
convolution each, makes the backbone learn many times faster (docs/training-diary.md has the trial). All targets mix
the label's Gaussian with the teacher's map, which also has the other likely places.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rtmcli.skeletons import load_skeleton
from tools.bundled_models.crops import ASPECT, PADDING, constant
from tools.bundled_models.detector import hint
from tools.bundled_models.pose_batch import CELL, Batch

SIGMA = 0.354  # SimCC bins for the root of one pixel: RTMPose's 4.9 and 5.66 at 192 x 256
BETA = 10.0  # RTMPose's KL loss
TEACHER_BY_LABEL = 0.3  # the teacher's share of a SimCC target where a hand labelled the point
SPREAD = tuple((2 * load_skeleton("coco17").sigmas).tolist())  # of the OKS


class DenseHeads(nn.Module):
    """Maps of a quarter of the input's size from stage 3 and from stage 4, by 1 x 1 convolution and pixel shuffle.

    The first 17 are a heat map a keypoint; further ones imitate a teacher's features.
    """

    def __init__(self, channels: tuple[int, int], maps: int = 17) -> None:
        super().__init__()
        self.middle = nn.Conv2d(channels[0], maps * 16, 1)
        self.last = nn.Conv2d(channels[1], maps * 64, 1)

    def forward(self, stage3: Tensor, stage4: Tensor) -> tuple[Tensor, Tensor]:
        middle = F.pixel_shuffle(self.middle(stage3), 4)  # (N, maps, H / 4, W / 4)
        last = F.pixel_shuffle(self.last(stage4), 8)  # (N, maps, H / 4, W / 4)
        return middle, last


def pose_loss(
    outputs: tuple[Tensor, Tensor],
    dense: tuple[Tensor, Tensor],
    batch: Batch,
    dense_weight: float,
    features: Tensor | None = None,
    hint_weight: float = 0.0,
    taught: Tensor | slice | None = None,
) -> dict[str, Tensor]:
    """The terms of the loss, already weighted: `simcc`, `score`, `dense`, and `hint` where `features` are given.

    Args:
        dense: of `DenseHeads`, (N, 17 + C, H / 4, W / 4).
        features: (M, C, H / 4, W / 4) a teacher's, of the samples `taught` (default: all).
    """
    target, known = _dense_target(batch)
    count = target.shape[1]
    losses = [
        (-(target * heat[:, :count].float().flatten(2).log_softmax(-1)).sum(-1) * known).sum()
        / known.sum().clamp(min=1)
        for heat in dense
    ]
    terms = {
        "simcc": _simcc_loss(outputs, batch),
        "score": 0.5 * _score_loss(outputs, batch),
        "dense": dense_weight * (0.5 * losses[0] + losses[1]),
    }
    if features is not None:
        chosen = slice(None) if taught is None else taught
        hints = torch.stack([hint(heat[chosen, count:].float(), features) for heat in dense])
        terms["hint"] = hint_weight * hints.mean()
    return terms


def _simcc_loss(outputs: tuple[Tensor, Tensor], batch: Batch) -> Tensor:
    """RTMPose's KL divergence, weighted mean of both axes; the target is part label and part teacher.

    The label is RTMPose's: a Gaussian at the point. The teacher's is its map's highest value in each column (row),
    to the power 4, which halves the width of its Gaussians, as a probability: it also has the other likely places.
    """
    confident = batch.maps.amax((2, 3)) > 0.1
    share = torch.where(confident, torch.where(batch.labelled, TEACHER_BY_LABEL, 0.5), 0.0)
    share = torch.where(batch.mixed[:, None], 1.0, share)[..., None]
    total = torch.zeros((), device=batch.points.device)
    for logits, axis in zip(outputs, (0, 1), strict=True):
        count = logits.shape[-1]
        bins = torch.arange(count, device=logits.device)
        sigma = SIGMA * (count / 2) ** 0.5
        label = torch.exp(-((bins - 2 * batch.points[..., axis, None]) ** 2) / (2 * sigma**2))  # (N, K, bins)
        label = (label * BETA).softmax(-1)
        line = F.interpolate(batch.maps.amax(2 + axis), size=count, mode="linear")  # (N, K, bins)
        line = line.square().square()
        line = line / line.sum(-1, keepdim=True).clamp(min=1e-6)
        target = label * (1 - share) + line * share
        divergence = F.kl_div((logits.float() * BETA).log_softmax(-1), target, reduction="none").sum(-1)
        total = total + (divergence * batch.weights).sum() / batch.weights.sum().clamp(min=1) / 2
    return total


def _score_loss(outputs: tuple[Tensor, Tensor], batch: Batch) -> Tensor:
    """Make a keypoint's score (the smaller row maximum) tell how near the prediction is to the label.

    The KL term does not see a constant added to a row, so a row's maximum would else be arbitrary; the score
    target is the keypoint's own OKS, and 0 where neither a label nor the teacher sees the keypoint.
    """
    x, y = (logits.float().max(-1) for logits in outputs)
    place = torch.stack([x.indices, y.indices], -1) / 2
    # usual for a person who fills the crop
    area = 0.53 * 0.6 / ASPECT * (batch.images.shape[-1] / PADDING / batch.zoom) ** 2
    error = (place - batch.points).square().sum(-1)
    quality = torch.exp(-error / (2 * area[:, None] * constant(SPREAD, area.device) ** 2))
    absent = (batch.weights == 0) & (batch.maps.amax((2, 3)) < 0.1) & ~batch.mixed[:, None]
    seen = batch.labelled | absent
    quality = torch.where(absent, 0.0, quality)
    score = torch.minimum(x.values, y.values)
    return (F.smooth_l1_loss(score, quality, reduction="none", beta=0.2) * seen).sum() / seen.sum().clamp(
        min=1
    )


def _dense_target(batch: Batch) -> tuple[Tensor, Tensor]:
    """Probabilities over the cells (N, K, cells), and which keypoints have any (N, K).

    60 % label and 40 % teacher where a hand labelled, 30/70 where the teacher gave the point, the teacher alone
    elsewhere if its peak is above 0.1.
    """
    device = batch.points.device
    height, width = batch.maps.shape[2:]
    x = torch.arange(width, device=device) * CELL + (CELL - 1) / 2
    y = torch.arange(height, device=device) * CELL + (CELL - 1) / 2
    gx = torch.exp(-((x - batch.points[..., 0, None]) ** 2) / (2 * CELL**2))  # (N, K, w), one cell wide
    gy = torch.exp(-((y - batch.points[..., 1, None]) ** 2) / (2 * CELL**2))  # (N, K, h)
    label = (gy[..., :, None] * gx[..., None, :]).flatten(2)
    label = label / label.sum(-1, keepdim=True).clamp(min=1e-6)
    peak = batch.maps.amax((2, 3))
    # the square narrows the teacher's broad Gaussians and clears its floor
    teacher = batch.maps.flatten(2).square()
    teacher = teacher / teacher.sum(-1, keepdim=True).clamp(min=1e-6)
    confident = peak > 0.1
    share = torch.where(batch.labelled, 0.6, torch.where(batch.weights > 0, 0.3, 0.0))
    share = torch.where(confident, share, (batch.weights > 0).float())
    share = torch.where(batch.mixed[:, None], 0.0, share)[..., None]
    known = torch.maximum(batch.weights, torch.where(confident, peak, 0.0))
    return share * label + (1 - share) * teacher, known
