"""The neck of RTMO: one transformer layer on the coarsest map, then two-way fusion with two-branch blocks.

The hybrid encoder of RT-DETR (arXiv 2304.08069) as RTMO uses it (arXiv 2312.07526, section 3.1). Two-branch
blocks: RepVGG (arXiv 2101.03697), here without the identity branch.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rtmcli.networks.dcc import SineEncoding
from rtmcli.networks.layers import ConvModule, fold_norm

WIDTH = 256  # internal channels, the same for every published size
HEADS = 8
TEMPERATURE = 10000.0


class HybridEncoder(nn.Module):
    """Maps of strides 8, 16, 32 become fused maps of strides 16 and 32.

    Args:
        in_channels: channels of the three inputs, finest first.
        out_channels: channels of the two outputs.
        hidden: channels inside the CSPRep layers, int(256 w).
        num_blocks: two-branch blocks in each CSPRep layer, round(3 d).
        width: internal channels D.
    """

    def __init__(
        self,
        in_channels: tuple[int, int, int],
        *,
        out_channels: int,
        hidden: int,
        num_blocks: int,
        width: int = WIDTH,
    ) -> None:
        super().__init__()
        # Projections to and from the neck's width have no activation.
        self.input_proj = nn.ModuleList(ConvModule(c, width, 1, act=None) for c in in_channels)
        self.encoder = nn.ModuleList([TransformerEncoder(width)])
        self.sincos_pos_enc = SineEncoding(width // 2, temperature=TEMPERATURE)
        self.lateral_convs = nn.ModuleList(ConvModule(width, width, 1) for _ in range(2))
        self.fpn_blocks = nn.ModuleList(CSPRepLayer(width, hidden, num_blocks) for _ in range(2))
        self.downsample_convs = nn.ModuleList(ConvModule(width, width, 3, stride=2) for _ in range(2))
        self.pan_blocks = nn.ModuleList(CSPRepLayer(width, hidden, num_blocks) for _ in range(2))
        self.projector = ChannelMapper(width, out_channels)
        self.pos_enc_0: Tensor | None = None
        self._init_weights()

    def forward(self, features: tuple[Tensor, Tensor, Tensor]) -> tuple[Tensor, Tensor]:
        """Strides 8, 16, 32: (N, c_i, h_i, w_i) -> strides 16, 32: (N, out_channels, h_i, w_i)."""
        p3, p4, p5 = (proj(x) for proj, x in zip(self.input_proj, features, strict=True))
        n, c, h, w = p5.shape
        tokens = p5.flatten(2).transpose(1, 2)  # (N, h w, D), row-major
        pos = self.positions(h, w) if self.pos_enc_0 is None else self.pos_enc_0
        p5 = self.encoder[0](tokens, pos).transpose(1, 2).reshape(n, c, h, w)  # (N, D, h, w)

        # Top-down. The resampled map comes first: the order of the weights (hybrid_encoder.py in mmpose).
        l5 = self.lateral_convs[0](p5)
        f4 = self.fpn_blocks[0](torch.cat([_upsample(l5), p4], 1))  # (N, D, 2h, 2w)
        l4 = self.lateral_convs[1](f4)
        o3 = self.fpn_blocks[1](torch.cat([_upsample(l4), p3], 1))  # (N, D, 4h, 4w)
        # Bottom-up, from the lateral maps.
        o4 = self.pan_blocks[0](torch.cat([self.downsample_convs[0](o3), l4], 1))  # (N, D, 2h, 2w)
        o5 = self.pan_blocks[1](torch.cat([self.downsample_convs[1](o4), l5], 1))  # (N, D, h, w)
        return self.projector((o4, o5))

    def positions(self, h: int, w: int) -> Tensor:
        """Positional encoding (1, h w, D): cos and sin of the row, then cos and sin of the column."""
        like = self.sincos_pos_enc.dim_t
        row, column = (torch.arange(size, dtype=like.dtype, device=like.device) for size in (h, w))
        rows = self.sincos_pos_enc(row)[:, None].expand(h, w, -1)  # (h, w, D / 2)
        columns = self.sincos_pos_enc(column)[None].expand(h, w, -1)  # (h, w, D / 2)
        return torch.cat([rows, columns], -1).reshape(1, h * w, -1)

    def fuse(self, h: int, w: int) -> None:
        """Fuse the two-branch blocks and store the encoding of an h x w stride-32 map, in place."""
        for module in self.modules():
            if isinstance(module, RepVGGBlock):
                module.fuse()
        positions = self.positions(h, w)
        del self.pos_enc_0
        self.register_buffer("pos_enc_0", positions)

    def _init_weights(self) -> None:
        reps = [block for blocks in (self.fpn_blocks, self.pan_blocks) for block in blocks]
        csp_convs = [m for rep in reps for m in rep.children() if isinstance(m, ConvModule)]
        for module in (*self.input_proj, *self.lateral_convs, *self.downsample_convs, *csp_convs):
            nn.init.kaiming_normal_(module.conv.weight, mode="fan_out")
        for module in self.projector.convs:
            assert isinstance(module, ConvModule)
            nn.init.xavier_uniform_(module.conv.weight)


class TransformerEncoder(nn.Module):
    """The encoder's list of layers; RTMO has one."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList([TransformerLayer(width)])

    def forward(self, tokens: Tensor, pos: Tensor) -> Tensor:
        for layer in self.layers:
            tokens = layer(tokens, pos)
        return tokens  # (N, T, D)


