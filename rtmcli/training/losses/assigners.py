"""Label assignment of cells to instances: SimOTA with OKS cost (RTMO) and dynamic soft labels (RTMDet).

Shapes: A cells (priors) of all levels, G instances of one image, K keypoints, C classes. Nothing here has gradients.
"""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from rtmcli.training.losses.dense import iou, oks

# Cost of a cell outside of the box or of its centre region.
OUTSIDE = 1e5


class Assignment(NamedTuple):
    """The assignment of one image.

    matched: (A,) index of the instance assigned to a cell, -1 for background.
    overlaps: (A,) OKS (SimOTA) or IoU (soft labels) of a positive with its instance, 0 for background.
    """

    matched: Tensor
    overlaps: Tensor


@torch.no_grad()
def simota(
    priors: Tensor,
    strides: Tensor,
    boxes: Tensor,
    scores: Tensor,
    keypoints: Tensor,
    *,
    gt_boxes: Tensor,
    gt_keypoints: Tensor,
    gt_visible: Tensor,
    gt_areas: Tensor,
    sigmas: Tensor,
    center_by_keypoints: bool = False,
    candidates: int = 10,
    iou_weight: float = 3.0,
    oks_weight: float = 3.0,
) -> Assignment:
    """SimOTA (YOLOX, arXiv 2107.08430, section 2.3) with an OKS cost (RTMO, section 3.4).

    Args:
        priors: (A, 2) centres of the cells; strides: (A,).
        boxes: (A, 4), scores: (A,) in 0..1, keypoints: (A, K, 2): what the cells predict, in input pixels. RTMO's
            head passes the root of its score.
        gt_boxes: (G, 4); gt_keypoints: (G, K, 2); gt_visible: (G, K); gt_areas: (G,) square pixels.
        sigmas: (K,).
        center_by_keypoints: the middle is the mean of the visible points (RTMO t and s), else the box's.
        candidates: the sum of this many best OKS is the number of cells an instance gets.
    """
    matched = priors.new_full((len(priors),), -1, dtype=torch.long)
    overlaps = priors.new_zeros(len(priors))
    if len(gt_boxes) == 0:
        return Assignment(matched, overlaps)
    middle = (gt_boxes[:, :2] + gt_boxes[:, 2:]) / 2  # (G, 2)
    if center_by_keypoints:
        seen = gt_visible[..., None]
        mean = (gt_keypoints * seen).sum(1) / seen.sum(1).clamp(min=1)
        middle = torch.where(gt_visible.sum(1, keepdim=True) > 0, mean, middle)
    inside = _inside(priors, gt_boxes)  # (A, G)
    distance = (priors[:, None] - middle).abs().amax(dim=-1)  # (A, G)
    near = distance < 2.5 * strides[:, None]
    valid = (inside | near).any(dim=1)
    if not valid.any():
        return Assignment(matched, overlaps)

    # In float32 the penalty leaves a resolution of 0.008, so the order of the terms decides ties: keep it.
    similarity = oks(keypoints[valid][:, None], gt_keypoints, gt_visible, gt_areas, sigmas).sum(-1)
    similarity = similarity / gt_visible.sum(-1).clamp(min=1e-6)  # (V, G)
    overlap = iou(boxes[valid][:, None], gt_boxes)  # (V, G)
    score = scores[valid][:, None].float().expand(-1, len(gt_boxes))
    cost = (~(inside & near)[valid]).to(overlap) * OUTSIDE
    cost = cost - torch.log(overlap + 1e-8) * iou_weight
    cost = cost - torch.log(similarity + 1e-8) * oks_weight
    cost = cost + F.binary_cross_entropy(score, torch.ones_like(score), reduction="none").to(cost)
    chosen = _dynamic_k(cost, similarity, candidates)
    return _spread(matched, overlaps, valid, chosen, similarity)


@torch.no_grad()
def dynamic_soft_label(
    priors: Tensor,
    strides: Tensor,
    boxes: Tensor,
    logits: Tensor,
    *,
    gt_boxes: Tensor,
    gt_labels: Tensor,
    candidates: int = 13,
    iou_weight: float = 3.0,
    radius: float = 3.0,
) -> Assignment:
    """RTMDet's assigner (arXiv 2212.07784, section 3.3): focal cost with soft labels, IoU cost, soft centre.

    Args:
        priors: (A, 2) corners of the cells, RTMDet's offset 0; strides: (A,).
        boxes: (A, 4) predicted, in input pixels; logits: (A, C).
        gt_boxes: (G, 4); gt_labels: (G,).
        candidates: the sum of this many best IoU is the number of cells an instance gets.
        radius: distance in strides at which the cost of being off the middle is 1.
    """
    matched = priors.new_full((len(priors),), -1, dtype=torch.long)
    overlaps = priors.new_zeros(len(priors))
    if len(gt_boxes) == 0:
        return Assignment(matched, overlaps)
    valid = _inside(priors, gt_boxes).any(dim=1)
    if not valid.any():
        return Assignment(matched, overlaps)

    middle = (gt_boxes[:, :2] + gt_boxes[:, 2:]) / 2
    distance = torch.linalg.vector_norm(priors[valid][:, None] - middle, dim=-1) / strides[valid][:, None]
    overlap = iou(boxes[valid][:, None], gt_boxes)  # (V, G)
    label = F.one_hot(gt_labels, logits.shape[1]).to(logits)  # (G, C)
    predicted = logits[valid][:, None].expand(-1, len(gt_boxes), -1)  # (V, G, C)
    soft = label * overlap[..., None]  # (V, G, C)
    focal = F.binary_cross_entropy_with_logits(predicted, soft, reduction="none")
    focal = (focal * (soft - predicted.sigmoid()).abs().square()).sum(-1)  # (V, G)
    cost = focal - torch.log(overlap + 1e-7) * iou_weight + 10 ** (distance - radius)
    chosen = _dynamic_k(cost, overlap, candidates)
    return _spread(matched, overlaps, valid, chosen, overlap)


def _inside(priors: Tensor, boxes: Tensor) -> Tensor:
    """(A, G): the cell lies strictly inside the box."""
    return ((priors[:, None] > boxes[:, :2]) & (priors[:, None] < boxes[:, 2:])).all(dim=-1)


def _dynamic_k(cost: Tensor, quality: Tensor, candidates: int) -> Tensor:
    """(V,) instance chosen for each cell, -1 for none, from the cost and the quality (V, G) of all pairs."""
    best = quality.topk(min(candidates, len(quality)), dim=0).values  # (k, G)
    counts = best.sum(dim=0).int().clamp(min=1)  # (G,)
    taken = torch.zeros_like(cost, dtype=torch.bool)
    for instance, count in enumerate(counts.tolist()):
        cells = cost[:, instance].topk(count, largest=False).indices
        taken[cells, instance] = True
    chosen = torch.where(taken.any(dim=1), taken.int().argmax(dim=1), -1)
    # A cell chosen for several instances goes to the cheapest of all, even to one that did not choose it.
    return torch.where(taken.sum(dim=1) > 1, cost.argmin(dim=1), chosen)


def _spread(matched: Tensor, overlaps: Tensor, valid: Tensor, chosen: Tensor, quality: Tensor) -> Assignment:
    """Write the assignment of the valid cells into that of all cells."""
    matched[valid] = chosen
    picked = quality.gather(1, chosen.clamp(min=0)[:, None])[:, 0]
    overlaps[valid] = torch.where(chosen >= 0, picked, 0).to(overlaps)
    return Assignment(matched, overlaps)
