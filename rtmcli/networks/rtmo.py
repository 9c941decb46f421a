"""RTMO: an image to the poses of all people in it, without a detector.

RTMO: arXiv 2312.07526. CSPDarknet, a hybrid encoder (neck), a YOLO-like head on strides 16 and 32, and the
dynamic coordinate classifier.

Input: BGR, raw 0..255 (no mean, no std), padded with 114, height and width multiples of 32.
Coordinates are in input pixels. Shapes: N images, K keypoints, A cells of both levels, P pose channels,
T tower channels, n people.
"""

import copy
from typing import NamedTuple

import torch
from torch import Tensor, nn

from rtmcli.networks.csp_darknet import EPS, MOMENTUM, SIZES, CSPDarknet
from rtmcli.networks.cspnext import full_size
from rtmcli.networks.dcc import DCC
from rtmcli.networks.hybrid_encoder import WIDTH, HybridEncoder
from rtmcli.networks.layers import ConvModule, zero_conv_biases
from rtmcli.networks.rtmdet import nms_by_class

STRIDES = (16, 32)
SCORE, IOU = 0.1, 0.65  # of the published models' test-time path


class Maps(NamedTuple):
    """The head's raw output, one tensor a level, stride 16 first (h, w are the level's)."""

    cls: list[Tensor]  # (N, 1, h, w) logits
    bbox: list[Tensor]  # (N, 4, h, w) centre offset and log size, in strides
    kpt_offset: list[Tensor]  # (N, 2 K, h, w) x, y of each keypoint, in strides from the cell
    vis: list[Tensor]  # (N, K, h, w) logits
    pose: list[Tensor]  # (N, P, h, w) pose vectors


class Cells(NamedTuple):
    """All cells of both levels, decoded, row-major, stride 16 first."""

    scores: Tensor  # (N, A) in 0..1
    boxes: Tensor  # (N, A, 4) x1, y1, x2, y2
    visibility: Tensor  # (N, A, K) in 0..1
    pose: Tensor  # (N, A, P)
    priors: Tensor  # (A, 2) centres of the cells
    strides: Tensor  # (A,)


class Detections(NamedTuple):
    """The people of one image, best first."""

    scores: Tensor  # (n,)
    boxes: Tensor  # (n, 4) inside the image
    keypoints: Tensor  # (n, K, 2)
    keypoint_scores: Tensor  # (n, K)


