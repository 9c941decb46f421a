"""Two boxes on one person: the second takes no id, and without poses it gets none."""

from dataclasses import replace

import numpy as np
import pytest

from rtmcli import Frame, Tracker
from tests.helpers.standing import person

METHODS = ("auto", "iou", "oks")


@pytest.mark.parametrize("method", METHODS)
def test_a_second_box_on_somebody_does_not_take_the_id(method: str) -> None:
    rng = np.random.default_rng(0)
    tracker = Tracker(method)
    for n in range(30):
        people = [person(400 + 5 * n, 360, 200, rng, 0.01)]
        if n % 3 == 2:
            double = person(400 + 5 * n, 390, 150, rng, 0.03)
            people.insert(0, double)
        found = tracker(Frame("s", n, time=n / 30, skeleton="coco17", instances=people))
        assert found.instances[-1].id == 1


@pytest.mark.parametrize("method", METHODS)
def test_a_second_box_that_outlives_the_first_for_a_moment_does_not_take_over(method: str) -> None:
    """As on a walker whose detector sees a good box, a wide one, both, and the good one again."""
    rng, tracker = np.random.default_rng(0), Tracker(method)
    for n in range(40):
        good = person(400 + 4 * n, 360, 200, rng, 0.005)
        wide = person(400 + 4 * n, 360, 200, rng, 0.02)
        assert good.box is not None and wide.box is not None
        wide.box[[0, 2]] += [-40, 20]
        people = [good] if n < 15 or n >= 30 else [wide] if n >= 20 else [good, wide]
        found = tracker(Frame("s", n, time=n / 30, skeleton="coco17", instances=people))
        assert found.instances[0].id == 1


def test_without_poses_a_second_box_on_somebody_gets_an_id_when_it_stands_apart() -> None:
    rng, tracker = np.random.default_rng(0), Tracker()
    seen = []
    for n in range(14):
        two = [person(400, 360, 200, rng), person(405 + 8 * max(n - 6, 0), 390, 110, rng)]
        boxes = [replace(one, keypoints=None) for one in two[: 2 if n >= 5 else 1]]
        seen.append([i.id for i in tracker(Frame("s", n, time=n / 30, instances=boxes)).instances])
    assert seen[4:8] == [[1], [1, None], [1, None], [1, None]] and seen[12:] == [[1, 2], [1, 2]]


def test_without_poses_all_boxes_get_ids_at_once_if_the_score_for_it_is_that_for_a_start() -> None:
    rng, tracker = np.random.default_rng(0), Tracker(confirm_score=0.3)
    for n in range(7):
        two = [person(400, 360, 200, rng), person(405, 390, 110, rng)]
        boxes = [replace(one, keypoints=None) for one in two[: 2 if n == 6 else 1]]
        found = tracker(Frame("s", n, time=n / 30, instances=boxes))
    assert [i.id for i in found.instances] == [1, 2]
