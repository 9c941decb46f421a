"""RTMW and RTMW3D: one person's crop to the whole body's SimCC vectors (arXiv 2407.08634)."""

from collections.abc import Sequence
from functools import partial

import torch
from torch import Tensor, nn

from rtmcli.networks.cspnext import CSPNeXt, CSPNeXtBlock
from rtmcli.networks.gau import GatedAttentionUnit, ScaleNorm
from rtmcli.networks.layers import BinClassifier, ConvModule
from rtmcli.networks.pafpn import PAFPN

EMBEDDING = 256  # D, channels of a keypoint token: half from the coarse map, half from the fine one
NECK_BLOCKS = 2  # in every size


class RTMWHead(nn.Module):
    """Hierarchical encoding (RTMW, section 3.2): maps fine (N, C/2, 2h, 2w), coarse (N, C, h, w) -> SimCC logits.

    Args:
        channels: C.
        depth: depth of the input volume; None for 2D.
        dropout: on the gated unit's attention matrix, in training.

    Returns of `forward`: x (N, K, 2 W), y (N, K, 2 H) and, with `depth`, z (N, K, 2 depth).
    """

    def __init__(
        self,
        channels: int,
        keypoints: int,
        width: int,
        height: int,
        *,
        depth: int | None = None,
        ratio: float = 2.0,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        cells = (height // 32) * (width // 32)
        # With norm and ReLU and without bias (rtmw_head.py in mmpose), unlike the last convolution of RTMPose.
        conv7 = partial(ConvModule, kernel=7, act=nn.ReLU)
        self.ps = nn.PixelShuffle(2)
        self.conv_dec = conv7(channels // 4, channels // 4)
        self.final_layer = conv7(channels, keypoints)
        self.final_layer2 = conv7(channels // 4 + channels // 2, keypoints)
        self.mlp = embed(cells)
        self.mlp2 = embed(4 * cells)
        self.gau = GatedAttentionUnit(EMBEDDING, s=128, dropout=dropout)
        self.cls_x = BinClassifier(EMBEDDING, int(width * ratio))
        self.cls_y = BinClassifier(EMBEDDING, int(height * ratio))
        self.cls_z = BinClassifier(EMBEDDING, int(depth * ratio)) if depth is not None else None
        self.start()

    def start(self) -> None:
        """Initial weights: convolutions normal with std sqrt(2 / fan out), linears with std 0.01."""
        for part in self.modules():
            if isinstance(part, nn.Conv2d):
                nn.init.kaiming_normal_(part.weight, mode="fan_out", nonlinearity="relu")
            elif isinstance(part, nn.Linear):
                nn.init.normal_(part.weight, std=0.01)

    def forward(self, features: Sequence[Tensor]) -> tuple[Tensor, ...]:
        fine, coarse = features
        # After the ReLU a keypoint's row can be all zero; ScaleNorm leaves it zero.
        low = self.mlp(self.final_layer(coarse).flatten(2))  # (N, K, h, w) -> (N, K, h w) -> (N, K, 128)
        decoded = self.conv_dec(self.ps(coarse))  # (N, C/4, 2h, 2w)
        # The order of both concatenations is that of the weights: decoded before fine, coarse before fine.
        joined = torch.cat([decoded, fine], dim=1)  # (N, 3C/4, 2h, 2w)
        high = self.mlp2(self.final_layer2(joined).flatten(2))  # (N, K, 4 h w) -> (N, K, 128)
        x = self.gau(torch.cat([low, high], dim=-1))  # (N, K, 256)
        if self.cls_z is None:
            return self.cls_x(x), self.cls_y(x)  # (N, K, 2 W), (N, K, 2 H)
        return self.cls_x(x), self.cls_y(x), self.cls_z(x)  # and (N, K, 2 depth)


class RTMW(nn.Module):
    """RTMW of any size, skeleton and input size.

    Args:
        size: `m`, `l` or `x`.
        keypoints: K, 133 in the published models.
        width, height: input size in pixels, multiples of 32; the weights are bound to it.
        ratio: SimCC bins a pixel.

    `forward` takes crops (N, 3, H, W), RGB, (x - mean) / std with mean (123.675, 116.28, 103.53) and
    std (58.395, 57.12, 57.375), and returns logits `(simcc_x, simcc_y)`, (N, K, 2 W) and (N, K, 2 H).
    """

    def __init__(self, size: str, keypoints: int, width: int, height: int, *, ratio: float = 2.0) -> None:
        super().__init__()
        self.input_size = (width, height)
        self.backbone, self.neck, channels = trunk(size)
        self.head = RTMWHead(channels, keypoints, width, height, ratio=ratio)

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        return self.head(self.neck(self.backbone(images)[1:])[1:])


class RTMW3D(nn.Module):
    """RTMW with a depth branch, sizes `l` and `x`.

    Args and input as for `RTMW`, and depth: depth of the input volume (288 for 288 x 384 pixels).
    `forward` returns logits `(simcc_x, simcc_y, simcc_z)`, (N, K, 2 W), (N, K, 2 H) and (N, K, 2 depth); what a
    bin of z is in metres is defined by the codec.
    """

    def __init__(
        self,
        size: str,
        keypoints: int,
        width: int,
        height: int,
        *,
        depth: int = 288,
        ratio: float = 2.0,
    ) -> None:
        super().__init__()
        self.input_size = (width, height)
        self.backbone, self.neck, channels = trunk(size)
        dropout = 0.1 if size == "l" else 0.0  # as the published configurations have it
        self.head = RTMWHead(channels, keypoints, width, height, depth=depth, ratio=ratio, dropout=dropout)

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        return self.head(self.neck(self.backbone(images)[1:])[1:])


def trunk(size: str) -> tuple[CSPNeXt, PAFPN, int]:
    """Backbone, neck without output convolutions, and the channels C of its coarsest map."""
    backbone = CSPNeXt(size)
    block = partial(CSPNeXtBlock, identity=False)
    neck = PAFPN(backbone.channels[1:], count=NECK_BLOCKS, block=block)
    return backbone, neck, backbone.channels[-1]


def embed(cells: int) -> nn.Sequential:
    """A keypoint's flattened map to half a token: (N, K, cells) -> (N, K, 128)."""
    return nn.Sequential(ScaleNorm(cells), nn.Linear(cells, EMBEDDING // 2, bias=False))
