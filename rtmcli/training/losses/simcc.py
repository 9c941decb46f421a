"""Losses on SimCC vectors: RTMPose, RTMW, RTMW3D, and the distillation of one such network into another.

Shapes: B samples, K keypoints, X, Y, Z bins along the axes. Values and gradients equal mmpose's
(tests/goldens/losses.npz).
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

LABEL_BETA = 10.0


def simcc_kl(
    predictions: Sequence[Tensor],
    targets: Sequence[Tensor],
    weights: Tensor | Sequence[Tensor],
    *,
    beta: float = 10.0,
    mask: Sequence[int] = (),
    mask_weight: float = 1.0,
) -> Tensor:
    """Kullback-Leibler divergence of predicted from labelled bins, summed over the axes: a scalar.

    RTMPose (arXiv 2303.07399, section 3.3) with beta 10; RTMW with beta 1 and the face points masked by 0.5.
    As in mmpose's KLDiscretLoss the mean over bins is summed over samples and divided by K: it grows with B.

    Args:
        predictions: one (B, K, bins) of raw logits an axis: x, y[, z].
        targets: the encoder's labels of the same shapes.
        weights: (B, K) for all axes, or one (B, K) an axis (RTMW3D, where z may be unlabelled).
        beta: inverse temperature of the predictions; that of the labels' softmax is 10 in all published models.
        mask, mask_weight: keypoints whose loss is multiplied by `mask_weight`.
    """
    keypoints = predictions[0].shape[1]
    total = predictions[0].new_zeros(())
    for axis, (prediction, target) in enumerate(zip(predictions, targets, strict=True)):
        label = (target * LABEL_BETA).softmax(dim=-1)
        log_prob = (prediction * beta).log_softmax(dim=-1)
        loss = F.kl_div(log_prob, label, reduction="none").mean(dim=-1)  # (B, K)
        loss = loss * (weights if isinstance(weights, Tensor) else weights[axis])
        if len(mask):
            scale = loss.new_ones(keypoints)
            scale[list(mask)] = mask_weight
            loss = loss * scale
        total = total + loss.sum()
    return total / keypoints


def bone_length(
    prediction: Tensor, target: Tensor, weights: Tensor, *, parents: Sequence[int], root: int = 0
) -> Tensor:
    """Difference of mean bone lengths, RTMW3D's term: a scalar.

    Lengths are averaged over the batch before they are compared, as in RTMW3D's BoneLoss. On coordinates taken by
    argmax it has no gradient and serves the log alone.

    Args:
        prediction, target: (B, K, 3) positions in the same unit.
        weights: (B, K); a bone takes its child's.
        parents: (K,) index of each keypoint's parent.
        root: the keypoint without a bone.
    """
    children = [k for k in range(prediction.shape[1]) if k != root]
    above = [parents[k] for k in children]

    def mean_lengths(points: Tensor) -> Tensor:
        bones = torch.linalg.vector_norm(points[:, children] - points[:, above], dim=-1)  # (B, K - 1)
        return (bones * weights[:, children]).mean(dim=0)  # (K - 1,)

    return (mean_lengths(prediction) - mean_lengths(target)).abs().mean()


def logit_distillation(
    students: Sequence[Tensor], teachers: Sequence[Tensor], *, beta: float = 10.0
) -> Tensor:
    """Divergence of a student's bins from a teacher's: DWPose's logit term (arXiv 2307.15880, section 3.2).

    Unlike `simcc_kl` it sums over the bins and averages over the batch; it has no weights, so the student
    learns unlabelled keypoints too. One (B, K, bins) of raw logits an axis in each list; a scalar.
    """
    total = students[0].new_zeros(())
    for student, teacher in zip(students, teachers, strict=True):
        label = (teacher * beta).softmax(dim=-1)
        log_prob = (student * beta).log_softmax(dim=-1)
        loss = F.kl_div(log_prob, label, reduction="none").sum(dim=-1)  # (B, K)
        total = total + loss.sum(dim=-1).mean()
    return total / students[0].shape[1]


def feature_distillation(student: Tensor, teacher: Tensor) -> Tensor:
    """Squared error of aligned features, summed, over the batch: DWPose's feature term; weight it by 7e-5.

    Args:
        student: (B, C, h, w) after the 1 x 1 convolution to the teacher's channels.
        teacher: (B, C, h, w) of the last backbone stage.
    """
    return (student - teacher).square().sum() / student.shape[0]


def distillation_decay(epoch: int, epochs: int) -> float:
    """The factor on both terms of DWPose's first stage, 1 in epoch 0 and 0 at the end."""
    return 1 - epoch / epochs
