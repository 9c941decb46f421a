"""CSPDarknet, the backbone of YOLOX and RTMO.

YOLOX: arXiv 2107.08430. Stages as in CSPNeXt with other blocks (a 1 x 1 and a 3 x 3 convolution), no channel
attention, a focus stem, and batch norm with eps 1e-3 and momentum 0.03 throughout.
"""

from functools import partial

import torch
from torch import Tensor, nn

from rtmcli.networks.layers import ConvModule, CSPLayer, SPPBottleneck, conv_class

EPS, MOMENTUM = 1e-3, 0.03  # of every batch norm here

# size -> (depth factor, width factor); nano has depthwise convolutions, too
SIZES = {
    "nano": (0.33, 0.25),
    "tiny": (0.33, 0.375),
    "s": (0.33, 0.5),
    "m": (0.67, 0.75),
    "l": (1.0, 1.0),
    "x": (1.33, 1.25),
}

# (channels in, channels out, blocks, identity in the blocks), before the factors.
# Stage 4 has no identity in its blocks.
STAGES = ((64, 128, 3, True), (128, 256, 9, True), (256, 512, 9, True), (512, 1024, 3, False))


class CSPDarknet(nn.Module):
    """Images (N, 3, H, W) -> three maps, strides 8, 16, 32.

    Args:
        depth, width: factors of blocks and channels.
        depthwise: depthwise-separable instead of plain 3 x 3 convolutions (nano).
    """

    stage1: nn.Sequential
    stage2: nn.Sequential
    stage3: nn.Sequential
    stage4: nn.Sequential

    def __init__(self, depth: float, width: float, *, depthwise: bool = False) -> None:
        super().__init__()
        self.channels = (int(256 * width), int(512 * width), int(1024 * width))
        self.stem = Focus(int(64 * width))
        for number, (before, after, count, identity) in enumerate(STAGES, start=1):
            c_in, c_out = int(before * width), int(after * width)
            parts: list[nn.Module] = [
                conv_class(depthwise)(c_in, c_out, 3, stride=2, eps=EPS, momentum=MOMENTUM)
            ]
            if number == 4:
                parts.append(SPPBottleneck(c_out, eps=EPS, momentum=MOMENTUM))
            block = partial(DarknetBlock, identity=identity, depthwise=depthwise)
            count = max(round(count * depth), 1)
            parts.append(CSPLayer(c_out, c_out, count=count, block=block, eps=EPS, momentum=MOMENTUM))
            self.add_module(f"stage{number}", nn.Sequential(*parts))

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        x = self.stage1(self.stem(images))  # (N, 128 w, H/4, W/4)
        c3 = self.stage2(x)  # (N, 256 w, H/8, W/8)
        c4 = self.stage3(c3)  # (N, 512 w, H/16, W/16)
        c5 = self.stage4(c4)  # (N, 1024 w, H/32, W/32)
        return c3, c4, c5


class Focus(nn.Module):
    """The four phases of every 2 x 2 pixels become channels, then a 3 x 3 convolution."""

    def __init__(self, out_channels: int) -> None:
        super().__init__()
        self.conv = ConvModule(12, out_channels, 3, eps=EPS, momentum=MOMENTUM)

    def forward(self, images: Tensor) -> Tensor:
        even, odd = images[:, :, ::2], images[:, :, 1::2]
        # The second phase is (odd row, even column): the order of the weights (csp_darknet.py in mmpose).
        phases = (even[..., ::2], odd[..., ::2], even[..., 1::2], odd[..., 1::2])
        return self.conv(torch.cat(phases, dim=1))  # (N, 64 w, H/2, W/2)


class DarknetBlock(nn.Module):
    """1 x 1, then 3 x 3 convolution, plus the input where `identity`: (N, C, H, W) -> same."""

    def __init__(self, channels: int, *, identity: bool, depthwise: bool = False) -> None:
        super().__init__()
        self.conv1 = ConvModule(channels, channels, eps=EPS, momentum=MOMENTUM)
        self.conv2 = conv_class(depthwise)(channels, channels, 3, eps=EPS, momentum=MOMENTUM)
        self.identity = identity

    def forward(self, x: Tensor) -> Tensor:
        y = self.conv2(self.conv1(x))  # (N, C, H, W)
        return x + y if self.identity else y
