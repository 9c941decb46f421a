"""The loss of RTMO's head (arXiv 2312.07526, section 3.4), both stages and the auxiliary term.

Names: N images, A cells, K keypoints, G people of an image, n positives of the batch.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from rtmcli.networks.dcc import DCC
from rtmcli.networks.rtmo import Maps, decode_boxes, decode_keypoints, flatten_levels, make_priors
from rtmcli.training.losses.assigners import simota
from rtmcli.training.losses.dense import (
    box_l1,
    coordinate_likelihood,
    full_precision,
    iou_square,
    oks,
    oks_loss,
    score_weights,
    varifocal,
    visibility_bce,
)


class People(NamedTuple):
    """The labels of one image, in input pixels.

    boxes: (G, 4) x1, y1, x2, y2.
    keypoints: (G, K, 2).
    visible: (G, K) 1 where labelled, else 0.
    visible_weights: (G, K) weight of each point's visibility label (0: unknown).
    areas: (G,) square pixels, the annotation's own where it has one.
    ignored: (H, W) bool, pixels whose background cells have no loss (crowds); None for no such pixels.
    """

    boxes: Tensor
    keypoints: Tensor
    visible: Tensor
    visible_weights: Tensor
    areas: Tensor
    ignored: Tensor | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LossWeights:
    """Weights of the terms in one stage. Published values: recipes `rtmo-*.toml`.

    cls, bbox, oks, vis, mle: weights of the terms.
    aux: weight of the auxiliary box L1 of the last epochs; 0 leaves it out.
    power: exponent of the OKS a score learns.
    proxy: second stage; the regressed points learn the classifier's, and scores learn the classifier's OKS.
    center_by_keypoints: the assigner's middle is the mean of the visible points (sizes t and s).
    """

    cls: float = 1.0
    bbox: float = 5.0
    oks: float = 30.0
    vis: float = 1.0
    mle: float = 1.0
    aux: float = 0.0
    power: float = 0.5
    proxy: bool = False
    center_by_keypoints: bool = False


def rtmo_loss(
    maps: Maps,
    dcc: DCC,
    people: Sequence[People],
    *,
    sigmas: Tensor,
    weights: LossWeights,
    share: Callable[[Tensor], Tensor] = lambda count: count,
) -> tuple[Tensor, dict[str, Tensor]]:
    """The loss of a batch, and its terms for the log.

    Args:
        maps: what `RTMO.forward` returns in train mode.
        dcc: the network's classifier, `network.head.dcc`.
        people: the labels of each image.
        sigmas: (K,) COCO's tolerance of each keypoint.
        weights: those of the stage.
        share: averages a value over the processes of a distributed run. All terms are divided by the shared
            number of positives, so that averaged gradients are those of the whole batch.

    Returns:
        The total, and `bbox`, `vis`, `mle`, `oks`, `cls` (and `bbox_aux`) weighted as they enter it, with the
        number of positives (`positives`) and their mean OKS before the power (`overlap`), both detached.
    """
    maps = Maps(*([full_precision(m) for m in field] for field in maps))
    priors, strides = make_priors([m.shape[2:] for m in maps.cls], like=maps.cls[0])
    logits = flatten_levels(maps.cls)[..., 0]  # (N, A)
    raw_boxes = flatten_levels(maps.bbox)  # (N, A, 4)
    boxes = decode_boxes(raw_boxes, priors, strides)  # (N, A, 4)
    points = decode_keypoints(flatten_levels(maps.kpt_offset), priors, strides)  # (N, A, K, 2)

    matched, overlaps = _assign(logits, boxes, points, priors, strides, people, sigmas, weights)  # (N, A)
    image, cell = torch.nonzero(matched >= 0, as_tuple=True)  # (n,) each
    count = len(image)
    divisor = share(logits.new_tensor(float(count))).clamp(min=1)
    target_scores = torch.zeros_like(logits)  # (N, A)
    terms: dict[str, Tensor] = {}
    if count:
        labels = _gather(people, image, matched[image, cell])
        cells, steps = priors[cell], strides[cell]  # (n, 2), (n,)
        found, proxies = boxes[image, cell], points[image, cell]  # (n, 4), (n, K, 2)

        terms["bbox"] = weights.bbox * iou_square(found, labels.boxes) / divisor
        if weights.aux:
            raw_targets = _encode_boxes(labels.boxes, cells, steps)
            terms["bbox_aux"] = weights.aux * box_l1(raw_boxes[image, cell], raw_targets) / divisor

        vis = flatten_levels(maps.vis)[image, cell]  # (n, K)
        mean_vis = visibility_bce(vis, labels.visible, labels.visible_weights)
        terms["vis"] = weights.vis * mean_vis * (count / divisor)

        # The classifier works on each positive's own predicted box; gradient flows into the box.
        classified = dcc.forward_train(flatten_levels(maps.pose)[image, cell], found, cells)
        bump_x, bump_y = dcc.targets(
            labels.keypoints, labels.areas, classified.sigmas, classified.bins_x, classified.bins_y
        )
        likelihood = coordinate_likelihood(
            classified.prob_x, classified.prob_y, bump_x, bump_y, labels.visible
        )
        terms["mle"] = weights.mle * likelihood.sum() / divisor

        goal, seen = labels.keypoints, labels.visible
        overlap = overlaps[image, cell]  # (n,)
        if weights.proxy:
            goal, seen = _proxy_targets(proxies, classified.keypoints, labels)
            similarity = oks(
                classified.keypoints.detach(), labels.keypoints, labels.visible, labels.areas, sigmas
            )
            overlap = similarity.sum(-1) / labels.visible.sum(-1).clamp(min=1e-6)
        terms["oks"] = weights.oks * oks_loss(proxies, goal, seen, labels.areas, sigmas).sum() / divisor
        target_scores[image, cell] = overlap.clamp(min=0).pow(weights.power).to(target_scores)
    else:
        overlap = logits.new_zeros(1)
        # Distributed training needs every parameter in the graph.
        terms["bbox"] = 0 * sum((m.sum() for field in maps for m in field), logits.new_zeros(()))
        terms["bbox"] = terms["bbox"] + 0 * sum(
            (p.sum().to(logits) for p in dcc.parameters()), logits.new_zeros(())
        )

    counted = torch.stack(
        [score_weights(one.ignored, mine >= 0, priors) for one, mine in zip(people, matched, strict=True)]
    )  # (N, A)
    terms["cls"] = weights.cls * varifocal(logits, target_scores, counted) / divisor
    total = sum(terms.values(), logits.new_zeros(()))
    return total, {
        **{name: term.detach() for name, term in terms.items()},
        "positives": logits.new_tensor(float(count)),
        "overlap": overlap.mean().detach(),
    }


def _assign(
    logits: Tensor,
    boxes: Tensor,
    points: Tensor,
    priors: Tensor,
    strides: Tensor,
    people: Sequence[People],
    sigmas: Tensor,
    weights: LossWeights,
) -> tuple[Tensor, Tensor]:
    """The instance of each cell (N, A), -1 for none, and the OKS of its regressed points (N, A)."""
    # The cost takes the root of score times objectness, which is 1 in RTMO.
    scores = logits.detach().sigmoid().sqrt()
    found = [
        simota(
            priors,
            strides,
            boxes[i].detach(),
            scores[i],
            points[i].detach(),
            gt_boxes=one.boxes,
            gt_keypoints=one.keypoints,
            gt_visible=one.visible,
            gt_areas=one.areas,
            sigmas=sigmas,
            center_by_keypoints=weights.center_by_keypoints,
        )
        for i, one in enumerate(people)
    ]
    return torch.stack([f.matched for f in found]), torch.stack([f.overlaps for f in found])


def _gather(people: Sequence[People], image: Tensor, instance: Tensor) -> People:
    """The labels of each positive: every field (n, ...)."""
    starts = torch.tensor([0, *(len(one.boxes) for one in people[:-1])], device=image.device).cumsum(0)
    row = starts[image] + instance
    return People(
        boxes=torch.cat([one.boxes for one in people])[row],
        keypoints=torch.cat([one.keypoints for one in people])[row],
        visible=torch.cat([one.visible for one in people])[row],
        visible_weights=torch.cat([one.visible_weights for one in people])[row],
        areas=torch.cat([one.areas for one in people])[row],
    )


def _proxy_targets(proxies: Tensor, classified: Tensor, labels: People) -> tuple[Tensor, Tensor]:
    """Targets of the regressed points in the second stage, and their weights: (n, K, 2), (n, K).

    The targets are the classifier's points, weighted 0 where the regressed point is nearer to the label.
    """
    goal = classified.detach()
    by_classifier = torch.linalg.vector_norm(goal - labels.keypoints, dim=-1)  # (n, K)
    by_regression = torch.linalg.vector_norm(proxies.detach() - labels.keypoints, dim=-1)
    return goal, labels.visible * (by_regression > by_classifier)


def _encode_boxes(boxes: Tensor, cells: Tensor, strides: Tensor) -> Tensor:
    """The raw channels that decode to `boxes`: (n, 4)."""
    center, size = (boxes[:, :2] + boxes[:, 2:]) / 2, boxes[:, 2:] - boxes[:, :2]
    steps = strides[:, None]
    return torch.cat([(center - cells) / steps, torch.log(size / steps + 1e-8)], dim=-1)