class TransformerLayer(nn.Module):
    """Attention and feed-forward, each with its residual sum, normalised afterwards."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.self_attn = SelfAttention(width)
        self.ffn = FeedForward(width)
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(2))

    def forward(self, tokens: Tensor, pos: Tensor) -> Tensor:
        tokens = self.norms[0](self.self_attn(tokens, pos))
        return self.norms[1](self.ffn(tokens))  # (N, T, D)


class SelfAttention(nn.Module):
    """Multi-head attention plus its input; positions go to query and key, not to the value."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.attn = nn.MultiheadAttention(width, HEADS, batch_first=True)

    def forward(self, tokens: Tensor, pos: Tensor) -> Tensor:
        query = tokens + pos
        return tokens + self.attn(query, query, tokens, need_weights=False)[0]  # (N, T, D)


class FeedForward(nn.Module):
    """Two linear layers around an exact (erf) GELU, plus the input; hidden width 4 D."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Sequential(nn.Linear(width, 4 * width), nn.GELU()),
            nn.Linear(4 * width, width),
        )

    def forward(self, tokens: Tensor) -> Tensor:
        return tokens + self.layers(tokens)  # (N, T, D)


class CSPRepLayer(nn.Module):
    """Two paths of the joined map, one through two-branch blocks, summed (not concatenated)."""

    def __init__(self, width: int, hidden: int, num_blocks: int) -> None:
        super().__init__()
        self.conv1 = ConvModule(2 * width, hidden, 1)
        self.conv2 = ConvModule(2 * width, hidden, 1)
        self.bottlenecks = nn.Sequential(*(RepVGGBlock(hidden) for _ in range(num_blocks)))
        # Where the hidden width equals the neck's (RTMO-l) there is no third convolution.
        self.conv3 = nn.Identity() if hidden == width else ConvModule(hidden, width, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv3(self.bottlenecks(self.conv1(x)) + self.conv2(x))  # (N, D, h, w)


class RepVGGBlock(nn.Module):
    """SiLU of a 3 x 3 plus a 1 x 1 branch; one 3 x 3 convolution after `fuse`."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.branch_3x3 = ConvModule(channels, channels, 3, act=None)
        self.branch_1x1 = ConvModule(channels, channels, 1, act=None)
        self.act = nn.SiLU()
        self.conv_reparam: nn.Conv2d | None = None

    def forward(self, x: Tensor) -> Tensor:
        if self.conv_reparam is not None:
            return self.act(self.conv_reparam(x))
        return self.act(self.branch_3x3(x) + self.branch_1x1(x))

    def fused_kernel(self) -> tuple[Tensor, Tensor]:
        """Kernel (c, c, 3, 3) and bias (c,) of the one convolution that equals both branches in eval mode."""
        k3, b3 = _folded(self.branch_3x3)
        k1, b1 = _folded(self.branch_1x1)
        return k3 + F.pad(k1, (1, 1, 1, 1)), b3 + b1

    def fuse(self) -> None:
        """Replace both branches by one convolution, in place."""
        kernel, bias = self.fused_kernel()
        conv = nn.Conv2d(kernel.shape[1], kernel.shape[0], 3, padding=1).to(kernel)
        conv.weight, conv.bias = nn.Parameter(kernel), nn.Parameter(bias)
        del self.branch_3x3, self.branch_1x1
        self.conv_reparam = conv


class ChannelMapper(nn.Module):
    """1 x 1 convolutions without activation to the head's channels."""

    def __init__(self, width: int, out_channels: int) -> None:
        super().__init__()
        self.convs = nn.ModuleList(ConvModule(width, out_channels, 1, act=None) for _ in range(2))

    def forward(self, maps: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
        fine, coarse = maps
        return self.convs[0](fine), self.convs[1](coarse)


def _folded(branch: ConvModule) -> tuple[Tensor, Tensor]:
    """Kernel and bias of a branch, whose norm `fold.fold_batchnorm` may have folded already."""
    conv: nn.Conv2d = branch.conv
    if isinstance(branch.bn, nn.Identity):
        assert conv.bias is not None
        return conv.weight, conv.bias
    return fold_norm(conv.weight, branch.bn)


def _upsample(x: Tensor) -> Tensor:
    return F.interpolate(x, scale_factor=2, mode="nearest")
