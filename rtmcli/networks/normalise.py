"""Normalisation of images on the device, for training and inside the graphs of the `deploy` contract."""

import torch
from torch import Tensor


def normalise(images: Tensor, *, mean: Tensor, factor: Tensor, rgb: bool) -> Tensor:
    """(N, H, W, 3) uint8 BGR to a network's input (N, 3, H, W) float32.

    The same in numpy, for the `plain` contract, is `inference.preprocess.normalise`.

    Args:
        mean, factor: (1, 3, 1, 1) each, the factor 1 / std, in the network's channel order.
        rgb: whether that order is RGB.
    """
    images = images.permute(0, 3, 1, 2).float()  # (N, 3, H, W)
    if rgb:
        images = torch.cat([images[:, 2:3], images[:, 1:2], images[:, 0:1]], dim=1)
    return (images - mean) * factor
