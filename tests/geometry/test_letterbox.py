"""Letterboxes against the reference's sizes and pixels."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtmcli.geometry import letterbox as lb


@pytest.fixture(scope="module")
def golden(goldens):
    return np.load(goldens / "letterbox.npz", allow_pickle=False)


def test_every_size_of_the_table_is_the_references(golden):
    for case in json.loads(str(golden["table"])):
        size = (case["target"], case["target"])
        new, factors = lb.fit((case["w"], case["h"]), size)
        assert list(new) == case["mmdet_new_wh"], case
        assert list(factors) == case["mmdet_scale_factor"], case


def test_pixels_and_boxes_are_the_references(golden):
    canvas, factors = lb.letterbox(golden["image"], (64, 64))
    assert np.abs(canvas.astype(int) - golden["mmdet_out"]).max() <= 2
    np.testing.assert_allclose(
        golden["boxes_in"] / np.tile(factors, 2), golden["boxes_image_mmdet"], rtol=1e-6
    )


def test_a_dirty_slot_of_a_batch_ends_the_same_as_a_new_canvas(golden):
    batch = np.full((2, 64, 64, 3), 7, np.uint8)
    canvas, _ = lb.letterbox(golden["image"], (64, 64), out=batch[1])
    assert canvas.base is batch
    np.testing.assert_array_equal(batch[1], lb.letterbox(golden["image"], (64, 64))[0])
    assert (batch[0] == 7).all()


@given(st.tuples(st.integers(1, 9000), st.integers(1, 9000)), st.sampled_from([(320, 320), (640, 384)]))
def test_the_picture_fits_and_touches_an_edge(image_size, size):
    new, _ = lb.fit(image_size, size)
    assert 1 <= new[0] <= size[0]
    assert 1 <= new[1] <= size[1]
    assert new[0] == size[0] or new[1] == size[1]
