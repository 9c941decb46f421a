"""Drawn scenes have the requested size and somebody in them."""

from dataclasses import replace

import numpy as np
import pytest

from rtmcli.training.augment.random_scene import (
    DetectorStage,
    SceneStage,
    random_detector_scene,
    random_scene,
)
from rtmcli.training.augment.scene import (
    Scene,
)
from tests.helpers.augmentation import FLIP, assert_dots_at_keypoints, dots_scene


@pytest.mark.parametrize(
    "stage",
    [
        SceneStage(),
        SceneStage(mosaic=False, mixup=None, shift=0.2, rotation=30, scale=(0.75, 1.5)),
        SceneStage(mosaic=False, mixup=None, shift=0, rotation=0, scale=(1, 1), hsv=False, flip=0),
    ],
)
def test_random_scenes_have_the_size_asked_for_and_repeat_with_their_seed(
    stage: SceneStage,
) -> None:
    def run(seed: int) -> Scene:
        rng = np.random.default_rng(seed)
        return random_scene(
            lambda: dots_scene(int(rng.integers(9))),
            size=(128, 96),
            flip_indices=FLIP,
            stage=stage,
            rng=rng,
        )

    one, again = run(5), run(5)
    assert one.image.shape == (96, 128, 3) and len(one.boxes)
    np.testing.assert_array_equal(one.image, again.image)
    np.testing.assert_array_equal(one.keypoints, again.keypoints)
    assert_dots_at_keypoints(one, bright=40)
    assert (one.areas > 0).all()


@pytest.mark.parametrize("stage", [DetectorStage(mixup=1.0), DetectorStage(mosaic=False, resize=(0.5, 1.5))])
def test_random_detector_scenes_have_the_size_asked_for_and_boxes_inside(
    stage: DetectorStage,
) -> None:
    rng = np.random.default_rng(0)

    def draw() -> Scene:
        people = dots_scene(int(rng.integers(99)))
        return replace(people, keypoints=people.keypoints[:, :0], visible=people.visible[:, :0])

    for _ in range(12):
        found = random_detector_scene(draw, size=(96, 96), stage=stage, rng=rng)
        assert found.image.shape == (96, 96, 3)
        assert len(found.boxes) and (found.boxes >= 0).all() and (found.boxes <= 96).all()
