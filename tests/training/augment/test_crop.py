"""Augmented crops equal the reference for given draws; keypoints move with the pixels."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rtmcli.geometry.boxes import center_scale
from rtmcli.geometry.flip import flip_keypoints, flip_points
from rtmcli.training.augment.crop import (
    BoxDraw,
    CropStage,
    box_draw,
    change_box,
    cut,
    half_body,
    random_crop,
    truncated_normal,
)
from tests.helpers.augmentation import FLIP, GOLDEN, cases, dots_scene

UPPER, LOWER = range(11), range(11, 17)

affines = {
    "scale": st.floats(0.7, 1.5),
    "rotation": st.floats(-180, 180),
    "x": st.floats(-0.2, 0.2),
    "y": st.floats(-0.2, 0.2),
}


@pytest.mark.parametrize("case", cases("half_", "_rand"))
def test_half_body_equals_the_reference(case: str) -> None:
    draws = GOLDEN[f"half_{case}_rand"].tolist()
    center, scale = np.array([40.0, 80.0]), np.array([100.0, 200.0])
    if draws[0] < CropStage().half_body:
        visible = GOLDEN[f"half_{case}_visible"][0]
        found = half_body(GOLDEN["half_keypoints"][0], visible, upper=UPPER, lower=LOWER, preference=draws[1])
        center, scale = found or (center, scale)
    np.testing.assert_allclose(center, GOLDEN[f"half_{case}_center"][0], atol=1e-3)
    np.testing.assert_allclose(scale, GOLDEN[f"half_{case}_scale"][0], atol=1e-3)


def test_box_transform_equals_the_reference() -> None:
    normals = GOLDEN["bbox_truncnorm"]
    chances = np.column_stack([GOLDEN["bbox_u_shift"], GOLDEN["bbox_u_scale"], GOLDEN["bbox_u_rot"]])
    for i, (normal, chance) in enumerate(zip(normals, chances, strict=True)):
        draw = box_draw(normal, chance, CropStage(scale=(0.6, 1.4), rotation=80))
        center, scale = change_box(GOLDEN["bbox_center_in"][i], GOLDEN["bbox_scale_in"][i], draw)
        np.testing.assert_allclose(center, GOLDEN["bbox_center_out"][i], atol=1e-3)
        np.testing.assert_allclose(scale, GOLDEN["bbox_scale_out"][i], atol=1e-3)
        assert draw.rotation == pytest.approx(float(GOLDEN["bbox_rotation_out"][i]), abs=1e-4)


def test_the_chain_of_flip_box_transform_and_affine_equals_the_reference() -> None:
    image, keypoints = GOLDEN["chain_image"], GOLDEN["chain_keypoints"]
    size = (image.shape[1], image.shape[0])
    center, scale = center_scale(GOLDEN["chain_bbox"], 1.25)
    center = flip_points(center, size)
    np.testing.assert_allclose(center, GOLDEN["chain_center_flipped"], atol=1e-4)
    keypoints, visible = flip_keypoints(keypoints, np.ones((1, 17)), size, FLIP)
    np.testing.assert_allclose(keypoints, GOLDEN["chain_keypoints_flipped"], atol=1e-4)
    x, y, factor, rotation = GOLDEN["chain_params"].tolist()
    draw = BoxDraw((x, y), factor, rotation)
    moved, _ = change_box(center[0], scale[0], draw)
    np.testing.assert_allclose(moved, GOLDEN["chain_center_out"][0], atol=1e-3)
    found = cut(image, center[0], scale[0], keypoints[0], visible[0], draw, size=(48, 64), flipped=True)
    np.testing.assert_allclose(found.keypoints, GOLDEN["chain_keypoints_out"][0], atol=1e-3)
    assert np.abs(found.image.astype(int) - GOLDEN["chain_img_out"]).max() <= 4


@given(seed=st.integers(0, 100), flipped=st.booleans(), **affines)
@settings(max_examples=25, deadline=None)
def test_a_crops_keypoints_move_with_its_pixels(
    seed: int, flipped: bool, scale: float, rotation: float, x: float, y: float
) -> None:
    people = dots_scene(seed, people=1)
    center, size = center_scale(people.boxes[0])
    keypoints, visible = people.keypoints[0], people.visible[0]
    if flipped:
        center = flip_points(center, people.size)
        moved, seen = flip_keypoints(keypoints[None], visible[None], people.size, FLIP)
        keypoints, visible = moved[0], seen[0]
    draw = BoxDraw((x, y), 1 / scale, rotation)
    crop = cut(people.image, center, size, keypoints, visible, draw, size=(96, 128), flipped=flipped)
    assert crop.image.shape == (128, 96, 3)
    for px, py in crop.keypoints:
        if 2 <= px < 94 and 2 <= py < 126:
            around = crop.image[round(py) - 1 : round(py) + 2, round(px) - 1 : round(px) + 2]
            assert around.max() >= 90


def test_random_crops_repeat_with_their_seed_and_vary_without() -> None:
    people = dots_scene(2, people=1)
    center, scale = center_scale(people.boxes[0])

    def run(seed: int) -> np.ndarray:
        return random_crop(
            people.image,
            center,
            scale,
            people.keypoints[0],
            people.visible[0],
            size=(48, 64),
            flip_indices=FLIP,
            upper=UPPER,
            lower=LOWER,
            stage=CropStage(photometric=True, blur=1.0, median_blur=1.0),
            rng=np.random.default_rng(seed),
        ).image

    np.testing.assert_array_equal(run(1), run(1))
    assert not np.array_equal(run(1), run(2))


def test_truncated_normals_stay_within_their_limit_and_spread() -> None:
    values = truncated_normal(np.random.default_rng(0), 4000)
    assert np.abs(values).max() <= 1
    assert values.std() == pytest.approx(0.54, abs=0.02)  # of a standard normal cut at 1
