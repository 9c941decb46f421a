"""Boxes against the reference's numbers, and what must hold for any box."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from rtmcli.geometry import boxes

BOXES = arrays(np.float64, (5, 4), elements=st.floats(-500, 500)).map(
    lambda b: np.concatenate([np.minimum(b[:, :2], b[:, 2:]), np.maximum(b[:, :2], b[:, 2:]) + 1], axis=1)
)


@pytest.fixture(scope="module")
def geometry(goldens):
    return np.load(goldens / "geometry.npz", allow_pickle=False)


@pytest.fixture(scope="module")
def suppression(goldens):
    return np.load(goldens / "nms_oks.npz", allow_pickle=False)


@pytest.mark.parametrize("padding", [1.0, 1.25])
def test_centre_and_scale_equal_the_reference(geometry, padding):
    center, scale = boxes.center_scale(geometry["bbox_xyxy"], padding)
    np.testing.assert_allclose(center, geometry[f"center_{padding}"], atol=1e-4)
    np.testing.assert_allclose(scale, geometry[f"scale_{padding}"], atol=1e-4)


def test_coco_boxes_convert_as_in_the_reference(geometry):
    corners = boxes.from_xywh(geometry["bbox_xywh"])
    np.testing.assert_allclose(boxes.to_xywh(corners), geometry["bbox_xywh"], atol=1e-4)
    center, scale = boxes.center_scale(corners, 1.0)
    np.testing.assert_allclose(boxes.from_center_scale(center, scale), geometry["cs2xyxy"], atol=1e-4)


@pytest.mark.parametrize("size", [(192, 256), (288, 384), (256, 256)])
def test_aspect_is_fixed_as_in_the_reference(geometry, size):
    fixed = boxes.fix_aspect(geometry["scale_1.25"], size[0] / size[1])
    np.testing.assert_allclose(fixed, geometry[f"fixed_scale_{size[0]}x{size[1]}"], rtol=1e-6)


def test_iou_equals_the_reference(suppression):
    a, b = suppression["boxes"][:8], suppression["boxes"][8:]
    np.testing.assert_allclose(boxes.iou_matrix(a, b), suppression["iou_matrix"], atol=1e-5)


@pytest.mark.parametrize("threshold", [0.3, 0.45, 0.5, 0.65])
def test_nms_keeps_what_the_reference_keeps(suppression, threshold):
    kept = boxes.nms(suppression["boxes"], suppression["scores"], threshold)
    np.testing.assert_array_equal(kept, suppression[f"nms_torch_{threshold}"])


@pytest.mark.parametrize("threshold", [0.5, 0.65])
def test_nms_keeps_what_mmcv_keeps(suppression, threshold):
    kept = boxes.nms(suppression["boxes"], suppression["scores"], threshold)
    np.testing.assert_array_equal(kept, suppression[f"nms_mmcv_{threshold}"])


def test_nms_of_nothing_is_nothing():
    assert len(boxes.nms(np.zeros((0, 4)), np.zeros(0), 0.5)) == 0


@given(BOXES)
def test_nms_keeps_the_best_box_and_no_two_that_overlap(candidates):
    scores = np.linspace(0.1, 0.9, len(candidates))
    kept = boxes.nms(candidates, scores, 0.4)
    assert kept[0] == scores.argmax()
    overlap = boxes.iou_matrix(candidates[kept], candidates[kept])
    assert (overlap[~np.eye(len(kept), dtype=bool)] <= 0.4).all()


@given(BOXES)
def test_iou_is_symmetric_and_one_with_itself(candidates):
    overlap = boxes.iou_matrix(candidates, candidates)
    np.testing.assert_allclose(overlap, overlap.T, atol=1e-9)
    np.testing.assert_allclose(np.diag(overlap), 1, atol=1e-9)


@given(BOXES, st.floats(0.2, 3))
def test_fixed_aspect_only_grows(candidates, ratio):
    _, scale = boxes.center_scale(candidates)
    fixed = boxes.fix_aspect(scale, ratio)
    assert (fixed >= scale * (1 - 1e-9)).all()
    np.testing.assert_allclose(fixed[:, 0] / fixed[:, 1], ratio, rtol=1e-6)


def test_box_of_a_pose_ignores_absent_points():
    pose = np.array([[[0, 0, 0.9], [10, 20, 0.8], [np.nan, np.nan, np.nan]]], np.float32)
    np.testing.assert_allclose(boxes.keypoints_box(pose, grow=1.0), [[0, 0, 10, 20]])
    np.testing.assert_allclose(boxes.keypoints_box(pose, grow=2.0), [[-5, -10, 15, 30]])
    assert np.isnan(boxes.keypoints_box(np.full_like(pose, np.nan))).all()


def test_clipping_ends_at_the_last_pixel():
    np.testing.assert_array_equal(boxes.clip(np.array([[-5.0, 3, 700, 500]]), (640, 480)), [[0, 3, 639, 479]])


def test_area_of_an_inverted_box_is_zero():
    np.testing.assert_array_equal(boxes.areas(np.array([[0.0, 0, 4, 5], [4, 5, 0, 0]])), [20, 0])
