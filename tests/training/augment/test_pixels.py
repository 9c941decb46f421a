"""Colour and blur equal the reference for given draws and leave their input as it is."""

import json

import numpy as np
import pytest

from rtmcli.training.augment.pixels import (
    Photometric,
    cutout,
    hsv,
    photometric,
    random_blur,
    random_cutout,
    random_hsv,
    random_median_blur,
    random_photometric,
)
from tests.helpers.augmentation import GOLDEN, cases


@pytest.mark.parametrize("case", cases("hsv_in_", ""))
def test_hsv_equals_the_reference(case: str) -> None:
    found = hsv(GOLDEN[f"hsv_in_{case}"], tuple(GOLDEN[f"hsv_gain_{case}"].tolist()))
    assert np.abs(found.astype(int) - GOLDEN[f"hsv_out_{case}"]).max() <= 4


@pytest.mark.parametrize("case", cases("photo_in_", ""))
def test_photometric_distortion_equals_the_reference(case: str) -> None:
    mode, bright, contrast, colours, swap, beta, alpha, saturation, hue, order = json.loads(
        str(GOLDEN[f"photo_flags_{case}"])
    )
    draws = Photometric(
        brightness=beta if bright else None,
        contrast=alpha if contrast and mode else None,
        saturation=saturation if colours in (1, 3) else None,
        hue=hue if colours in (2, 3) else None,
        channels=tuple(order) if swap else None,
    )
    found = photometric(GOLDEN[f"photo_in_{case}"], draws)
    assert np.abs(found.astype(int) - GOLDEN[f"photo_out_{case}"]).max() <= 4


def test_pixel_steps_draw_within_their_ranges_and_leave_the_image_alone() -> None:
    image = np.random.default_rng(0).integers(0, 256, (40, 30, 3), dtype=np.uint8)
    before = image.copy()
    rng = np.random.default_rng(1)
    for _ in range(30):
        for step in (random_hsv, random_photometric, random_blur, random_median_blur):
            assert step(image, rng).shape == image.shape
        holed = random_cutout(image, rng)
        share = (holed == 0).all(axis=-1).mean()
        assert 0.2 * 0.2 * 0.9 <= share <= 0.4 * 0.4 * 1.1
    np.testing.assert_array_equal(image, before)
    assert random_cutout(image, rng, probability=0) is image
    assert (cutout(image, (2, 3, 10, 20))[3:20, 2:10] == 0).all()
