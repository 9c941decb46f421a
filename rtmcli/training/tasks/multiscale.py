"""Another input size for each batch of RTMO: synchronised multi-scale training (YOLOX)."""

import random
from collections.abc import Sequence

import torch.nn.functional as F
from torch import Tensor

from rtmcli.training.losses.rtmo_head import People


def random_size(low: int, high: int, rng: random.Random, *, step: int = 32) -> int:
    """A side between `low` and `high`, both included, in steps. Processes with equal generators agree."""
    return step * rng.randint(low // step, high // step)


def resize_batch(
    images: Tensor, people: Sequence[People], size: tuple[int, int]
) -> tuple[Tensor, list[People]]:
    """Images (N, 3, H, W) resized to `size` (H, W), bilinear, with their labels; areas follow both factors."""
    height, width = images.shape[2:]
    if size == (height, width):
        return images, list(people)
    fx, fy = size[1] / width, size[0] / height
    factors = images.new_tensor([fx, fy])
    resized = F.interpolate(images, size=size, mode="bilinear", align_corners=False)
    return resized, [_resize_people(one, factors, size) for one in people]


def _resize_people(people: People, factors: Tensor, size: tuple[int, int]) -> People:
    ignored = people.ignored
    if ignored is not None:
        ignored = F.interpolate(ignored[None, None].float(), size=size, mode="nearest")[0, 0] > 0
    return people._replace(
        boxes=people.boxes * factors.repeat(2),
        keypoints=people.keypoints * factors,
        areas=people.areas * factors.prod(),
        ignored=ignored,
    )
