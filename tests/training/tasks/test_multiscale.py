"""Batches of another size keep labels on their pixels."""

import random

import torch

from rtmcli.training.losses.rtmo_head import People
from rtmcli.training.tasks.multiscale import random_size, resize_batch


def test_sizes_are_multiples_of_32_within_the_range_and_agree_for_equal_generators() -> None:
    one, other = random.Random(3), random.Random(3)
    sizes = [random_size(480, 800, one) for _ in range(200)]
    assert set(sizes) == set(range(480, 801, 32))
    assert sizes == [random_size(480, 800, other) for _ in range(200)]


def test_labels_follow_both_factors_of_a_resized_batch() -> None:
    images = torch.zeros(1, 3, 64, 64)
    images[0, :, 30:34, 14:18] = 1
    mask = torch.zeros(64, 64, dtype=torch.bool)
    mask[30:34, 14:18] = True
    people = People(
        boxes=torch.tensor([[14.0, 30, 18, 34]]),
        keypoints=torch.tensor([[[16.0, 32.0]]]),
        visible=torch.ones(1, 1),
        visible_weights=torch.ones(1, 1),
        areas=torch.tensor([16.0]),
        ignored=mask,
    )
    resized, (labels,) = resize_batch(images, [people], (96, 128))
    assert resized.shape == (1, 3, 96, 128)
    torch.testing.assert_close(labels.boxes, torch.tensor([[28.0, 45, 36, 51]]))
    torch.testing.assert_close(labels.keypoints, torch.tensor([[[32.0, 48.0]]]))
    torch.testing.assert_close(labels.areas, torch.tensor([16.0 * 3]))
    assert labels.ignored is not None and labels.ignored.shape == (96, 128)
    assert resized[0, 0][labels.ignored].mean() > 0.8
    same, _ = resize_batch(images, [people], (64, 64))
    assert same is images
