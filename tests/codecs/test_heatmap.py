"""Heat-map codecs against the reference's numbers, and round trips."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from rtmcli.codecs import heatmap

SIZES = {"size": (96, 128), "map_size": (24, 32)}
ENCODERS = {
    "udp": heatmap.encode_udp,
    "msra": heatmap.encode_msra,
    "msra_unbiased": lambda *args, **sizes: heatmap.encode_msra(*args, **sizes, unbiased=True),
    "reg": heatmap.encode_offsets,
}
DECODERS = {
    "udp": heatmap.decode_udp,
    "msra": heatmap.decode_msra,
    "msra_unbiased": lambda maps, **size: heatmap.decode_msra(maps, **size, unbiased=True),
}


@pytest.fixture(scope="module")
def golden(goldens):
    return np.load(goldens / "codec_heatmap.npz", allow_pickle=False)


@pytest.mark.parametrize("tag", ENCODERS)
def test_maps_and_weights_equal_the_reference(golden, tag):
    case = next(c for c in json.loads(str(golden["cases"])) if c["tag"] == tag)
    assert tuple(case["input_size"]) == SIZES["size"]
    maps, weights = ENCODERS[tag](golden[f"{tag}_keypoints"], golden[f"{tag}_visible"], **SIZES)
    np.testing.assert_allclose(maps, golden[f"{tag}_heatmaps"], atol=1e-4)
    np.testing.assert_allclose(weights, golden[f"{tag}_weights"], atol=1e-4)


@pytest.mark.parametrize("tag", DECODERS)
def test_points_and_scores_equal_the_reference(golden, tag):
    points, scores = DECODERS[tag](golden[f"{tag}_pred"], size=SIZES["size"])
    np.testing.assert_allclose(points[None], golden[f"{tag}_dec_keypoints"], atol=1e-4, rtol=1e-4)
    np.testing.assert_allclose(scores[None], golden[f"{tag}_dec_scores"], atol=1e-4)


def test_an_empty_map_has_no_point():
    points, scores = heatmap.decode_msra(np.zeros((2, 32, 24)), size=(96, 128))
    np.testing.assert_array_equal(points, -4)
    np.testing.assert_array_equal(scores, 0)


@given(arrays(np.float64, (1, 4, 2), elements=st.floats(0.3, 0.7)))
def test_decoding_a_map_gives_the_point_below_the_cell(shares):
    points = shares * np.array(SIZES["size"])
    visible = np.ones((1, 4))
    maps, _ = heatmap.encode_msra(points, visible, unbiased=True, **SIZES)
    found, _ = heatmap.decode_msra(maps, size=SIZES["size"], unbiased=True)
    np.testing.assert_allclose(found, points[0], atol=0.2)
    maps, _ = heatmap.encode_msra(points, visible, **SIZES)
    found, _ = heatmap.decode_msra(maps, size=SIZES["size"])
    np.testing.assert_allclose(found, points[0], atol=2.001)  # half a cell
