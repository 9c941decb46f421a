"""Keypoints in the skeleton of another set equal the reference."""

import json

import numpy as np

from rtmcli.training.data.skeleton_map import convert_keypoints
from tests.helpers.augmentation import GOLDEN


def test_keypoints_of_another_set_equal_the_reference() -> None:
    sources, count = GOLDEN["conv_mapping"], GOLDEN["conv_out"].shape[1]
    pairs = [tuple(pair) for pair in json.loads(str(sources))]
    keypoints, visible, weights = convert_keypoints(
        GOLDEN["conv_keypoints"], GOLDEN["conv_visible"], pairs, count
    )
    np.testing.assert_allclose(keypoints, GOLDEN["conv_out"], atol=1e-3)
    np.testing.assert_array_equal(np.stack([visible, weights], -1), GOLDEN["conv_vis_out"])
