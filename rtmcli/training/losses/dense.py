"""Losses of the dense heads: RTMDet (quality focal, GIoU) and RTMO (varifocal, IoU, OKS, likelihood, visibility).

Shapes: n samples (cells), K keypoints, C classes. Where a loss says "summed", the head divides by its own
normaliser. Values and gradients equal mmpose's and mmdet's (tests/goldens/losses.npz).
"""

import torch
import torch.nn.functional as F
from torch import Tensor


def quality_focal(logits: Tensor, labels: Tensor, quality: Tensor, *, beta: float = 2.0) -> Tensor:
    """Quality focal loss, summed (arXiv 2006.04388, equation 2).

    Args:
        logits: (n, C).
        labels: (n,) class of each sample; C or more, or negative, is background.
        quality: (n,) the IoU a positive should predict.
    """
    # The focal factor is part of the gradient.
    prob = logits.sigmoid()
    target = torch.zeros_like(logits)  # (n, C)
    positive = torch.nonzero((labels >= 0) & (labels < logits.shape[1])).squeeze(1)
    target[positive, labels[positive]] = quality[positive].to(logits.dtype)
    error = F.binary_cross_entropy_with_logits(logits, target, reduction="none")
    return (error * (target - prob).abs().pow(beta)).sum()


def varifocal(
    logits: Tensor, targets: Tensor, weights: Tensor, *, alpha: float = 0.75, gamma: float = 2.0
) -> Tensor:
    """Varifocal loss, summed (arXiv 2008.13367, equation 2), as RTMO's score is trained.

    Args:
        logits: (n, C); targets: (n, C) in 0..1, the OKS of positives and 0 elsewhere.
        weights: (n, C).
    """
    logits = logits.clamp(-10, 10)
    prob = logits.sigmoid()
    # prob is part of the gradient.
    factor = torch.where(targets > 1e-4, targets, alpha * prob.pow(gamma))
    loss = F.binary_cross_entropy_with_logits(logits, targets, reduction="none") * factor
    return (loss * weights).sum()


def iou(a: Tensor, b: Tensor, *, eps: float = 1e-6) -> Tensor:
    """IoU of boxes (..., 4), pair by pair after broadcasting."""
    inner, union = _overlap(a, b)
    return inner / union.clamp(min=eps)


def iou_square(predictions: Tensor, targets: Tensor, *, eps: float = 1e-16) -> Tensor:
    """1 - IoU^2 of boxes (n, 4) pair by pair, summed."""
    return (1 - iou(predictions, targets, eps=eps).square()).sum()


def giou_loss(predictions: Tensor, targets: Tensor, weights: Tensor) -> Tensor:
    """1 - generalised IoU (arXiv 1902.09630) of boxes (n, 4) pair by pair, weighted by (n,) and summed."""
    inner, union = _overlap(predictions, targets)
    union = union.clamp(min=1e-6)
    low = torch.minimum(predictions[..., :2], targets[..., :2])
    high = torch.maximum(predictions[..., 2:], targets[..., 2:])
    hull = (high - low).clamp(min=0).prod(dim=-1).clamp(min=1e-6)
    loss = 1 - (inner / union - (hull - union) / hull)  # (n,)
    return (loss * weights).sum()


def oks(predictions: Tensor, targets: Tensor, visible: Tensor, areas: Tensor, sigmas: Tensor) -> Tensor:
    """exp(-d^2 / 2) of each keypoint, times its visibility: (n, K), not averaged.

    Args:
        predictions, targets: (..., K, 2) in pixels.
        visible: (..., K) weights in 0..1.
        areas: (...) square pixels of the annotation; d is in units of 2 sigma sqrt(area).
        sigmas: (K,) COCO's.
    """
    distance = torch.linalg.vector_norm(predictions - targets, dim=-1)  # (n, K)
    d = distance / (areas.sqrt()[..., None] * 2 * sigmas).clamp(min=1e-8)
    return torch.exp(-d.square() / 2) * visible


def oks_loss(predictions: Tensor, targets: Tensor, visible: Tensor, areas: Tensor, sigmas: Tensor) -> Tensor:
    """1 - OKS of each pose (n,) (YOLO-Pose, arXiv 2204.06806; RTMO, section 3.4). Arguments as of `oks`.

    As in mmpose's OKSLoss the similarity is divided by K, not by the number of visible keypoints.
    """
    return 1 - oks(predictions, targets, visible, areas, sigmas).mean(-1)


def coordinate_likelihood(
    prob_x: Tensor, prob_y: Tensor, target_x: Tensor, target_y: Tensor, visible: Tensor
) -> Tensor:
    """Negative log likelihood of the coordinate classification, (n,) (RTMO, section 3.3, equation 6).

    Args:
        prob_x, prob_y: (n, K, X), (n, K, Y) predicted probabilities.
        target_x, target_y: the same shapes, `DCC.targets`.
        visible: (n, K) weights.
    """
    likelihood = (prob_x * target_x).sum(-1) * (prob_y * target_y).sum(-1)  # (n, K)
    return (-torch.log(likelihood + 1e-4) * visible).mean(dim=-1)


def visibility_bce(logits: Tensor, targets: Tensor, weights: Tensor) -> Tensor:
    """Binary cross entropy of visibilities (n, K), weighted by (n, K), mean over all entries: a scalar."""
    return (F.binary_cross_entropy_with_logits(logits, targets, reduction="none") * weights).mean()


def box_l1(raw: Tensor, targets: Tensor) -> Tensor:
    """Absolute error of the raw box channels (n, 4), summed: RTMO's auxiliary term of the last epochs."""
    return (raw - targets).abs().sum()


def heatmap_mse(predictions: Tensor, targets: Tensor, weights: Tensor) -> Tensor:
    """Squared error of heatmaps (B, K, h, w), weighted by (B, K), mean over all entries: a scalar."""
    loss = (predictions - targets).square()
    return (loss * weights[..., None, None]).mean()


def score_weights(ignored: Tensor | None, positive: Tensor, priors: Tensor) -> Tensor:
    """(A,) weight of each cell's score: 0 for a background cell on an ignored pixel.

    Args:
        ignored: (H, W) bool, or None for no ignored pixels. positive: (A,) bool. priors: (A, 2) in pixels.
    """
    if ignored is None:
        return priors.new_ones(len(priors))
    column, row = priors.long().unbind(-1)
    return torch.where(ignored[row, column] & ~positive, 0.0, 1.0)


def full_precision(x: Tensor) -> Tensor:
    """Half precision to float32, in which losses are computed."""
    return x.float() if x.dtype in (torch.float16, torch.bfloat16) else x


def _overlap(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """Intersection and union areas of boxes (..., 4), pair by pair."""
    low, high = torch.maximum(a[..., :2], b[..., :2]), torch.minimum(a[..., 2:], b[..., 2:])
    inner = (high - low).clamp(min=0).prod(dim=-1)
    area_a = (a[..., 2:] - a[..., :2]).prod(dim=-1)
    area_b = (b[..., 2:] - b[..., :2]).prod(dim=-1)
    return inner, area_a + area_b - inner
