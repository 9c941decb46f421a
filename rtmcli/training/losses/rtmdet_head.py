"""The loss of RTMDet's head (arXiv 2212.07784, section 3.3): quality focal and GIoU over soft labels."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from rtmcli.networks.rtmdet import STRIDES, cells, decode_boxes
from rtmcli.training.losses.assigners import dynamic_soft_label
from rtmcli.training.losses.dense import full_precision, giou_loss, quality_focal, score_weights


class Objects(NamedTuple):
    """The labels of one image: boxes (G, 4) in input pixels and classes (G,).

    ignored: (H, W) bool, pixels whose background cells have no loss (crowds); None for no such pixels.
    """

    boxes: Tensor
    labels: Tensor
    ignored: Tensor | None = None


class RTMDetLoss(NamedTuple):
    """The terms of each level, finest first; the total is their sum."""

    cls: list[Tensor]
    bbox: list[Tensor]

    @property
    def total(self) -> Tensor:
        return torch.stack([*self.cls, *self.bbox]).sum()


def rtmdet_loss(
    scores: Sequence[Tensor],
    distances: Sequence[Tensor],
    objects: Sequence[Objects],
    *,
    bbox_weight: float = 2.0,
    share: Callable[[Tensor], Tensor] = lambda count: count,
) -> RTMDetLoss:
    """The loss of a batch.

    Args:
        scores, distances: what `RTMDet.forward` returns: (N, C, h, w) logits and (N, 4, h, w) distances of each level.
        objects: the labels of each image.
        bbox_weight: weight of the GIoU term; that of the classification is 1.
        share: averages a value over the processes of a distributed run. All terms are divided by the shared sum
            of the positives' IoU, so that averaged gradients are those of the whole batch.
    """
    scores, distances = [full_precision(m) for m in scores], [full_precision(m) for m in distances]
    priors = torch.cat([cells(m.shape[2:], s, m) for m, s in zip(scores, STRIDES, strict=True)])  # (A, 2)
    counts = [m.shape[2] * m.shape[3] for m in scores]
    strides = torch.cat(
        [m.new_full((count,), s) for m, count, s in zip(scores, counts, STRIDES, strict=True)]
    )  # (A,)
    logits = torch.cat([m.flatten(2).transpose(1, 2) for m in scores], dim=1)  # (N, A, C)
    boxes = decode_boxes(distances)  # (N, A, 4)
    classes = logits.shape[2]

    labels, weights, targets, quality = [], [], [], []
    for i, one in enumerate(objects):
        matched, overlap = dynamic_soft_label(
            priors, strides, boxes[i].detach(), logits[i].detach(), gt_boxes=one.boxes, gt_labels=one.labels
        )
        positive = matched >= 0
        index = matched.clamp(min=0)
        if len(one.boxes):
            labels.append(torch.where(positive, one.labels[index], classes))
            targets.append(one.boxes[index])
        else:
            labels.append(torch.full_like(matched, classes))
            targets.append(boxes.new_zeros(len(priors), 4))
        quality.append(overlap)
        weights.append(score_weights(one.ignored, positive, priors))
    label, target = torch.stack(labels), torch.stack(targets)  # (N, A), (N, A, 4)
    iou, weight = torch.stack(quality), torch.stack(weights)  # (N, A) each
    divisor = share(iou.sum()).clamp(min=1)

    levels = [
        slice(start, start + count)
        for start, count in zip(torch.tensor([0, *counts[:-1]]).cumsum(0).tolist(), counts, strict=True)
    ]
    loss = RTMDetLoss([], [])
    for level in levels:
        counted = weight[:, level] > 0
        focal = quality_focal(logits[:, level][counted], label[:, level][counted], iou[:, level][counted])
        loss.cls.append(focal / divisor)
        positive = label[:, level] < classes
        pairs = boxes[:, level][positive], target[:, level][positive]
        loss.bbox.append(bbox_weight * giou_loss(*pairs, iou[:, level][positive]) / divisor)
    return loss
