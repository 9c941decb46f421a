"""CSPNeXt, the backbone of RTMPose, RTMW and RTMDet (RTMDet: arXiv 2212.07784, section 3.2)."""

from functools import partial

from torch import Tensor, nn

from rtmcli.networks.layers import (
    ConvModule,
    CSPLayer,
    DepthwiseSeparable,
    SPPBottleneck,
    conv_class,
    zero_conv_biases,
)

# size -> (depth factor, width factor)
SIZES = {
    "nano": (0.33, 0.25),
    "tiny": (0.167, 0.375),
    "s": (0.33, 0.5),
    "m": (0.67, 0.75),
    "l": (1.0, 1.0),
    "x": (1.33, 1.25),
}

# (channels in, channels out, blocks, identity in the blocks), before the factors.
# Stage 4 has no identity in its blocks.
STAGES = ((64, 128, 3, True), (128, 256, 6, True), (256, 512, 6, True), (512, 1024, 3, False))


class CSPNeXtBlock(nn.Module):
    """3 x 3 convolution, then a large-kernel depthwise one, plus the input: (N, C, H, W) -> same."""

    def __init__(self, channels: int, *, identity: bool, depthwise: bool = False) -> None:
        super().__init__()
        self.conv1 = conv_class(depthwise)(channels, channels, 3)
        # 5 x 5 and depthwise in every size, while conv1 is depthwise only in nano.
        self.conv2 = DepthwiseSeparable(channels, channels, 5)
        self.identity = identity

    def forward(self, x: Tensor) -> Tensor:
        y = self.conv2(self.conv1(x))  # (N, C, H, W)
        return x + y if self.identity else y  # no activation after the sum


class CSPNeXt(nn.Module):
    """The backbone: images (N, 3, H, W) -> four maps, strides 4, 8, 16, 32.

    Args:
        size: a key of `SIZES`; `t` is `tiny`. `nano` is depthwise except its stem and 1 x 1 layers.

    Returns of `forward`:
        stages 1 to 4: (N, 128 w, H/4, W/4), (N, 256 w, H/8, W/8), (N, 512 w, H/16, W/16),
        (N, 1024 w, H/32, W/32), w being the size's width factor. H and W are multiples of 32.
    """

    stage1: nn.Sequential
    stage2: nn.Sequential
    stage3: nn.Sequential
    stage4: nn.Sequential

    def __init__(self, size: str) -> None:
        super().__init__()
        size = full_size(size)
        depth, width = SIZES[size]
        depthwise = size == "nano"
        stem, half = int(64 * width), int(64 * width // 2)
        self.stem = nn.Sequential(
            ConvModule(3, half, 3, stride=2), ConvModule(half, half, 3), ConvModule(half, stem, 3)
        )
        self.channels: list[int] = []
        for number, (before, after, count, identity) in enumerate(STAGES, start=1):
            c_in, c_out = int(before * width), int(after * width)
            parts: list[nn.Module] = [conv_class(depthwise)(c_in, c_out, 3, stride=2)]
            if number == 4:
                parts.append(SPPBottleneck(c_out))
            block = partial(CSPNeXtBlock, identity=identity, depthwise=depthwise)
            count = max(round(count * depth), 1)
            parts.append(CSPLayer(c_out, c_out, count=count, block=block, attention=True))
            self.add_module(f"stage{number}", nn.Sequential(*parts))
            self.channels.append(c_out)
        zero_conv_biases(self)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        x = self.stem(x)  # (N, 64 w, H/2, W/2)
        c2 = self.stage1(x)  # (N, 128 w, H/4, W/4)
        c3 = self.stage2(c2)  # (N, 256 w, H/8, W/8)
        c4 = self.stage3(c3)  # (N, 512 w, H/16, W/16)
        c5 = self.stage4(c4)  # (N, 1024 w, H/32, W/32)
        return c2, c3, c4, c5


def full_size(size: str) -> str:
    """The name of a size in the tables of the networks: `t` and `n` are short for `tiny` and `nano`."""
    return {"t": "tiny", "n": "nano"}.get(size, size)
