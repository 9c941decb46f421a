"""The path-aggregation neck of RTMDet, RTMW and YOLOX (PAFPN: arXiv 1803.01534)."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from rtmcli.networks.layers import ConvModule, CSPLayer, conv_class, zero_conv_biases


class PAFPN(nn.Module):
    """Top-down, then bottom-up over maps (N, c3, H/8, W/8), (N, c4, H/16, W/16), (N, c5, H/32, W/32) -> same.

    Args:
        channels: (c3, c4, c5).
        count: blocks of each CSP layer.
        block: makes one block for a number of channels. In a neck without identity and attention.
        depthwise: the stride-2 convolutions are depthwise-separable.
        out_convs: makes the convolution that ends a level, by its channels; None where there is none.
    """

    def __init__(
        self,
        channels: Sequence[int],
        *,
        count: int,
        block: Callable[[int], nn.Module],
        depthwise: bool = False,
        out_convs: Callable[[int], nn.Module] | None = None,
        eps: float = 1e-5,
        momentum: float = 0.1,
    ) -> None:
        super().__init__()
        c3, c4, c5 = channels

        def csp(c_in: int, c_out: int) -> CSPLayer:
            return CSPLayer(c_in, c_out, count=count, block=block, eps=eps, momentum=momentum)

        down = conv_class(depthwise)
        self.upsample = nn.Upsample(scale_factor=2, mode="nearest")
        self.reduce_layers = nn.ModuleList(
            [ConvModule(c5, c4, eps=eps, momentum=momentum), ConvModule(c4, c3, eps=eps, momentum=momentum)]
        )
        self.top_down_blocks = nn.ModuleList([csp(2 * c4, c4), csp(2 * c3, c3)])
        self.downsamples = nn.ModuleList(
            [down(c, c, 3, stride=2, eps=eps, momentum=momentum) for c in (c3, c4)]
        )
        self.bottom_up_blocks = nn.ModuleList([csp(2 * c3, c4), csp(2 * c4, c5)])
        self.out_convs = nn.ModuleList([out_convs(c) for c in channels]) if out_convs is not None else None
        zero_conv_biases(self)

    def forward(self, inputs: Sequence[Tensor]) -> list[Tensor]:
        p3, p4, p5 = inputs
        # The resampled map comes first, and the reduced maps r4, r5 (not t4, P5) enter the bottom-up path
        # (cspnext_pafpn.py in mmdet).
        r5 = self.reduce_layers[0](p5)  # (N, c4, H/32, W/32)
        t4 = self.top_down_blocks[0](torch.cat([self.upsample(r5), p4], dim=1))  # (N, c4, H/16, W/16)
        r4 = self.reduce_layers[1](t4)  # (N, c3, H/16, W/16)
        o3 = self.top_down_blocks[1](torch.cat([self.upsample(r4), p3], dim=1))  # (N, c3, H/8, W/8)
        o4 = self.bottom_up_blocks[0](torch.cat([self.downsamples[0](o3), r4], dim=1))  # (N, c4, H/16, W/16)
        o5 = self.bottom_up_blocks[1](torch.cat([self.downsamples[1](o4), r5], dim=1))  # (N, c5, H/32, W/32)
        outputs = [o3, o4, o5]
        if self.out_convs is not None:
            outputs = [conv(x) for conv, x in zip(self.out_convs, outputs, strict=True)]
        return outputs
