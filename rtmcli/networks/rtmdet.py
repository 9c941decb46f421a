"""RTMDet: an image to boxes (arXiv 2212.07784)."""

import itertools
import math
from collections.abc import Sequence
from functools import partial

import torch
from torch import Tensor, nn

from rtmcli.networks.cspnext import SIZES, CSPNeXt, CSPNeXtBlock, full_size
from rtmcli.networks.layers import conv_class
from rtmcli.networks.pafpn import PAFPN

STRIDES = (8, 16, 32)
EXP_SIZES = ("m", "l", "x")  # sizes whose distances go through exp (`exp_on_reg` of their configurations)

Detections = tuple[Tensor, Tensor, Tensor]


class RTMDetHead(nn.Module):
    """Two towers a level: maps (N, F, h, w) -> class logits (N, C, h, w) and distances (N, 4, h, w)."""

    def __init__(
        self, channels: int, classes: int, *, exp: bool, share_convs: bool = True, depthwise: bool = False
    ) -> None:
        super().__init__()
        self.exp = exp
        conv = conv_class(depthwise)

        def towers() -> nn.ModuleList:
            return nn.ModuleList(
                nn.Sequential(conv(channels, channels, 3), conv(channels, channels, 3)) for _ in STRIDES
            )

        self.cls_convs = towers()
        self.reg_convs = towers()
        self.rtm_cls = nn.ModuleList(nn.Conv2d(channels, classes, 1) for _ in STRIDES)
        self.rtm_reg = nn.ModuleList(nn.Conv2d(channels, 4, 1) for _ in STRIDES)
        if share_convs:
            # The levels share their convolutions but not their norms; in nano nothing is shared.
            # torch types the members of a ModuleList as Tensor | Module.
            for tower in (self.cls_convs, self.reg_convs):
                for level, place in itertools.product((1, 2), (0, 1)):
                    tower[level][place].conv = tower[0][place].conv  # type: ignore[index]
        self.start()

    def start(self) -> None:
        """Initial weights: convolutions normal with std 0.01, class bias at a score of 0.01."""
        for part in self.modules():
            if isinstance(part, nn.Conv2d):
                nn.init.normal_(part.weight, std=0.01)
                if part.bias is not None:
                    nn.init.zeros_(part.bias)
        for conv in self.rtm_cls:
            nn.init.constant_(conv.bias, -math.log(99))  # type: ignore[arg-type]  # built with a bias

    def forward(self, features: Sequence[Tensor]) -> tuple[list[Tensor], list[Tensor]]:
        scores, distances = [], []
        for level, (x, stride) in enumerate(zip(features, STRIDES, strict=True)):
            scores.append(self.rtm_cls[level](self.cls_convs[level](x)))  # (N, C, h, w)
            distance = self.rtm_reg[level](self.reg_convs[level](x))  # (N, 4, h, w)
            # Without exp a distance may be negative; nothing clips it here.
            distances.append((distance.exp() if self.exp else distance) * stride)
        return scores, distances


class RTMDet(nn.Module):
    """RTMDet of any size.

    Args:
        size: `nano`, `tiny`, `s`, `m`, `l` or `x`.
        classes: number of classes C.

    `forward` takes images (N, 3, H, W), H and W multiples of 32, BGR, (x - mean) / std with mean
    (103.53, 116.28, 123.675) and std (57.375, 57.12, 58.395), padded with 114 right and below before that.
    It returns `(scores, distances)`: for strides 8, 16, 32 class logits (N, C, H/s, W/s) and the distances
    left, top, right, bottom (N, 4, H/s, W/s) in input pixels. `decode` makes boxes of them.
    """

    def __init__(self, size: str, classes: int = 1) -> None:
        super().__init__()
        size = full_size(size)
        nano = size == "nano"
        depth, _ = SIZES[size]
        self.backbone = CSPNeXt(size)
        channels = self.backbone.channels[1:]
        width = channels[0]  # F
        self.neck = PAFPN(
            channels,
            count=max(round(3 * depth), 1),
            block=partial(CSPNeXtBlock, identity=False, depthwise=nano),
            depthwise=nano,
            out_convs=lambda c: conv_class(nano)(c, width, 3),
        )
        self.bbox_head = RTMDetHead(
            width, classes, exp=size in EXP_SIZES, share_convs=not nano, depthwise=nano
        )

    def forward(self, images: Tensor) -> tuple[list[Tensor], list[Tensor]]:
        return self.bbox_head(self.neck(self.backbone(images)[1:]))


