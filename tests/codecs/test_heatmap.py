"""The heatmap codec against the reference's numbers, and round trips."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from rtmcli.codecs import heatmap

SIZES = {"size": (96, 128), "map_size": (24, 32)}


@pytest.fixture(scope="module")
def golden(goldens):
    return np.load(goldens / "codec_heatmap.npz", allow_pickle=False)


def test_maps_and_weights_equal_the_reference(golden):
    case = next(c for c in json.loads(str(golden["cases"])) if c["tag"] == "udp")
    assert tuple(case["input_size"]) == SIZES["size"]
    maps, weights = heatmap.encode_udp(golden["udp_keypoints"], golden["udp_visible"], **SIZES)
    np.testing.assert_allclose(maps, golden["udp_heatmaps"], atol=1e-4)
    np.testing.assert_allclose(weights, golden["udp_weights"], atol=1e-4)


def test_points_and_scores_equal_the_reference(golden):
    points, scores = heatmap.decode_udp(golden["udp_pred"], size=SIZES["size"])
    np.testing.assert_allclose(points[None], golden["udp_dec_keypoints"], atol=1e-4, rtol=1e-4)
    np.testing.assert_allclose(scores[None], golden["udp_dec_scores"], atol=1e-4)


@given(arrays(np.float64, (1, 4, 2), elements=st.floats(0.3, 0.7)))
def test_decoding_a_map_gives_the_point_to_a_fraction_of_a_cell(shares):
    points = shares * np.array(SIZES["size"])
    maps, _ = heatmap.encode_udp(points, np.ones((1, 4)), **SIZES)
    found, _ = heatmap.decode_udp(maps, size=SIZES["size"])
    np.testing.assert_allclose(found, points[0], atol=1.5)
