"""Augmentations equal the reference for given draws, and move keypoints and boxes with the pixels."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rtmcli.geometry.boxes import center_scale
from rtmcli.geometry.flip import flip_keypoints, flip_points
from rtmcli.training.augment.crop import (
    BoxDraw,
    CropRecipe,
    box_draw,
    change_box,
    cut,
    half_body,
    random_crop,
    truncated_normal,
)
from rtmcli.training.augment.pipelines import DetectorRecipe, SceneRecipe, random_detector_scene, random_scene
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
from rtmcli.training.data.skeleton_map import convert_keypoints

GOLDENS = Path(__file__).parents[2] / "goldens"

GOLDEN = np.load(GOLDENS / "augment.npz")
FLIP = np.array([0, 2, 1, 4, 3, 6, 5, 8, 7, 10, 9, 12, 11, 14, 13, 16, 15])
UPPER, LOWER = range(11), range(11, 17)


def tags(prefix: str, suffix: str) -> list[str]:
    found = (key for key in GOLDEN.files if key.startswith(prefix) and key.endswith(suffix))
    return sorted(key.removeprefix(prefix).removesuffix(suffix) for key in found)


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


@pytest.mark.parametrize("case", tags("half_", "_rand"))
def test_half_body_equals_the_reference(case: str) -> None:
    draws = GOLDEN[f"half_{case}_rand"].tolist()
    center, scale = np.array([40.0, 80.0]), np.array([100.0, 200.0])
    if draws[0] < CropRecipe().half_body:
        visible = GOLDEN[f"half_{case}_visible"][0]
        found = half_body(GOLDEN["half_keypoints"][0], visible, upper=UPPER, lower=LOWER, preference=draws[1])
        center, scale = found or (center, scale)
    np.testing.assert_allclose(center, GOLDEN[f"half_{case}_center"][0], atol=1e-3)
    np.testing.assert_allclose(scale, GOLDEN[f"half_{case}_scale"][0], atol=1e-3)


def test_box_transform_equals_the_reference() -> None:
    normals = GOLDEN["bbox_truncnorm"]
    chances = np.column_stack([GOLDEN["bbox_u_shift"], GOLDEN["bbox_u_scale"], GOLDEN["bbox_u_rot"]])
    for i, (normal, chance) in enumerate(zip(normals, chances, strict=True)):
        draw = box_draw(normal, chance, CropRecipe(scale=(0.6, 1.4), rotation=80))
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


@pytest.mark.parametrize("case", tags("hsv_in_", ""))
def test_hsv_equals_the_reference(case: str) -> None:
    found = hsv(GOLDEN[f"hsv_in_{case}"], tuple(GOLDEN[f"hsv_gain_{case}"].tolist()))
    assert np.abs(found.astype(int) - GOLDEN[f"hsv_out_{case}"]).max() <= 4


@pytest.mark.parametrize("case", tags("photo_in_", ""))
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


def test_keypoints_of_another_set_equal_the_reference() -> None:
    sources, count = GOLDEN["conv_mapping"], GOLDEN["conv_out"].shape[1]
    pairs = [tuple(pair) for pair in json.loads(str(sources))]
    keypoints, visible, weights = convert_keypoints(
        GOLDEN["conv_keypoints"], GOLDEN["conv_visible"], pairs, count
    )
    np.testing.assert_allclose(keypoints, GOLDEN["conv_out"], atol=1e-3)
    np.testing.assert_array_equal(np.stack([visible, weights], -1), GOLDEN["conv_vis_out"])


# Properties: a picture with one bright dot a keypoint shows where the pixels went.


def dots(seed: int, people: int = 2, size: tuple[int, int] = (96, 80)) -> Scene:
    """People of 17 dots each, every dot with a colour of its own."""
    rng = np.random.default_rng(seed)
    width, height = size
    image = np.zeros((height, width, 3), np.uint8)
    cells = rng.permutation((width // 8 - 2) * (height // 8 - 2))[: people * 17]
    columns = width // 8 - 2
    points = np.stack([cells % columns * 8 + 12, cells // columns * 8 + 12], -1).astype(np.float32)
    for x, y in points.astype(int):
        image[y - 1 : y + 2, x - 1 : x + 2] = 255
    keypoints = points.reshape(people, 17, 2)
    low, high = keypoints.min(axis=1) - 2, keypoints.max(axis=1) + 2
    return Scene(
        image=image,
        boxes=np.concatenate([low, high], -1),
        labels=np.arange(people),
        areas=(high - low).prod(-1),
        keypoints=keypoints,
        visible=np.ones((people, 17), np.float32),
    )


def assert_dots_at_keypoints(found: Scene, bright: int) -> None:
    width, height = found.size
    for person in range(len(found.boxes)):
        for (x, y), seen in zip(found.keypoints[person], found.visible[person], strict=True):
            if seen and 2 <= x < width - 2 and 2 <= y < height - 2:
                row, column = int(np.rint(y)), int(np.rint(x))
                assert found.image[row - 1 : row + 2, column - 1 : column + 2].max() >= bright
                x1, y1, x2, y2 = found.boxes[person]
                assert x1 <= x <= x2 and y1 <= y <= y2


affines = {
    "scale": st.floats(0.7, 1.5),
    "rotation": st.floats(-180, 180),
    "x": st.floats(-0.2, 0.2),
    "y": st.floats(-0.2, 0.2),
}


@given(seed=st.integers(0, 100), **affines)
@settings(max_examples=25, deadline=None)
def test_keypoints_and_boxes_move_with_the_pixels(
    seed: int, scale: float, rotation: float, x: float, y: float
) -> None:
    assert_dots_at_keypoints(
        fitted_affine(dots(seed), (120, 100), shift=(x, y), scale=1 / scale, rotation=rotation), bright=90
    )
    assert_dots_at_keypoints(
        perspective(dots(seed), (120, 100), shift=(x, y), scale=scale, rotation=rotation, shear=(2.0, -2.0)),
        bright=90,
    )


@given(seed=st.integers(0, 100), flipped=st.booleans(), **affines)
@settings(max_examples=25, deadline=None)
def test_a_crops_keypoints_move_with_its_pixels(
    seed: int, flipped: bool, scale: float, rotation: float, x: float, y: float
) -> None:
    people = dots(seed, people=1)
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


@given(seed=st.integers(0, 1000))
@settings(max_examples=20, deadline=None)
def test_flipping_twice_is_nothing(seed: int) -> None:
    once = flip(dots(seed), FLIP)
    assert_dots_at_keypoints(once, bright=255)
    twice, people = flip(once, FLIP), dots(seed)
    for field in ("image", "boxes", "keypoints", "visible"):
        np.testing.assert_array_equal(getattr(twice, field), getattr(people, field))
    assert not np.array_equal(once.keypoints, people.keypoints)


@given(seed=st.integers(0, 1000), corner=st.tuples(st.floats(0.5, 1.5), st.floats(0.5, 1.5)))
@settings(max_examples=20, deadline=None)
def test_mosaic_and_mixup_keep_keypoints_on_their_pixels(seed: int, corner: tuple[float, float]) -> None:
    canvas = mosaic([dots(seed + i) for i in range(4)], (100, 80), corner)
    assert_dots_at_keypoints(canvas, bright=150)
    mixed = mixup(
        dots(seed), dots(seed + 9), jitter=1.2, flipped=bool(seed % 2), offset=(5, 3), flip_indices=FLIP
    )
    assert len(mixed.boxes) == 4
    assert_dots_at_keypoints(mixed, bright=75)


def test_an_ignored_region_moves_with_the_pixels() -> None:
    people = dots(3)
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
    people = dots(1, people=2)
    moved = apply(people, np.array([[1.0, 0, -500], [0, 1, 0]]), (50, 50))
    assert len(keep_people(moved).boxes) == 0
    assert len(keep_people(people).boxes) == 2


@pytest.mark.parametrize(
    "recipe",
    [
        SceneRecipe(),
        SceneRecipe(mosaic=False, mixup=None, shift=0.2, rotation=30, scale=(0.75, 1.5)),
        SceneRecipe(mosaic=False, mixup=None, shift=0, rotation=0, scale=(1, 1), hsv=False, flip=0),
    ],
)
def test_random_scenes_have_the_size_asked_for_and_repeat_with_their_seed(recipe: SceneRecipe) -> None:
    def run(seed: int) -> Scene:
        rng = np.random.default_rng(seed)
        return random_scene(
            lambda: dots(int(rng.integers(9))), size=(128, 96), flip_indices=FLIP, recipe=recipe, rng=rng
        )

    one, again = run(5), run(5)
    assert one.image.shape == (96, 128, 3) and len(one.boxes)
    np.testing.assert_array_equal(one.image, again.image)
    np.testing.assert_array_equal(one.keypoints, again.keypoints)
    assert_dots_at_keypoints(one, bright=40)
    assert (one.areas > 0).all()


@pytest.mark.parametrize(
    "recipe", [DetectorRecipe(mixup=1.0), DetectorRecipe(mosaic=False, resize=(0.5, 1.5))]
)
def test_random_detector_scenes_have_the_size_asked_for_and_boxes_inside(recipe: DetectorRecipe) -> None:
    rng = np.random.default_rng(0)

    def draw() -> Scene:
        people = dots(int(rng.integers(99)))
        return replace(people, keypoints=people.keypoints[:, :0], visible=people.visible[:, :0])

    for _ in range(12):
        found = random_detector_scene(draw, size=(96, 96), recipe=recipe, rng=rng)
        assert found.image.shape == (96, 96, 3)
        assert len(found.boxes) and (found.boxes >= 0).all() and (found.boxes <= 96).all()


def test_random_crops_repeat_with_their_seed_and_vary_without() -> None:
    people = dots(2, people=1)
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
            recipe=CropRecipe(photometric=True, blur=1.0, median_blur=1.0),
            rng=np.random.default_rng(seed),
        ).image

    np.testing.assert_array_equal(run(1), run(1))
    assert not np.array_equal(run(1), run(2))


def test_pixel_steps_draw_within_their_ranges_and_leave_the_picture_alone() -> None:
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


def test_truncated_normals_stay_within_their_limit_and_spread() -> None:
    values = truncated_normal(np.random.default_rng(0), 4000)
    assert np.abs(values).max() <= 1
    assert values.std() == pytest.approx(0.54, abs=0.02)  # of a standard normal cut at 1
