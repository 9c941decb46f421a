"""Mirrored annotations and mirrored network outputs against the reference's numbers."""

import numpy as np
import pytest

from rtmcli.geometry import flip

COCO17 = np.array([0, 2, 1, 4, 3, 6, 5, 8, 7, 10, 9, 12, 11, 14, 13, 16, 15])
HALPE26 = np.concatenate([COCO17, [17, 18, 19, 21, 20, 23, 22, 25, 24]])


@pytest.fixture(scope="module")
def outputs(goldens):
    return np.load(goldens / "flip_test.npz", allow_pickle=False)


@pytest.mark.parametrize(("name", "indices"), [("coco17", COCO17), ("halpe26", HALPE26)])
def test_simcc_of_the_mirrored_picture_comes_back(outputs, name, indices):
    x, y = flip.unflip_simcc(outputs[f"{name}_x_flip"], outputs[f"{name}_y_flip"], indices)
    np.testing.assert_array_equal(x, outputs[f"{name}_x_back"])
    np.testing.assert_array_equal(y, outputs[f"{name}_y_back"])
    np.testing.assert_allclose((outputs[f"{name}_x"] + x) / 2, outputs[f"{name}_x_mean"], atol=1e-6)
    np.testing.assert_allclose((outputs[f"{name}_y"] + y) / 2, outputs[f"{name}_y_mean"], atol=1e-6)


@pytest.mark.parametrize("direction", ["horizontal", "vertical", "diagonal"])
def test_annotations_flip_as_in_the_reference_and_twice_is_nothing(goldens, direction):
    golden = np.load(goldens / "flip_annotations.npz", allow_pickle=False)
    size = tuple(int(side) for side in golden["image_size_wh"])
    keypoints, visible = golden["keypoints"], golden["visible"]
    flipped, seen = flip.flip_keypoints(keypoints, visible, size, COCO17, direction)
    np.testing.assert_allclose(flipped, golden[f"kp_{direction}"], atol=1e-5)
    np.testing.assert_array_equal(seen, golden[f"vis_{direction}"])
    boxes = flip.flip_boxes(golden["bbox"], size, direction)
    np.testing.assert_allclose(boxes, golden[f"bbox_{direction}"], atol=1e-5)
    again, seen_again = flip.flip_keypoints(flipped, seen, size, COCO17, direction)
    np.testing.assert_allclose(again, keypoints, atol=1e-4)
    np.testing.assert_array_equal(seen_again, visible)
    np.testing.assert_array_equal(flip.flip_boxes(boxes, size, direction), golden["bbox"])
