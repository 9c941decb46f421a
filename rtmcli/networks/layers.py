"""The blocks that every network here is built of: convolution with norm and activation, CSP layer, pooling.

The names of the attributes are those of the published state dicts. Tensors are N, C, H, W.

`eps` and `momentum` of a batch norm differ by place. CSPNeXt networks have PyTorch's own, which are the defaults
here: the class defaults of mmpose and mmdet (1e-3, 0.03) do not apply, since every published configuration replaces
them. CSPDarknet has 1e-3 and 0.03; RTMO mixes both.
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class ConvModule(nn.Module):
    """Convolution without bias, batch norm, activation: (N, C_in, H, W) -> (N, C_out, H/stride, W/stride).

    Args:
        act: the class of the activation; None for a module that ends with its norm.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel: int = 1,
        *,
        stride: int = 1,
        groups: int = 1,
        eps: float = 1e-5,
        momentum: float = 0.1,
        act: type[nn.Module] | None = nn.SiLU,
    ) -> None:
        super().__init__()
        self.conv = nn.Conv2d(
            in_channels, out_channels, kernel, stride, padding=kernel // 2, groups=groups, bias=False
        )
        self.bn = nn.BatchNorm2d(out_channels, eps=eps, momentum=momentum)
        self.activate = act() if act is not None else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        return self.activate(self.bn(self.conv(x)))  # (N, C_out, H/stride, W/stride)


class DepthwiseSeparable(nn.Module):
    """A k x k ConvModule on each channel, then a 1 x 1 ConvModule over the channels ("DW")."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel: int = 3,
        *,
        stride: int = 1,
        eps: float = 1e-5,
        momentum: float = 0.1,
    ) -> None:
        super().__init__()
        # The depthwise part has its own norm and activation, and the stride.
        self.depthwise_conv = ConvModule(
            in_channels, in_channels, kernel, stride=stride, groups=in_channels, eps=eps, momentum=momentum
        )
        self.pointwise_conv = ConvModule(in_channels, out_channels, eps=eps, momentum=momentum)

    def forward(self, x: Tensor) -> Tensor:
        return self.pointwise_conv(self.depthwise_conv(x))  # (N, C_out, H/stride, W/stride)


def conv_class(depthwise: bool) -> type[ConvModule] | type[DepthwiseSeparable]:
    """The k x k module of a network: plain, or depthwise-separable in the nano sizes."""
    return DepthwiseSeparable if depthwise else ConvModule


class BinClassifier(nn.Linear):
    """The linear layer that outputs a SimCC vector: tokens (..., D) -> bins (..., B), no bias, always in float32.

    Around a vector's maximum, neighbouring bins differ by less than one step of float16 or bfloat16: several would be
    equal, and argmax would return the first of them.
    """

    def __init__(self, dims: int, bins: int) -> None:
        super().__init__(dims, bins, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        if x.dtype == torch.float32 and not torch.is_autocast_enabled(x.device.type):
            return super().forward(x)
        with torch.autocast(x.device.type, enabled=False):
            return F.linear(x.float(), self.weight.float())


class FullPrecision(nn.Module):
    """A part of a network that computes in float32 under autocast too."""

    def __init__(self, part: nn.Module) -> None:
        super().__init__()
        self.part = part

    def forward(self, x: Tensor) -> Tensor:
        with torch.autocast(x.device.type, enabled=False):
            out: Tensor = self.part(x.float())
        return out


class ChannelAttention(nn.Module):
    """Weighs each channel by a gate computed from its mean (RTMDet, section 3.2): (N, C, H, W) -> same."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.global_avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Conv2d(channels, channels, 1)
        self.act = nn.Hardsigmoid()  # clip(x / 6 + 1 / 2, 0, 1)

    def forward(self, x: Tensor) -> Tensor:
        gate = self.act(self.fc(self.global_avgpool(x)))  # (N, C, 1, 1)
        return x * gate


class CSPLayer(nn.Module):
    """Cross-stage partial layer: half of the channels pass `count` blocks, the others go around them.

    Args:
        block: makes one block of the main path for a number of channels (CSPNeXt or Darknet block).
        attention: channel attention before the last convolution; in CSPNeXt backbones only.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        count: int,
        block: Callable[[int], nn.Module],
        attention: bool = False,
        eps: float = 1e-5,
        momentum: float = 0.1,
    ) -> None:
        super().__init__()
        middle = int(out_channels * 0.5)
        self.main_conv = ConvModule(in_channels, middle, eps=eps, momentum=momentum)
        self.short_conv = ConvModule(in_channels, middle, eps=eps, momentum=momentum)
        self.final_conv = ConvModule(2 * middle, out_channels, eps=eps, momentum=momentum)
        self.blocks = nn.Sequential(*(block(middle) for _ in range(count)))
        self.attention = ChannelAttention(2 * middle) if attention else None

    def forward(self, x: Tensor) -> Tensor:
        short = self.short_conv(x)  # (N, C_out / 2, H, W)
        main = self.blocks(self.main_conv(x))  # (N, C_out / 2, H, W)
        # Main path first: the order of the weights.
        x = torch.cat([main, short], dim=1)  # (N, C_out, H, W)
        if self.attention is not None:
            x = self.attention(x)
        return self.final_conv(x)  # (N, C_out, H, W)


class SPPBottleneck(nn.Module):
    """Pooling block of stage 4: the map and its max pools of 5, 9 and 13 in parallel, not in sequence."""

    def __init__(self, channels: int, *, eps: float = 1e-5, momentum: float = 0.1) -> None:
        super().__init__()
        self.conv1 = ConvModule(channels, channels // 2, eps=eps, momentum=momentum)
        self.poolings = nn.ModuleList(nn.MaxPool2d(k, stride=1, padding=k // 2) for k in (5, 9, 13))
        self.conv2 = ConvModule(2 * channels, channels, eps=eps, momentum=momentum)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv1(x)  # (N, C / 2, H, W)
        x = torch.cat([x, *(pool(x) for pool in self.poolings)], dim=1)  # (N, 2 C, H, W)
        return self.conv2(x)  # (N, C, H, W)


def fold_norm(weight: Tensor, norm: nn.BatchNorm1d | nn.BatchNorm2d) -> tuple[Tensor, Tensor]:
    """Weight and bias that equal a layer without bias followed by `norm` in eval mode.

    weight (C_out, ...) of a convolution or linear -> weight of the same shape, bias (C_out,).
    """
    assert norm.running_mean is not None and norm.running_var is not None
    factor = norm.weight / torch.sqrt(norm.running_var + norm.eps)  # (C_out,)
    bias = norm.bias - norm.running_mean * factor  # (C_out,)
    return weight * factor.reshape(-1, *[1] * (weight.ndim - 1)), bias


def zero_conv_biases(module: nn.Module) -> None:
    """Start every bias of a convolution at 0, as published trainings do; weights keep PyTorch's start."""
    for part in module.modules():
        if isinstance(part, nn.Conv2d) and part.bias is not None:
            nn.init.zeros_(part.bias)
