"""Drawing ended with an internal error where no keypoint of a person without a box had both numbers."""

import warnings

import numpy as np
import pytest

from rtmcli import Frame, Instance, draw_frame

NAN = float("nan")


@pytest.mark.parametrize("point", [[5, NAN, 0.9], [NAN, 5, 0.9], [NAN, NAN, NAN]])
@pytest.mark.parametrize("whole", [0, 1, 16])
def test_points_with_one_number_are_left_out(point: list[float], whole: int) -> None:
    points = np.array([point] * (17 - whole) + [[30 + 2 * k, 20 + k, 0.9] for k in range(whole)], np.float32)
    image = np.zeros((60, 80, 3), np.uint8)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        frame = Frame("a.jpg", 0, skeleton="coco17", instances=[Instance(id=1, keypoints=points)])
        drawn = draw_frame(image, frame)
    assert drawn.any() == (whole > 0)
