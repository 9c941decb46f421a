"""The gated attention unit over keypoint tokens (RTMPose: arXiv 2303.07399; GAU: arXiv 2202.10447)."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class ScaleNorm(nn.Module):
    """Divides the last axis by its root mean square, times one learned scalar: (..., D) -> same.

    A row is divided by its largest entry first, so that its sum of squares is between 1 and D. Without that the sum
    exceeds the largest float16, 65504 (68,893 in rtmpose-t), and runtimes that compute in float16 return infinity.
    """

    def __init__(self, dims: int, *, eps: float = 1e-5) -> None:
        super().__init__()
        self.scale = dims**-0.5
        self.eps = eps
        self.g = nn.Parameter(torch.ones(1))

    def forward(self, x: Tensor) -> Tensor:
        # A constant for the gradient, which it does not change. A row of zeros is divided by any other number.
        peak = x.detach().abs().amax(dim=-1, keepdim=True).clamp(min=1e-3)  # (..., 1)
        rms = torch.linalg.vector_norm(x / peak * self.scale, dim=-1, keepdim=True) * peak  # (..., 1)
        # The root mean square is clamped, not the norm, so a zero row stays zero.
        return x / rms.clamp(min=self.eps) * self.g  # (..., D)


class Scale(nn.Module):
    """A learned factor: a scalar, or one for each entry of the last axis."""

    def __init__(self, value: float = 1.0, *, dims: int | None = None) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.tensor(value) if dims is None else torch.full((dims,), value))

    def forward(self, x: Tensor) -> Tensor:
        return x * self.scale


class GatedAttentionUnit(nn.Module):
    """Gated attention unit: tokens (N, K, D) -> (N, K, D).

    u, v, b = split(SiLU(ScaleNorm(x) U)); q, k = b gamma + beta; out = (u * relu(q k / sqrt(s))^2 v) O + x.

    Args:
        dims: D.
        s: channels of queries and keys.
        dropout: on the attention matrix, in training.
    """

    def __init__(self, dims: int, *, s: int = 128, dropout: float = 0.0) -> None:
        super().__init__()
        self.s, self.e = s, 2 * dims  # e: channels of gate and values
        self.o = nn.Linear(self.e, dims, bias=False)
        self.uv = nn.Linear(dims, 2 * self.e + s, bias=False)
        self.gamma = nn.Parameter(torch.rand(2, s))
        self.beta = nn.Parameter(torch.rand(2, s))
        self.ln = ScaleNorm(dims)
        self.act_fn = nn.SiLU()
        self.dropout = nn.Dropout(dropout)
        self.res_scale = Scale(dims=dims)

    def forward(self, x: Tensor, pos_enc: Tensor | None = None) -> Tensor:
        """`pos_enc` (K, s) is added to queries and keys (RTMO)."""
        # The activation comes before the split, and the order is gate, value, base
        # (mmpose/models/utils/rtmcc_block.py).
        uv = self.act_fn(self.uv(self.ln(x)))  # (N, K, 2 e + s)
        u, v, base = uv.split([self.e, self.e, self.s], dim=-1)  # (N, K, e) twice, (N, K, s)
        q, k = (base.unsqueeze(2) * self.gamma + self.beta).unbind(dim=2)  # (N, K, s) each
        if pos_enc is not None:
            q, k = q + pos_enc, k + pos_enc  # (N, K, s)
        attention = q @ k.transpose(1, 2)  # (N, K, K)
        # Divided by sqrt(s), not by the number of tokens as in the GAU paper; relu squared in place of softmax.
        kernel = self.dropout(F.relu(attention / self.s**0.5).square())  # (N, K, K)
        # The residual is the input as it came, before the norm.
        return self.res_scale(x) + self.o(u * (kernel @ v))  # (N, K, D)
