"""Arrays in the page: what is packed is read back, rounded by no more than the step."""

import base64
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rtmcli.view import pack
from tests.helpers.view_pages import unpacked


def read_back(block: pack.Block, *references: pack.Reference) -> list[np.ndarray]:
    data = zlib.decompress(base64.b64decode(block.text()))
    return [unpacked(data, reference) for reference in references]


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.integers(-(2**15), 2**15 - 1), max_size=30),
    st.lists(st.integers(-(2**31), 2**31 - 1), max_size=30),
    st.lists(st.integers(0, 255), max_size=30),
)
def test_whole_numbers_are_read_back_exactly(short: list[int], long: list[int], small: list[int]) -> None:
    block = pack.Block()
    references = [
        block.integers(np.array(short, np.int16)),
        block.bytes(np.array(small, np.uint8)),
        block.integers(np.array(long, np.int32)),
    ]
    assert [a.tolist() for a in read_back(block, *references)] == [short, small, long]


def test_coordinates_are_rounded_to_a_sixteenth_and_nan_is_missing() -> None:
    step = pack.pixel_step(1920, 1000)
    assert step == 1 / 16
    values = np.array([0.03, 1919.97, np.nan, -3.5, 1e9])
    assert pack.to_steps(values, step).tolist() == [0, 30720, pack.MISSING, -56, pack.MISSING]


@pytest.mark.parametrize(
    ("largest", "count", "step"), [(2047, 1, 1 / 16), (2048, 1, 1 / 8), (9000, 1, 0.5), (600, 10**8, 0.25)]
)
def test_the_step_grows_with_the_image_and_with_the_amount_of_data(
    largest: float, count: int, step: float
) -> None:
    assert pack.pixel_step(largest, count) == step
    assert abs(int(pack.to_steps(np.array([largest]), step)[0])) < 32768


def test_scores_are_rounded_down_so_that_a_threshold_selects_what_the_records_do() -> None:
    scores = np.array([0.3, 0.2999, 1.0, 1.5, -0.1, np.nan, 0.05, 0.95], np.float32)
    assert (pack.to_scores(scores) / pack.SCORE_STEPS).tolist() == pytest.approx(
        [0.3, 0.295, 1.0, 1.27, 0.0, 255 / 200, 0.05, 0.95]
    )
    thresholds = np.arange(0, 1.01, 0.05).round(2)
    packed = pack.to_scores(thresholds.astype(np.float32)) / pack.SCORE_STEPS
    assert (packed >= thresholds).all()