class RTMO(nn.Module):
    """RTMO in its training form; `to_deploy` gives the fused one.

    Args:
        size: `t`, `s`, `m` or `l`.
        num_keypoints: 17 (COCO) or 14 (CrowdPose) in the published models.
        width, depth: other factors than the size's, and neck: other channels inside the neck, for tests.
    """

    def __init__(
        self,
        size: str,
        num_keypoints: int,
        *,
        width: float | None = None,
        depth: float | None = None,
        neck: int = WIDTH,
    ) -> None:
        super().__init__()
        d, w = SIZES[full_size(size)]
        d, w = depth or d, width or w
        channels = int(256 * w)
        self.backbone = CSPDarknet(d, w)
        self.neck = HybridEncoder(
            self.backbone.channels,
            out_channels=2 * channels,
            hidden=channels,
            num_blocks=round(3 * d),
            width=neck,
        )
        self.head = RTMOHead(channels, num_keypoints, tower=8 * int(36 * w))

    def forward(self, images: Tensor) -> Maps:
        """(N, 3, H, W) raw BGR to the head's raw maps, for training (losses: `rtmcli.training`)."""
        return self.head.head_module(self.neck(self.backbone(images)))

    def cells(self, images: Tensor) -> Cells:
        """(N, 3, H, W) to the decoded cells: what an exported graph holds before its NMS."""
        maps = self.head.head_module(self.neck(self.backbone(images)), offsets=False)
        return decode(maps)

    @torch.no_grad()
    def detect(self, images: Tensor, *, score: float = SCORE, iou: float = IOU) -> list[Detections]:
        """The whole test-time path; the classifier runs on surviving cells only."""
        height, width = images.shape[2:]
        cells = self.cells(images)
        return [self._survivors(cells, i, (width, height), score, iou) for i in range(len(images))]

    def to_deploy(self, height: int, width: int) -> "RTMO":
        """A fused copy for images of one size; equal to this network in eval mode up to rounding.

        Two-branch blocks become one convolution, `pose_to_kpts` one linear layer, and the neck's positional
        encoding a constant.
        """
        fused = copy.deepcopy(self).eval()
        with torch.no_grad():
            fused.neck.fuse(height // 32, width // 32)
            fused.head.dcc.fuse()
        return fused

    def _survivors(
        self, cells: Cells, image: int, size: tuple[int, int], score: float, iou: float
    ) -> Detections:
        candidates = torch.nonzero(cells.scores[image] > score)[:, 0]
        boxes, scores = cells.boxes[image, candidates], cells.scores[image, candidates]
        kept = nms_by_class(boxes, scores, torch.zeros_like(candidates), iou)  # boxes not yet clamped
        index, boxes = candidates[kept], boxes[kept]
        keypoints = self.head.dcc(cells.pose[image, index], boxes, cells.priors[index])  # (n, K, 2)
        # Boxes are clamped to W and H after the keypoints were decoded from them; keypoints are never clamped.
        limit = boxes.new_tensor([*size, *size])
        boxes = torch.minimum(boxes.clamp(min=0), limit)
        return Detections(scores[kept], boxes, keypoints, cells.visibility[image, index])


class RTMOHead(nn.Module):
    """The maps' head, the classifier, and the loss's constant that the official keys begin with."""

    def __init__(self, channels: int, num_keypoints: int, *, tower: int) -> None:
        super().__init__()
        self.loss_oks = nn.Module()
        self.loss_oks.register_buffer("sigmas", torch.ones(num_keypoints))  # the losses bring their own
        self.head_module = HeadModule(channels, num_keypoints, tower=tower)
        self.dcc = DCC(2 * channels, num_keypoints)


class HeadModule(nn.Module):
    """Towers for class and pose on each level; nothing is shared between the levels."""

    def __init__(self, channels: int, num_keypoints: int, *, tower: int) -> None:
        super().__init__()

        def conv(cin: int, cout: int, groups: int = 1) -> ConvModule:
            return ConvModule(cin, cout, 3, groups=groups, eps=EPS, momentum=MOMENTUM)

        def out(cin: int, cout: int) -> nn.ModuleList:
            return nn.ModuleList(nn.Conv2d(cin, cout, 1) for _ in STRIDES)

        c, t = channels, tower
        # Two convolutions for the class, four for the pose, grouped from the second on (rtmo_head.py in mmpose).
        self.conv_cls = nn.ModuleList(nn.Sequential(conv(c, c), conv(c, c)) for _ in STRIDES)
        self.out_cls = out(c, 1)
        self.conv_pose = nn.ModuleList(
            nn.Sequential(conv(c, t), *(conv(t, t, groups=8) for _ in range(3))) for _ in STRIDES
        )
        self.out_bbox = out(t, 4)
        self.out_kpt_reg = out(t, 2 * num_keypoints)  # training only: the proxy of RTMO, section 3.4
        self.out_kpt_vis = out(t, num_keypoints)
        self.out_pose = out(t, 2 * channels)
        self._init_weights()

    def forward(self, features: tuple[Tensor, Tensor], *, offsets: bool = True) -> Maps:
        """Maps of strides 16 and 32, (N, 2 c, h, w); `offsets=False` leaves out the training-only maps."""
        maps = Maps([], [], [], [], [])
        for level, feature in enumerate(features):
            for_class, for_pose = feature.chunk(2, dim=1)  # (N, c, h, w) each
            maps.cls.append(self.out_cls[level](self.conv_cls[level](for_class)))
            tower = self.conv_pose[level](for_pose)  # (N, T, h, w)
            maps.bbox.append(self.out_bbox[level](tower))
            if offsets:
                maps.kpt_offset.append(self.out_kpt_reg[level](tower))
            maps.vis.append(self.out_kpt_vis[level](tower))
            maps.pose.append(self.out_pose[level](tower))
        return maps

    def _init_weights(self) -> None:
        zero_conv_biases(self)
        for module in self.out_cls:
            nn.init.constant_(module.bias, -4.595)  # type: ignore[arg-type]  # -log(99): one cell in a hundred holds a person


def decode(maps: Maps) -> Cells:
    """Raw maps to scores, boxes and pose vectors of all cells."""
    priors, strides = make_priors([m.shape[2:] for m in maps.cls], like=maps.cls[0])
    return Cells(
        scores=flatten_levels(maps.cls)[..., 0].sigmoid(),  # (N, A)
        boxes=decode_boxes(flatten_levels(maps.bbox), priors, strides),  # (N, A, 4)
        visibility=flatten_levels(maps.vis).sigmoid(),  # (N, A, K)
        pose=flatten_levels(maps.pose),  # (N, A, P)
        priors=priors,
        strides=strides,
    )


def make_priors(
    shapes: list[torch.Size], *, like: Tensor, strides: tuple[int, ...] = STRIDES
) -> tuple[Tensor, Tensor]:
    """Centres (A, 2) and strides (A,) of the cells of levels of the given heights and widths."""
    centers, steps = [], []
    for (h, w), stride in zip(shapes, strides, strict=True):
        rows = torch.arange(h, dtype=like.dtype, device=like.device)
        columns = torch.arange(w, dtype=like.dtype, device=like.device)
        y, x = torch.meshgrid(rows, columns, indexing="ij")
        # Offsets 7.5 and 15.5, the centre of the pixels; not stride / 2, and not 0 as in RTMDet and YOLOX.
        centers.append(torch.stack([x, y], -1).reshape(-1, 2) * stride + (stride - 1) / 2)  # (h w, 2)
        steps.append(like.new_full((h * w,), stride))
    return torch.cat(centers), torch.cat(steps)


def flatten_levels(maps: list[Tensor]) -> Tensor:
    """One (N, C, h, w) a level to (N, A, C), row-major."""
    return torch.cat([m.flatten(2).transpose(1, 2) for m in maps], dim=1)


def decode_boxes(raw: Tensor, priors: Tensor, strides: Tensor) -> Tensor:
    """Centre offsets and log sizes (N, A, 4) to x1, y1, x2, y2 in input pixels, not clamped."""
    center = raw[..., :2] * strides[:, None] + priors
    half = raw[..., 2:].exp() * strides[:, None] * 0.5
    return torch.cat([center - half, center + half], dim=-1)


def decode_keypoints(raw: Tensor, priors: Tensor, strides: Tensor) -> Tensor:
    """Keypoint offsets (N, A, 2 K) to (N, A, K, 2) in input pixels: the proxies of training."""
    offsets = raw.unflatten(-1, (-1, 2))  # (N, A, K, 2)
    return offsets * strides[:, None, None] + priors[:, None]
