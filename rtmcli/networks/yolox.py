"""YOLOX: an image to boxes, the detector of the official body7 and Human-Art pipelines.

YOLOX: arXiv 2107.08430. Input: BGR, raw 0..255 (no mean, no std), resized with its aspect kept and
padded right and below with 114.
"""

from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor, nn

from rtmcli.networks.csp_darknet import EPS, MOMENTUM, SIZES, CSPDarknet, DarknetBlock
from rtmcli.networks.cspnext import full_size
from rtmcli.networks.layers import ConvModule, conv_class, zero_conv_biases
from rtmcli.networks.pafpn import PAFPN
from rtmcli.networks.rtmdet import Detections, cells, nms_by_class

STRIDES = (8, 16, 32)
SCORE, IOU = 0.01, 0.65  # of the published models' test-time path


class Maps(NamedTuple):
    """The head's raw output, one tensor a level, stride 8 first (h, w are the level's, C classes)."""

    cls: list[Tensor]  # (N, C, h, w) logits
    bbox: list[Tensor]  # (N, 4, h, w) centre offset and log size, in strides
    obj: list[Tensor]  # (N, 1, h, w) logits


class YOLOX(nn.Module):
    """YOLOX of any size.

    Args:
        size: `nano`, `tiny`, `s`, `m`, `l` or `x`.
        classes: number of classes C; 80 in the published models, person first.

    `forward` takes images (N, 3, H, W), H and W multiples of 32, and returns `Maps`; `decode` makes boxes
    of them.
    """

    def __init__(self, size: str, classes: int = 80) -> None:
        super().__init__()
        size = full_size(size)
        depth, width = SIZES[size]
        nano = size == "nano"
        self.backbone = CSPDarknet(depth, width, depthwise=nano)
        channels = self.backbone.channels
        features = channels[0]  # F
        self.neck = PAFPN(
            channels,
            count=round(3 * depth),
            block=partial(DarknetBlock, identity=False, depthwise=nano),
            depthwise=nano,
            out_convs=lambda c: ConvModule(
                c, features, eps=EPS, momentum=MOMENTUM
            ),  # 1 x 1, plain in nano too
            eps=EPS,
            momentum=MOMENTUM,
        )
        self.bbox_head = YOLOXHead(features, classes, depthwise=nano)

    def forward(self, images: Tensor) -> Maps:
        return self.bbox_head(self.neck(self.backbone(images)))


class YOLOXHead(nn.Module):
    """Two towers a level, nothing shared between the levels: [(N, F, h, w)] -> `Maps`."""

    def __init__(self, channels: int, classes: int, *, depthwise: bool) -> None:
        super().__init__()
        conv = partial(conv_class(depthwise), channels, channels, 3, eps=EPS, momentum=MOMENTUM)

        def towers() -> nn.ModuleList:
            return nn.ModuleList(nn.Sequential(conv(), conv()) for _ in STRIDES)

        def out(count: int) -> nn.ModuleList:
            return nn.ModuleList(nn.Conv2d(channels, count, 1) for _ in STRIDES)

        self.multi_level_cls_convs = towers()
        self.multi_level_reg_convs = towers()
        self.multi_level_conv_cls = out(classes)
        self.multi_level_conv_reg = out(4)
        self.multi_level_conv_obj = out(1)
        zero_conv_biases(self)
        for head in (*self.multi_level_conv_cls, *self.multi_level_conv_obj):
            nn.init.constant_(head.bias, -4.595)  # type: ignore[arg-type]  # -log(99), a score of 0.01

    def forward(self, features: Sequence[Tensor]) -> Maps:
        maps = Maps([], [], [])
        for level, feature in enumerate(features):
            maps.cls.append(self.multi_level_conv_cls[level](self.multi_level_cls_convs[level](feature)))
            tower = self.multi_level_reg_convs[level](feature)  # (N, F, h, w)
            maps.bbox.append(self.multi_level_conv_reg[level](tower))
            # The objectness is predicted from the regression tower (yolox_head.py in mmdet).
            maps.obj.append(self.multi_level_conv_obj[level](tower))
        return maps


def decode_boxes(bbox: Sequence[Tensor]) -> Tensor:
    """Boxes of all cells, finest level first, row-major, not clamped: [(N, 4, h, w)] -> (N, A, 4)."""
    boxes = []
    for raw, stride in zip(bbox, STRIDES, strict=True):
        flat = raw.flatten(2).transpose(1, 2)  # (N, h w, 4)
        # Cells start at 0, unlike those of RTMO.
        center = flat[..., :2] * stride + cells(raw.shape[2:], stride, raw)
        half = flat[..., 2:].exp() * (stride * 0.5)
        boxes.append(torch.cat([center - half, center + half], dim=-1))
    return torch.cat(boxes, dim=1)


def decode(maps: Maps, *, score: float = SCORE, iou: float = IOU) -> list[Detections]:
    """The test-time path: for each image boxes (n, 4), scores (n,) and labels (n,), by falling score.

    Each cell has its best class only, scored by class times objectness. Boxes are neither clamped nor limited
    in number.

    Args:
        score: cells scored at or above it stay.
        iou: the non-maximum suppression of a class drops what overlaps more than this.
    """
    boxes = decode_boxes(maps.bbox)  # (N, A, 4)
    probability = torch.cat([m.flatten(2) for m in maps.cls], 2).sigmoid()  # (N, C, A)
    objectness = torch.cat([m.flatten(1) for m in maps.obj], 1).sigmoid()  # (N, A)
    best, labels = probability.max(dim=1)  # (N, A)
    scores = best * objectness  # (N, A)
    found = []
    for box, value, label in zip(boxes, scores, labels, strict=True):
        # >= as in mmdet's YOLOX head; RTMDet and RTMO take >.
        candidates = torch.nonzero(value >= score).squeeze(1)
        box, value, label = box[candidates], value[candidates], label[candidates]
        kept = nms_by_class(box, value, label, iou)
        found.append((box[kept], value[kept], label[kept]))
    return found
