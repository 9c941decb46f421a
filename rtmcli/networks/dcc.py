"""The dynamic coordinate classifier of RTMO: a pose vector and a box become keypoints.

RTMO: arXiv 2312.07526, section 3.3. Bins are laid over each person's own box ("dynamic bin allocation"),
encoded by sines ("dynamic bin encoding"), and matched with keypoint features that a gated attention unit has
refined.

Names: n instances, P pose channels, K keypoints, D feature channels, X and Y bins along the axes.
"""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rtmcli.networks.gau import GatedAttentionUnit, Scale
from rtmcli.networks.layers import fold_norm

BOX_PADDING = 1.25  # RTMO, section 3.3: bins span 1.25 times the box
BINS = (192, 256)  # bins along x and y; RTMO, section 4.1
FEATURES = 128
TEMPERATURE = 300.0  # of the bin encoding; the neck's is 10000


class Classified(NamedTuple):
    """What the classifier knows about n instances in training.

    keypoints: (n, K, 2) expected positions in input pixels.
    prob_x, prob_y: (n, K, X) and (n, K, Y) softmax over the bins.
    bins_x, bins_y: (n, X) and (n, Y) positions of the bins in input pixels.
    sigmas: (n, K) predicted uncertainty, for the likelihood loss.
    """

    keypoints: Tensor
    prob_x: Tensor
    prob_y: Tensor
    bins_x: Tensor
    bins_y: Tensor
    sigmas: Tensor


class SineEncoding(nn.Module):
    """A scalar p becomes `channels` numbers: all cosines, then all sines, of p / temperature^(i / half)."""

    dim_t: Tensor

    def __init__(self, channels: int, *, temperature: float) -> None:
        super().__init__()
        half = channels // 2
        # The exponent is i / half in both encodings of RTMO; only their temperatures differ (rtmo_head.py in mmpose).
        # In float32, as published state dicts hold it: the last bit shows in the keypoints.
        self.register_buffer("dim_t", temperature ** (torch.arange(half, dtype=torch.float32) / half))

    def forward(self, position: Tensor) -> Tensor:
        angle = position.unsqueeze(-1) / self.dim_t  # (..., half)
        return torch.cat([angle.cos(), angle.sin()], dim=-1)  # (..., channels)


class InstanceNorm(nn.BatchNorm1d):
    """Batch norm over instances that takes a batch of one in training by its running statistics."""

    def forward(self, x: Tensor) -> Tensor:
        if self.training and x.shape[0] < 2:  # one positive in the whole batch has no variance
            return F.batch_norm(x, self.running_mean, self.running_var, self.weight, self.bias, eps=self.eps)
        return super().forward(x)


