"""All loss functions of the recipes under one name; the heads that combine them are in `training.heads`."""

from rtmcli.training.losses.dense import (
    box_l1,
    coordinate_likelihood,
    giou_loss,
    heatmap_mse,
    iou,
    iou_square,
    keypoint_smooth_l1,
    oks,
    oks_loss,
    quality_focal,
    varifocal,
    visibility_bce,
)
from rtmcli.training.losses.simcc import (
    bone_length,
    distillation_decay,
    feature_distillation,
    logit_distillation,
    simcc_kl,
)

__all__ = [
    "bone_length",
    "box_l1",
    "coordinate_likelihood",
    "distillation_decay",
    "feature_distillation",
    "giou_loss",
    "heatmap_mse",
    "iou",
    "iou_square",
    "keypoint_smooth_l1",
    "logit_distillation",
    "oks",
    "oks_loss",
    "quality_focal",
    "simcc_kl",
    "varifocal",
    "visibility_bce",
]
