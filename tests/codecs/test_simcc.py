"""SimCC against the reference's numbers, and round trips."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from rtmcli.codecs import simcc


@pytest.fixture(scope="module")
def labels(goldens):
    return np.load(goldens / "codec_simcc_encode.npz", allow_pickle=False)


@pytest.fixture(scope="module")
def outputs(goldens):
    return np.load(goldens / "codec_simcc_decode.npz", allow_pickle=False)


# d has normalised Gaussians, f and g smoothed one-hot labels: no official recipe uses them.
@pytest.mark.parametrize("tag", "abce")
def test_labels_equal_the_reference(labels, tag):
    case = case_of(labels, tag)
    common = {"size": tuple(case["input_size"]), "ratio": case["simcc_split_ratio"]}
    keypoints, visible = labels[f"{tag}_keypoints"], labels[f"{tag}_visible"]
    x, y, weights = simcc.encode(keypoints, visible, sigma=sigma_of(case), **common)
    np.testing.assert_allclose(x, labels[f"{tag}_x"], atol=1e-6)
    np.testing.assert_allclose(y, labels[f"{tag}_y"], atol=1e-6)
    np.testing.assert_allclose(weights, labels[f"{tag}_weights"], atol=1e-6)


@pytest.mark.parametrize("tag", "ac")
def test_points_and_scores_equal_the_reference(outputs, tag):
    ratio = case_of(outputs, tag)["simcc_split_ratio"]
    points, scores = simcc.decode(outputs[f"{tag}_x"], outputs[f"{tag}_y"], ratio)
    np.testing.assert_allclose(points, outputs[f"{tag}_keypoints"], atol=1e-6)
    np.testing.assert_allclose(scores, outputs[f"{tag}_scores"], atol=1e-6)


def test_no_pose_decodes_to_no_points():
    points, scores = simcc.decode(np.zeros((0, 17, 384), np.float32), np.zeros((0, 17, 512), np.float32))
    assert points.shape == (0, 17, 2)
    assert scores.shape == (0, 17)


@given(
    arrays(np.float32, (3, 5, 2), elements=st.floats(0, 1, width=32)),
    st.sampled_from([((192, 256), (4.9, 5.66)), ((96, 128), (3.0, 3.4)), ((288, 384), (6.0, 6.93))]),
)
def test_decoding_a_label_gives_the_point_to_half_a_bin(shares, codec):
    size, sigma = codec
    points = shares * (np.array(size, np.float32) - 1)
    x, y, weights = simcc.encode(points, np.ones(points.shape[:2]), size=size, sigma=sigma)
    found, scores = simcc.decode(x, y)
    assert (weights == 1).all()
    np.testing.assert_allclose(found, points, atol=0.2501)
    np.testing.assert_allclose(scores, 1)


def case_of(golden, tag):
    return next(case for case in json.loads(str(golden["cases"])) if case["tag"] == tag)


def sigma_of(case):
    sigma = case.get("sigma", 6.0)
    return tuple(sigma) if isinstance(sigma, list) else (sigma, sigma)
