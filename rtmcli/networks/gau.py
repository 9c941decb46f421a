"""The gated attention unit over keypoint tokens (RTMPose: arXiv 2303.07399; GAU: arXiv 2202.10447)."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class ScaleNorm(nn.Module):
    """Divides the last axis by its root mean square, times one learned scalar: (..., D) -> same."""

    def __init__(self, dims: int, *, eps: float = 1e-5) -> None:
        super().__init__()
        self.scale = dims**-0.5
        self.eps = eps
        self.g = nn.Parameter(torch.ones(1))

    def forward(self, x: Tensor) -> Tensor:
        if x.dtype == torch.float16:  # whose 65504 is soon passed by a norm of many entries
            return self.forward(x.float()).to(x.dtype)  # (..., D)
        # Trap 7: the root mean square is what is clamped, so a zero row stays zero.
        rms = torch.linalg.vector_norm(x, dim=-1, keepdim=True) * self.scale  # (..., 1)
        return x / rms.clamp(min=self.eps) * self.g  # (..., D)


class Scale(nn.Module):
    """A learned factor: a scalar, or one for each entry of the last axis."""

    def __init__(self, value: float = 1.0, *, dims: int | None = None) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.tensor(value) if dims is None else torch.full((dims,), value))

    def forward(self, x: Tensor) -> Tensor:
        return x * self.scale


class GatedAttentionUnit(nn.Module):
    """Gated attention unit: tokens (N, K, D_in) -> (N, K, D_out), with the input added where D_in = D_out.

    u, v, b = split(SiLU(ScaleNorm(x) U)); q, k = b gamma + beta; out = (u * relu(q k / sqrt(s))^2 v) O + x.

    Args:
        tokens: K, needed by the relative bias alone.
        s: channels of queries and keys.
        expansion: e / D_in, channels of gate and values.
        dropout: on the attention matrix, in training.
        relative_bias: adds a learned bias of i - j to q k.
        rotary: turns queries and keys by their position.
        cross: a second and third input, (N, K', D_in) each, give keys and values.

    No published model sets `relative_bias`, `rotary` or `cross`; RTMO passes `pos_enc` (K, s) to `forward`.
    """

    def __init__(
        self,
        in_dims: int,
        out_dims: int,
        *,
        tokens: int = 0,
        s: int = 128,
        expansion: int = 2,
        dropout: float = 0.0,
        activation: type[nn.Module] = nn.SiLU,
        relative_bias: bool = False,
        rotary: bool = False,
        cross: bool = False,
    ) -> None:
        super().__init__()
        self.s, self.e = s, in_dims * expansion
        self.relative_bias, self.rotary, self.cross = relative_bias, rotary, cross
        if relative_bias and cross:
            self.a = nn.Parameter(torch.rand(1, s))
            self.b = nn.Parameter(torch.rand(1, s))
        elif relative_bias:
            self.w = nn.Parameter(torch.rand(2 * tokens - 1))
        self.o = nn.Linear(self.e, out_dims, bias=False)
        if cross:
            self.uv = nn.Linear(in_dims, self.e + s, bias=False)
            self.k_fc = nn.Linear(in_dims, s, bias=False)
            self.v_fc = nn.Linear(in_dims, self.e, bias=False)
        else:
            self.uv = nn.Linear(in_dims, 2 * self.e + s, bias=False)
            self.gamma = nn.Parameter(torch.rand(2, s))
            self.beta = nn.Parameter(torch.rand(2, s))
        self.ln = ScaleNorm(in_dims)
        self.act_fn = activation()
        self.dropout = nn.Dropout(dropout)
        self.res_scale = Scale(dims=in_dims) if in_dims == out_dims else None

    def forward(
        self,
        x: Tensor,
        keys: Tensor | None = None,
        values: Tensor | None = None,
        *,
        pos_enc: Tensor | None = None,
    ) -> Tensor:
        y = self.attend(x, keys, values, pos_enc)  # (N, K, D_out)
        # Trap 8: the residual is the input as it came, before the norm.
        return y if self.res_scale is None else self.res_scale(x) + y

    def attend(
        self,
        x: Tensor,
        keys: Tensor | None = None,
        values: Tensor | None = None,
        pos_enc: Tensor | None = None,
    ) -> Tensor:
        """The unit without its residual."""
        # Trap 8: the activation comes before the split, and the order is gate, value, base.
        uv = self.act_fn(self.uv(self.ln(x)))  # (N, K, 2 e + s), or (N, K, e + s) for cross-attention
        if self.cross:
            assert keys is not None and values is not None, "cross-attention needs keys and values"
            u, q = uv.split([self.e, self.s], dim=-1)  # (N, K, e), (N, K, s)
            k, v = self.k_fc(keys), self.v_fc(values)  # (N, K', s), (N, K', e)
        else:
            u, v, base = uv.split([self.e, self.e, self.s], dim=-1)  # (N, K, e) twice, (N, K, s)
            q, k = (base.unsqueeze(2) * self.gamma + self.beta).unbind(dim=2)  # (N, K, s) each
        if pos_enc is not None:
            q, k = q + pos_enc, k + pos_enc  # (N, K, s)
        if self.rotary:
            q, k = rotate(q), rotate(k)  # (N, K, s)
        attention = q @ k.transpose(1, 2)  # (N, K, K')
        if self.relative_bias:
            attention = attention + self.bias(q.shape[1], k.shape[1])
        # Trap 8: divided by sqrt(s), not by the number of tokens, and relu squared in place of softmax.
        kernel = self.dropout(F.relu(attention / self.s**0.5).square())  # (N, K, K')
        return self.o(u * (kernel @ v))  # (N, K, D_out)

    def bias(self, queries: int, keys: int) -> Tensor:
        """The relative bias (queries, keys)."""
        if self.cross:
            return rotate(self.a.expand(queries, -1)) @ rotate(self.b.expand(keys, -1)).T  # (K, K')
        step = torch.arange(queries, device=self.w.device)
        return self.w[queries - 1 + step[None, :] - step[:, None]]  # (K, K): w[n - 1 + j - i]


def rotate(x: Tensor) -> Tensor:
    """Rotary encoding: channels (i, i + s/2) turned by position * 10000^(i / (s/2)): (..., K, s) -> same.

    The exponent is positive in the reference, unlike the usual form.
    """
    half = x.shape[-1] // 2
    frequency = 10000 ** (torch.arange(half, dtype=x.dtype, device=x.device) / half)  # (s/2,)
    position = torch.arange(x.shape[-2], dtype=x.dtype, device=x.device)  # (K,)
    angle = position[:, None] * frequency  # (K, s/2)
    a, b = x.chunk(2, dim=-1)  # (..., K, s/2) each
    return torch.cat([a * angle.cos() - b * angle.sin(), b * angle.cos() + a * angle.sin()], dim=-1)