class DCC(nn.Module):
    """Dynamic coordinate classifier.

    Args:
        pose_channels: length P of the pose vector.
        num_keypoints: K.
        features: D, also the width of the unit's shared space.
        bins: number of bins along x and y.
    """

    x_bins: Tensor
    y_bins: Tensor

    def __init__(
        self,
        pose_channels: int,
        num_keypoints: int,
        *,
        features: int = FEATURES,
        bins: tuple[int, int] = BINS,
    ) -> None:
        super().__init__()
        self.num_keypoints, self.features = num_keypoints, features
        self.deployed = False
        self.pos_enc = nn.Parameter(torch.randn(num_keypoints, features))
        # Both ends are bins: the spacing is 1 / (bins - 1) of the padded box.
        self.register_buffer("y_bins", torch.linspace(-0.5, 0.5, bins[1]))
        self.register_buffer("x_bins", torch.linspace(-0.5, 0.5, bins[0]))
        self.spe = SineEncoding(features, temperature=TEMPERATURE)
        self.gau = GatedAttentionUnit(features, s=features)
        self.pose_to_kpts: nn.Module = nn.Sequential(
            nn.Linear(pose_channels, num_keypoints * features),
            InstanceNorm(num_keypoints * features),
        )
        self.x_fc = nn.Linear(features, features)
        self.y_fc = nn.Linear(features, features)
        self.sigma_fc = nn.Sequential(nn.Linear(pose_channels, num_keypoints), nn.Sigmoid(), Scale(0.1))
        nn.init.xavier_uniform_(self.gau.uv.weight)
        # mmpose keeps PyTorch's default initialisation: logits then span hundreds, every keypoint starts in a random
        # bin far from its target, and training on few images never moves it. Here the distribution starts flat.
        for fc in (self.x_fc, self.y_fc):
            nn.init.normal_(fc.weight, std=0.0001)
            nn.init.zeros_(fc.bias)

    def forward(self, pose: Tensor, boxes: Tensor, cells: Tensor) -> Tensor:
        """Keypoints (n, K, 2) in input pixels.

        Args:
            pose: (n, P) pose vectors.
            boxes: (n, 4) x1, y1, x2, y2 in input pixels, as decoded: not clamped to the image.
            cells: (n, 2) centre of the cell that predicted each instance.
        """
        x_rel, y_rel = self.relative_bins(boxes, cells)
        prob_x, prob_y = self.classify(pose, x_rel, y_rel)
        if self.deployed:  # relative bins keep the expectation near zero, where float16 is finest
            return _expect(prob_x, prob_y, x_rel, y_rel) + cells[:, None]  # (n, K, 2)
        return _expect(prob_x, prob_y, *self.absolute_bins(boxes))  # (n, K, 2)

    def forward_train(self, pose: Tensor, boxes: Tensor, cells: Tensor) -> Classified:
        """As `forward`, with everything that the losses need."""
        prob_x, prob_y = self.classify(pose, *self.relative_bins(boxes, cells))
        bins_x, bins_y = self.absolute_bins(boxes)
        keypoints = _expect(prob_x, prob_y, bins_x, bins_y)  # (n, K, 2)
        return Classified(keypoints, prob_x, prob_y, bins_x, bins_y, self.sigma_fc(pose))

    def relative_bins(self, boxes: Tensor, cells: Tensor) -> tuple[Tensor, Tensor]:
        """Positions (n, X) and (n, Y) of the bins, in pixels from the cell."""
        centers, sizes = padded_box(boxes)
        return self._bins(centers - cells, sizes)

    def absolute_bins(self, boxes: Tensor) -> tuple[Tensor, Tensor]:
        """Positions (n, X) and (n, Y) of the bins, in input pixels."""
        return self._bins(*padded_box(boxes))

    def classify(self, pose: Tensor, x_rel: Tensor, y_rel: Tensor) -> tuple[Tensor, Tensor]:
        """Probabilities (n, K, X) and (n, K, Y) over bins at (n, X) and (n, Y) pixels from the cell."""
        tokens = self.pose_to_kpts(pose).unflatten(1, (self.num_keypoints, self.features))  # (n, K, D)
        tokens = self.gau(tokens, pos_enc=self.pos_enc)  # (n, K, D)
        x_logits = self._match(tokens, self.x_fc, self.spe(x_rel))  # (n, K, X)
        y_logits = self._match(tokens, self.y_fc, self.spe(y_rel))  # (n, K, Y)
        return _softmax(x_logits), _softmax(y_logits)

    def _match(self, tokens: Tensor, fc: nn.Linear, encoding: Tensor) -> Tensor:
        """Logits (n, K, B): products of tokens (n, K, D) and encoded bins (n, B, D), which pass `fc` first."""
        if not self.deployed:
            return tokens @ fc(encoding).transpose(1, 2)
        # The same with the layer on the tokens' side: keypoints are far fewer than bins.
        return (tokens @ fc.weight) @ encoding.transpose(1, 2) + (tokens @ fc.bias)[..., None]

    def targets(
        self, keypoints: Tensor, areas: Tensor, sigmas: Tensor, bins_x: Tensor, bins_y: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Target heatmaps (n, K, X) and (n, K, Y): Laplace bumps as wide as the predicted sigma says.

        Args:
            keypoints: (n, K, 2) true positions in input pixels.
            areas: (n,) area of each instance in square pixels.
            sigmas, bins_x, bins_y: as in `Classified`; gradient flows into all three.
        """
        width = areas.pow(0.5).clamp(min=1)[:, None, None]  # (n, 1, 1)
        spread = sigmas.clamp(min=1e-3)[..., None]  # (n, K, 1)

        def bump(axis: int, bins: Tensor) -> Tensor:
            distance = (keypoints[..., axis, None] - bins[:, None]).abs() / width / spread
            return torch.exp(-distance / 2) / spread

        return bump(0, bins_x), bump(1, bins_y)

    def fuse(self) -> None:
        """Fold the norm of `pose_to_kpts` into its linear layer, in place."""
        assert isinstance(self.pose_to_kpts, nn.Sequential)
        linear, norm = self.pose_to_kpts
        assert isinstance(linear, nn.Linear) and isinstance(norm, nn.BatchNorm1d)
        # The linear's own bias is scaled as one more input that is always 1.
        weight, shift = fold_norm(torch.cat([linear.weight, linear.bias[:, None]], dim=1), norm)
        weight, bias = weight[:, :-1].contiguous(), weight[:, -1] + shift
        fused = nn.Linear(linear.in_features, linear.out_features).to(weight)
        fused.weight, fused.bias = nn.Parameter(weight), nn.Parameter(bias)
        self.pose_to_kpts = fused
        self.deployed = True

    def _bins(self, centers: Tensor, sizes: Tensor) -> tuple[Tensor, Tensor]:
        x = self.x_bins * sizes[:, :1] + centers[:, :1]  # (n, X)
        y = self.y_bins * sizes[:, 1:] + centers[:, 1:]  # (n, Y)
        return x, y


def padded_box(boxes: Tensor) -> tuple[Tensor, Tensor]:
    """Centre (n, 2) and padded width and height (n, 2) of boxes (n, 4)."""
    low, high = boxes[:, :2], boxes[:, 2:]
    return (low + high) * 0.5, (high - low) * BOX_PADDING


def _softmax(logits: Tensor) -> Tensor:
    logits = logits.clamp(-5e4, 5e4)  # keeps half precision finite
    powers = torch.exp(logits - logits.max(dim=-1, keepdim=True).values)
    # The 1e-8 is the reference's; it moves a keypoint by some 1e-6 pixels.
    return powers / (powers.sum(dim=-1, keepdim=True) + 1e-8)


def _expect(prob_x: Tensor, prob_y: Tensor, bins_x: Tensor, bins_y: Tensor) -> Tensor:
    x = (prob_x * bins_x[:, None]).sum(dim=-1)  # (n, K)
    y = (prob_y * bins_y[:, None]).sum(dim=-1)  # (n, K)
    return torch.stack([x, y], dim=-1)  # (n, K, 2)