def cells(shape: Sequence[int], stride: int, like: Tensor) -> Tensor:
    """The upper left corners of a level's cells, row-major: (h w, 2) as x, y; the offset is 0."""
    h, w = shape
    y, x = torch.meshgrid(
        torch.arange(h, device=like.device, dtype=like.dtype) * stride,
        torch.arange(w, device=like.device, dtype=like.dtype) * stride,
        indexing="ij",
    )
    return torch.stack([x, y], dim=-1).reshape(-1, 2)  # (h w, 2)


def decode_boxes(distances: Sequence[Tensor]) -> Tensor:
    """Boxes of all cells, finest level first, row-major, not clamped: maps (N, 4, h, w) -> (N, cells, 4)."""
    boxes = []
    for distance, stride in zip(distances, STRIDES, strict=True):
        flat = distance.flatten(2).transpose(1, 2)  # (N, h w, 4)
        grid = cells(distance.shape[2:], stride, distance)  # (h w, 2)
        boxes.append(torch.cat([grid - flat[..., :2], grid + flat[..., 2:]], dim=-1))  # (N, h w, 4)
    return torch.cat(boxes, dim=1)  # (N, cells, 4)


def decode(
    scores: Sequence[Tensor],
    distances: Sequence[Tensor],
    *,
    score: float,
    iou: float,
    before: int,
    keep: int,
    size: tuple[int, int] | None,
) -> list[Detections]:
    """The test-time path, an image at a time.

    Args:
        scores, distances: what `RTMDet.forward` returns.
        score: pairs of cell and class whose score is strictly above it stay.
        iou: the non-maximum suppression of a class drops what overlaps more than this.
        before: best pairs of each level that go into the suppression.
        keep: best boxes of an image that are returned.
        size: (W, H) of the padded network input, to which boxes are clamped before the suppression; None leaves
            them as they are, like the official exports do.

    Returns:
        for each image boxes (n, 4), scores (n,) and labels (n,), by falling score.
    """
    boxes = decode_boxes(distances)  # (N, cells, 4)
    counts = [level.shape[2] * level.shape[3] for level in scores]
    return [
        _decode_image(
            [level[n].flatten(1).T.sigmoid() for level in scores],  # (h w, C) each
            boxes[n].split(counts),
            score=score,
            iou=iou,
            before=before,
            keep=keep,
            size=size,
        )
        for n in range(boxes.shape[0])
    ]


def _decode_image(
    scores: Sequence[Tensor],
    boxes: Sequence[Tensor],
    *,
    score: float,
    iou: float,
    before: int,
    keep: int,
    size: tuple[int, int] | None,
) -> Detections:
    found: list[Detections] = []
    for level_scores, level_boxes in zip(scores, boxes, strict=True):
        cell, label = torch.nonzero(
            level_scores > score, as_tuple=True
        )  # a cell can stay with several classes
        value = level_scores[cell, label]
        value, order = value.sort(descending=True, stable=True)
        order = order[:before]
        found.append((level_boxes[cell[order]], value[:before], label[order]))
    box, value, label = (torch.cat(parts) for parts in zip(*found, strict=True))

    if size is not None:
        box = torch.minimum(box.clamp(min=0), box.new_tensor([*size, *size]))  # to W and H, not W - 1
    whole = (box[:, 2] > box[:, 0]) & (box[:, 3] > box[:, 1])
    box, value, label = box[whole], value[whole], label[whole]

    kept = nms_by_class(box, value, label, iou)[:keep]
    return box[kept], value[kept], label[kept]


def nms_by_class(boxes: Tensor, scores: Tensor, labels: Tensor, iou: float) -> Tensor:
    """Indices that greedy non-maximum suppression of each class keeps, by falling score.

    boxes (n, 4), scores (n,), labels (n,). What overlaps by more than `iou` is dropped; sides get no + 1.
    """
    kept = []
    for label in labels.unique():
        own = torch.nonzero(labels == label).squeeze(1)
        own = own[scores[own].argsort(descending=True, stable=True)]
        kept.append(own[_greedy(boxes[own], iou)])
    if not kept:
        return labels.new_zeros(0)
    indices = torch.cat(kept)
    return indices[scores[indices].argsort(descending=True, stable=True)]


def _greedy(boxes: Tensor, iou: float) -> Tensor:
    """Indices of boxes (n, 4), by falling score, that overlap no kept one before them by more than `iou`."""
    area = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])  # (n,)
    left = torch.arange(len(boxes), device=boxes.device)
    kept = []
    while len(left):
        best, left = left[0], left[1:]
        kept.append(best)
        corner1 = torch.maximum(boxes[best, :2], boxes[left, :2])
        corner2 = torch.minimum(boxes[best, 2:], boxes[left, 2:])
        inner = (corner2 - corner1).clamp(min=0).prod(dim=1)  # (n left,)
        left = left[inner / (area[best] + area[left] - inner) <= iou]
    return torch.stack(kept) if kept else left
