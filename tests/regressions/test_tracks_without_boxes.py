"""Tracks of poses without boxes scored a HOTA of 0, as if nobody had been found."""

from collections.abc import Callable

import numpy as np
import pytest

from rtmcli import Frame, Instance
from rtmcli.errors import DataError
from rtmcli.metrics.evaluate_tracks import evaluate_tracks

POINTS = np.array([[10.0 * k, 5.0 * k + 20, 0.9] for k in range(17)], np.float32)


def clip(change: Callable[[Instance], None] = lambda one: None) -> list[Frame]:
    frames = []
    for number in range(4):
        people = [Instance(id=n, keypoints=POINTS + np.float32([300 * n, 0, 0])) for n in (1, 2)]
        for one in people:
            change(one)
        frames.append(Frame("walk.mp4", number, skeleton="coco17", instances=people))
    return frames


def test_people_without_boxes_are_compared_by_their_poses() -> None:
    (report,) = evaluate_tracks(clip(), clip())
    assert report.figures()["HOTA"] == 1 and report.clear.tp == 8


def test_a_person_without_box_and_place_counts_on_neither_side() -> None:
    def nowhere(one: Instance) -> None:
        if one.id == 2:
            one.keypoints = np.full((17, 3), np.nan, np.float32)

    (report,) = evaluate_tracks(clip(nowhere), clip(nowhere))
    assert (report.clear.tp, report.clear.fn, report.clear.fp) == (4, 0, 0)


def test_poses_of_another_number_of_keypoints_say_where() -> None:
    def short(one: Instance) -> None:
        assert one.keypoints is not None
        one.keypoints = one.keypoints[:5]

    with pytest.raises(DataError, match=r"walk\.mp4, frame 0: coco17 has 17 keypoints, got 5"):
        list(evaluate_tracks(clip(), clip(short)))
