"""The crop's matrices, points and pixels against the reference's numbers."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtmcli.geometry import affine, boxes

SIZES = [(192, 256), (288, 384), (256, 256)]


@pytest.fixture(scope="module")
def golden(goldens):
    return np.load(goldens / "geometry.npz", allow_pickle=False)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("box", range(6))
def test_matrices_and_points_equal_the_reference(golden, size, box):
    tag = f"{size[0]}x{size[1]}"
    crop = golden["center_1.25"][box], golden[f"fixed_scale_{tag}"][box], size, float(golden["rot"][box])
    matrix = affine.topdown_matrix(*crop)
    np.testing.assert_allclose(matrix, golden[f"warp_{tag}"][box], rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(affine.invert(matrix), golden[f"warp_inv_{tag}"][box], rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(affine.udp_matrix(*crop), golden[f"warp_udp_{tag}"][box], rtol=1e-4, atol=1e-4)
    moved = affine.transform(golden["points"][box], matrix)
    np.testing.assert_allclose(moved, golden[f"warped_points_{tag}"][box], rtol=1e-4, atol=1e-3)


def test_points_of_the_input_return_to_the_picture(golden):
    back = affine.to_image(
        golden["keypoints_input_space"], golden["center_1.25"], golden["fixed_scale_192x256"], (192, 256)
    )
    np.testing.assert_allclose(back, golden["keypoints_image_space"], rtol=1e-5, atol=1e-3)


def test_shifted_crop_equals_the_reference(golden):
    crop = golden["center_1.25"][0], golden["fixed_scale_192x256"][0], (192, 256), 20.0
    matrix = affine.topdown_matrix(*crop, shift=(0.1, -0.05))
    np.testing.assert_allclose(matrix, golden["warp_shift"], rtol=1e-4, atol=1e-3)


def test_sheared_affine_equals_the_reference(golden):
    matrix = affine.sheared_matrix(
        np.array([320, 240]), translate=(0.05, -0.1), scale=0.8, rotation=7, shear=(1, -2)
    )
    np.testing.assert_allclose(matrix, golden["pers_warp"][:2], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("turn", [0, 25])
def test_warped_pixels_are_the_references_to_four_grey_levels(golden, turn):
    matrix = affine.topdown_matrix(golden["image_center"], golden["image_scale"], (48, 64), turn)
    np.testing.assert_allclose(matrix, golden[f"image_r{turn}_matrix"], rtol=1e-4, atol=1e-4)
    assert_same_pixels(affine.warp(golden["image"], matrix, (48, 64)), golden[f"image_r{turn}_warped"])


@pytest.mark.parametrize("shape", ["wide", "tall", "same", "big"])
def test_centred_letterbox_equals_the_reference(golden, shape):
    image = golden[f"bu_{shape}_image"]
    matrix, center, scale = affine.fit_matrix((image.shape[1], image.shape[0]), (96, 96))
    np.testing.assert_allclose(matrix, golden[f"bu_{shape}_matrix"], rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(center, golden[f"bu_{shape}_center"])
    np.testing.assert_allclose(scale, golden[f"bu_{shape}_scale"], rtol=1e-6)
    assert_same_pixels(affine.warp(image, matrix, (96, 96), 114), golden[f"bu_{shape}_out"])
    back = affine.to_image(golden[f"bu_{shape}_kpts_in"], center, scale, (96, 96))
    np.testing.assert_allclose(back, golden[f"bu_{shape}_kpts_img"], rtol=1e-5, atol=1e-4)


def test_a_crop_lands_in_its_slot_of_the_batch(golden):
    matrix = affine.topdown_matrix(golden["image_center"], golden["image_scale"], (48, 64))
    batch = np.full((3, 64, 48, 3), 7, np.uint8)
    affine.warp(golden["image"], matrix, (48, 64), out=batch[1])
    np.testing.assert_array_equal(batch[1], affine.warp(golden["image"], matrix, (48, 64)))
    assert (batch[[0, 2]] == 7).all()


def test_a_picture_wider_than_opencv_warps_is_cropped_first():
    image = np.zeros((40, 33000, 3), np.uint8)
    image[:, 32000:] = 200
    center, scale = boxes.center_scale(np.array([32400.0, 0, 32440, 40]), 1.0)
    warped = affine.warp(image, affine.topdown_matrix(center, scale, (40, 40)), (40, 40))
    assert (warped[1:-1, 1:-1] == 200).all()


@given(
    st.tuples(st.floats(-500, 500), st.floats(-500, 500)),
    st.floats(1, 1000),
    st.floats(-180, 180),
    st.tuples(st.floats(-300, 300), st.floats(-300, 300)),
)
def test_a_point_goes_into_the_crop_and_back(center, width, rotation, point):
    scale = np.array([width, width * 256 / 192])
    matrix = affine.topdown_matrix(np.array(center), scale, (192, 256), rotation)
    there = affine.transform(np.array([point]), matrix)
    np.testing.assert_allclose(affine.transform(there, affine.invert(matrix)), [point], atol=1e-6)
    if rotation == 0:
        back = affine.to_image(there, np.array(center), scale, (192, 256))
        np.testing.assert_allclose(back, [point], atol=1e-6)


def assert_same_pixels(found, expected):
    gap = np.abs(found.astype(int) - expected)
    assert gap.max() <= 4
    assert gap.mean() < 0.2
