"""Operations on whole images equal the reference for given draws; keypoints and boxes move with the pixels."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rtmcli.training.augment.scene import (
    Scene,
    apply,
    fitted_affine,
    flip,
    inside,
    keep_people,
    mixup,
    mixup_room,
    mosaic,
    perspective,
)
from tests.helpers.augmentation import FLIP, GOLDEN, assert_dots_at_keypoints, dots_scene

affines = {
    "scale": st.floats(0.7, 1.5),
    "rotation": st.floats(-180, 180),
    "x": st.floats(-0.2, 0.2),
    "y": st.floats(-0.2, 0.2),
}


def scene(name: str) -> Scene:
    boxes = GOLDEN[f"{name}_bbox"]
    return Scene(
        image=GOLDEN[f"{name}_img"],
        boxes=boxes,
        labels=np.zeros(len(boxes), np.int64),
        areas=GOLDEN[f"{name}_area"],
        keypoints=GOLDEN[f"{name}_keypoints"],
        visible=np.ones((len(boxes), 17), np.float32),
    )


def check(found: Scene, name: str) -> None:
    assert np.abs(found.image.astype(int) - GOLDEN[f"{name}_out_img"]).max() <= 4
    np.testing.assert_allclose(found.boxes, GOLDEN[f"{name}_out_bbox"], atol=1e-3)
    np.testing.assert_allclose(found.keypoints, GOLDEN[f"{name}_out_keypoints"], atol=1e-3)
    np.testing.assert_array_equal(found.visible, GOLDEN[f"{name}_out_keypoints_visible"])
    np.testing.assert_allclose(found.areas, GOLDEN[f"{name}_out_area"], rtol=1e-4)


@pytest.fixture(scope="module")
def mosaiced() -> Scene:
    x, y = GOLDEN["mosaic_center_factors"].tolist()
    return mosaic([scene(f"mosaic_in{i}") for i in range(4)], (64, 64), (x, y))


@pytest.fixture(scope="module")
def turned(mosaiced: Scene) -> Scene:
    x, y, scale, rotation, shear_x, shear_y = GOLDEN["affine_persp_params"].tolist()
    return perspective(
        mosaiced, (64, 64), shift=(x, y), scale=scale, rotation=rotation, shear=(shear_x, shear_y)
    )


def test_mosaic_equals_the_reference(mosaiced: Scene) -> None:
    check(mosaiced, "mosaic")


def test_perspective_equals_the_reference(turned: Scene) -> None:
    check(turned, "affine_persp")


def test_mixup_equals_the_reference(turned: Scene) -> None:
    jitter, draw, y, x = GOLDEN["mixup_jit_flipdraw_dy_dx"].tolist()
    assert int(x) <= mixup_room((64, 64), jitter)[0] and int(y) <= mixup_room((64, 64), jitter)[1]
    found = mixup(
        turned,
        scene("mixup_aux"),
        jitter=jitter,
        flipped=draw > 0.5,
        offset=(int(x), int(y)),
        flip_indices=FLIP,
    )
    check(found, "mixup")


def test_the_fitted_affine_equals_the_reference() -> None:
    x, y, scale, rotation = GOLDEN["affine2_params"].tolist()
    check(
        fitted_affine(scene("mosaic_in3"), (64, 64), shift=(x, y), scale=scale, rotation=rotation), "affine2"
    )


def test_points_beyond_the_border_become_invisible_and_stay() -> None:
    points = GOLDEN["clip_in"]
    people = Scene(
        image=np.zeros((64, 64, 3), np.uint8),
        boxes=np.array([[-5.0, 3, 70, 20]], np.float32),
        labels=np.zeros(1, np.int64),
        areas=np.ones(1, np.float32),
        keypoints=points,
        visible=np.ones(points.shape[:2], np.float32),
    )
    found = inside(people)
    np.testing.assert_array_equal(found.keypoints, GOLDEN["clip_kpts"])
    np.testing.assert_array_equal(found.visible, GOLDEN["clip_vis"])
    np.testing.assert_array_equal(found.boxes, [[0, 3, 64, 20]])


@given(seed=st.integers(0, 100), **affines)
@settings(max_examples=25, deadline=None)
def test_keypoints_and_boxes_move_with_the_pixels(
    seed: int, scale: float, rotation: float, x: float, y: float
) -> None:
    assert_dots_at_keypoints(
        fitted_affine(dots_scene(seed), (120, 100), shift=(x, y), scale=1 / scale, rotation=rotation),
        bright=90,
    )
    assert_dots_at_keypoints(
        perspective(
            dots_scene(seed), (120, 100), shift=(x, y), scale=scale, rotation=rotation, shear=(2.0, -2.0)
        ),
        bright=90,
    )


@given(seed=st.integers(0, 1000))
@settings(max_examples=20, deadline=None)
def test_flipping_twice_is_nothing(seed: int) -> None:
    once = flip(dots_scene(seed), FLIP)
    assert_dots_at_keypoints(once, bright=255)
    twice, people = flip(once, FLIP), dots_scene(seed)
    for field in ("image", "boxes", "keypoints", "visible"):
        np.testing.assert_array_equal(getattr(twice, field), getattr(people, field))
    assert not np.array_equal(once.keypoints, people.keypoints)


@given(seed=st.integers(0, 1000), corner=st.tuples(st.floats(0.5, 1.5), st.floats(0.5, 1.5)))
@settings(max_examples=20, deadline=None)
def test_mosaic_and_mixup_keep_keypoints_on_their_pixels(seed: int, corner: tuple[float, float]) -> None:
    canvas = mosaic([dots_scene(seed + i) for i in range(4)], (100, 80), corner)
    assert_dots_at_keypoints(canvas, bright=150)
    mixed = mixup(
        dots_scene(seed),
        dots_scene(seed + 9),
        jitter=1.2,
        flipped=bool(seed % 2),
        offset=(5, 3),
        flip_indices=FLIP,
    )
    assert len(mixed.boxes) == 4
    assert_dots_at_keypoints(mixed, bright=75)


def test_an_ignored_region_moves_with_the_pixels() -> None:
    people = dots_scene(3)
    marked = Scene(
        **{
            name: getattr(people, name)
            for name in ("image", "boxes", "labels", "areas", "keypoints", "visible")
        },
        ignored=(people.image[..., 0] > 0).astype(np.uint8),
    )
    for found in (
        flip(marked, FLIP),
        fitted_affine(marked, (200, 160), scale=0.5),
        mosaic([marked] * 4, (96, 80), (0.9, 1.1)),
    ):
        assert found.ignored is not None and found.ignored.shape == found.image.shape[:2]
        bright = (found.image > 200).all(axis=-1)
        assert bright.any() and found.ignored[bright].mean() > 0.9


def test_who_is_too_small_or_has_no_point_left_is_dropped() -> None:
    people = dots_scene(1, people=2)
    moved = apply(people, np.array([[1.0, 0, -500], [0, 1, 0]]), (50, 50))
    assert len(keep_people(moved).boxes) == 0
    assert len(keep_people(people).boxes) == 2
