"""SimCC in three axes against the reference's numbers."""

import numpy as np
import pytest

from rtmcli.codecs import simcc3d


@pytest.fixture(scope="module")
def golden(goldens):
    return np.load(goldens / "codec_simcc3d.npz", allow_pickle=False)


def test_labels_with_depth_equal_the_reference(golden):
    labels = simcc3d.encode(golden["keypoints"], golden["keypoints_3d"], golden["visible"])
    chosen = golden["sel"]
    for axis in "xyz":
        np.testing.assert_allclose(getattr(labels, axis)[:, chosen], golden[axis], atol=1e-5)
    found = np.stack([labels.x.argmax(-1), labels.y.argmax(-1), labels.z.argmax(-1)], axis=-1)
    np.testing.assert_array_equal(found, golden["argmax"])
    np.testing.assert_allclose(labels.weights, golden["weights"])
    np.testing.assert_allclose(labels.weights_z, golden["weight_z"])
    np.testing.assert_allclose(labels.root_z, golden["root_z"], rtol=1e-6)


def test_labels_without_depth_equal_the_reference(golden):
    labels = simcc3d.encode(golden["keypoints"], None, golden["visible"])
    np.testing.assert_array_equal(labels.z.argmax(-1), golden["noz_z_argmax"])
    np.testing.assert_allclose(labels.z[0, 0], golden["noz_z_row0"], atol=1e-5)
    np.testing.assert_allclose(labels.weights, golden["noz_weights"])
    np.testing.assert_array_equal(labels.weights_z, golden["noz_weight_z"])
    np.testing.assert_allclose(labels.root_z, golden["noz_root_z"], rtol=1e-6)


def test_decoded_labels_equal_the_reference(golden):
    labels = simcc3d.encode(golden["keypoints"], golden["keypoints_3d"], golden["visible"])
    points, bins, scores = simcc3d.decode(labels.x, labels.y, labels.z)
    np.testing.assert_allclose(points, golden["dec_keypoints"], atol=1e-5)
    np.testing.assert_allclose(bins, golden["dec_keypoints_simcc"], atol=1e-5)
    np.testing.assert_allclose(scores, golden["dec_scores"], atol=1e-5)


def test_decoded_noise_equals_the_reference(golden):
    volume = simcc3d.Volume(size=(32, 40, 32), root=(1, 2))
    points, bins, scores = simcc3d.decode(golden["rand_x"], golden["rand_y"], golden["rand_z"], volume=volume)
    np.testing.assert_allclose(points, golden["rand_keypoints"], atol=1e-5)
    np.testing.assert_allclose(bins, golden["rand_keypoints_simcc"], atol=1e-5)
    np.testing.assert_allclose(scores, golden["rand_scores"], atol=1e-5)


def test_a_point_goes_through_bins_and_camera_and_back():
    rng = np.random.default_rng(0)
    root, focal, center = np.array([5.0]), (1000.0, 1100.0), (144.0, 192.0)
    points = np.concatenate([rng.uniform(20, 260, (1, 17, 2)), rng.uniform(-1.5, 1.5, (1, 17, 1))], axis=-1)
    points[:, [11, 12], 2] = 0  # the root
    camera = simcc3d.to_camera(points, root, focal=focal, center=center)
    np.testing.assert_allclose(camera[..., 0] / camera[..., 2] * focal[0] + center[0], points[..., 0])
    np.testing.assert_allclose(camera[..., 1] / camera[..., 2] * focal[1] + center[1], points[..., 1])
    labels = simcc3d.encode(points[..., :2], camera, np.ones((1, 17)))
    found, _, _ = simcc3d.decode(labels.x, labels.y, labels.z)
    np.testing.assert_allclose(found[..., :2], points[..., :2], atol=0.2501)
    np.testing.assert_allclose(found[..., 2], points[..., 2], atol=0.2501 / 144 * 2.1744869)
