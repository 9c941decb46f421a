"""The pipeline keeps order, detects when it should, and ends cleanly, for any number of jobs."""

import random
import threading
import time
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pytest

from rtmcli.errors import DataError
from rtmcli.inference.pipeline import Item, next_boxes, run_pipeline
from rtmcli.records.frame import Frame, Instance

WIDTH, HEIGHT = 100, 80


class Networks:
    """A detector that finds one person on each picture and a pose network that puts points around its box's middle.

    The picture's first pixel is its number; `score` is what every keypoint gets.
    """

    def __init__(self, score: float = 0.9, *, slow: bool = False) -> None:
        self.score, self.slow = score, slow
        self.detected: list[int] = []
        self.posed: list[tuple[int, int]] = []

    def find(self, images: Sequence[np.ndarray]) -> list[list[Instance]]:
        self._wait()
        self.detected += [int(image[0, 0, 0]) for image in images]
        return [
            [Instance(box=np.array([20, 10, 40 + image[0, 0, 0], 70], np.float32), score=0.8, label="person")]
            for image in images
        ]

    def pose(
        self, images: Sequence[np.ndarray], people: Sequence[Sequence[Instance]]
    ) -> list[list[Instance]]:
        self._wait()
        self.posed += [(int(i[0, 0, 0]), len(p)) for i, p in zip(images, people, strict=True)]
        return [[self._posed(person) for person in group] for group in people]

    def _posed(self, person: Instance) -> Instance:
        x1, y1, x2, y2 = person.box
        points = [[x1 + 2, y1 + 2, self.score], [x2 - 2, y2 - 2, self.score]]
        return Instance(
            box=person.box, score=person.score, label=person.label, keypoints=np.array(points, np.float32)
        )

    def _wait(self) -> None:
        if self.slow:
            time.sleep(random.uniform(0, 0.004))


def items(count: int, source: str = "a.mp4") -> Iterator[Item]:
    for number in range(count):
        image = np.full((HEIGHT, WIDTH, 3), number, np.uint8)
        yield Item(image, Frame(source=source, frame=number, width=WIDTH, height=HEIGHT))


def boxes(done: Sequence[Item]) -> list[list[list[float]]]:
    return [[person.box.tolist() for person in item.frame.instances] for item in done]


@pytest.mark.parametrize("jobs", [1, 3])
@pytest.mark.parametrize("det_every", [1, 4])
def test_frames_leave_in_the_order_they_came(jobs: int, det_every: int) -> None:
    networks = Networks(slow=True)
    done = list(
        run_pipeline(items(30), find=networks.find, pose=networks.pose, det_every=det_every, jobs=jobs)
    )
    assert [item.frame.frame for item in done] == list(range(30))
    assert all(len(item.frame.instances) == 1 for item in done)
    assert sorted(networks.detected) == list(range(0, 30, det_every))


def test_any_number_of_jobs_gives_the_same() -> None:
    def run(jobs: int) -> list[Any]:
        networks = Networks(slow=True)
        return boxes(
            list(run_pipeline(items(21), find=networks.find, pose=networks.pose, det_every=5, jobs=jobs))
        )

    assert run(1) == run(2) == run(4)


def test_each_source_begins_with_a_detection() -> None:
    networks = Networks()
    two = [*items(3, "a.mp4"), *items(3, "b.mp4")]
    list(run_pipeline(two, find=networks.find, pose=networks.pose, det_every=10))
    assert networks.detected == [0, 0]


def test_a_person_whose_keypoints_fade_is_dropped_until_the_next_detection() -> None:
    networks = Networks(score=0.29)
    done = list(run_pipeline(items(6), find=networks.find, pose=networks.pose, det_every=3))
    assert [len(item.frame.instances) for item in done] == [1, 0, 0, 1, 0, 0]


def test_the_next_box_is_the_grown_extent_of_the_keypoints_inside_the_picture() -> None:
    points = np.array([[10, 20, 0.5], [50, 60, 0.5], [np.nan, np.nan, np.nan]], np.float32)
    person = Instance(box=np.zeros(4, np.float32), score=0.7, label="person", keypoints=points)
    (next_person,) = next_boxes([person], (WIDTH, HEIGHT))
    np.testing.assert_allclose(next_person.box, [5, 15, 55, 65])
    assert next_person.score == 0.7 and next_person.keypoints is None
    (at_edge,) = next_boxes([person], (52, 62))
    np.testing.assert_allclose(at_edge.box, [5, 15, 52, 62])


def test_boxes_that_are_given_are_posed_without_a_detection() -> None:
    networks = Networks()
    given = list(items(3))
    for item in given:
        item.frame.instances = [Instance(box=np.array([0, 0, 10, 10], np.float32))]
    done = list(run_pipeline(given, pose=networks.pose, jobs=2))
    assert networks.detected == []
    assert all(item.frame.instances[0].keypoints is not None for item in done)


@pytest.mark.parametrize("jobs", [1, 3])
@pytest.mark.parametrize("det_every", [1, 4])
def test_damage_is_raised_after_the_frames_before_it(jobs: int, det_every: int) -> None:
    def damaged() -> Iterator[Item]:
        yield from items(10)
        raise DataError("cut off after frame 9")

    networks, seen = Networks(slow=True), []
    with pytest.raises(DataError, match="cut off"):
        for item in run_pipeline(
            damaged(), find=networks.find, pose=networks.pose, det_every=det_every, jobs=jobs
        ):
            seen.append(item.frame.frame)
    assert seen == list(range(10))


def test_a_network_that_fails_ends_it_with_its_own_error() -> None:
    def broken(images: Sequence[np.ndarray]) -> list[list[Instance]]:
        raise RuntimeError("no memory left")

    with pytest.raises(RuntimeError, match="no memory left"):
        list(run_pipeline(items(5), find=broken, jobs=2))


def test_the_work_stops_when_the_caller_stops_iterating() -> None:
    networks, taken = Networks(slow=True), []

    def endless() -> Iterator[Item]:
        while True:
            for item in items(50):
                taken.append(item)
                yield item

    running = run_pipeline(endless(), find=networks.find, pose=networks.pose, det_every=10, jobs=2)
    for _ in range(3):
        next(running)
    running.close()
    before = len(taken)
    time.sleep(0.05)
    assert len(taken) == before < 100
    assert not [t for t in threading.enumerate() if t.name.startswith("rtm-pose")]


def test_a_camera_is_never_worked_ahead() -> None:
    taken: list[int] = []

    def camera() -> Iterator[Item]:
        for item in items(10):
            taken.append(item.frame.frame)
            yield item

    networks = Networks()
    for item in run_pipeline(camera(), find=networks.find, pose=networks.pose, live=True):
        assert taken[-1] == item.frame.frame


def turns(counts: dict[str, int], turn: int) -> Iterator[Item]:
    """Frames of several sources that take turns of so many."""
    left = {source: list(items(count, source)) for source, count in counts.items()}
    while any(left.values()):
        for source in left:
            yield from left[source][:turn]
            left[source] = left[source][turn:]


@pytest.mark.parametrize(("jobs", "batch"), [(1, 1), (3, 1), (1, 4), (2, 3)])
def test_sources_in_turn_give_what_each_gives_alone(jobs: int, batch: int) -> None:
    counts = {"a.mp4": 11, "b.mp4": 4, "c.mp4": 17}

    def run(these: Iterator[Item], **options: int) -> dict[tuple[str, int], Any]:
        networks = Networks(slow=True)
        done = list(run_pipeline(these, find=networks.find, pose=networks.pose, det_every=5, **options))
        return {(item.frame.source, item.frame.frame): boxes([item]) for item in done}

    alone: dict[tuple[str, int], Any] = {}
    for source, count in counts.items():
        alone |= run(items(count, source))
    assert run(turns(counts, 5), jobs=jobs, batch=batch) == alone


def test_frames_that_share_a_batch_go_through_the_networks_together() -> None:
    sizes: list[int] = []
    networks = Networks()

    def find(images: Sequence[np.ndarray]) -> list[list[Instance]]:
        sizes.append(len(images))
        return networks.find(images)

    done = list(run_pipeline(items(10), find=find, pose=networks.pose, batch=4))
    assert sizes == [4, 4, 2]
    assert [item.frame.frame for item in done] == list(range(10))


def test_a_round_of_cameras_shares_a_batch_and_leaves_before_the_next_is_waited_for() -> None:
    networks, sizes, given = Networks(), [], []

    def find(images: Sequence[np.ndarray]) -> list[list[Instance]]:
        sizes.append(len(images))
        return networks.find(images)

    def cameras() -> Iterator[Item]:
        for number, sources in enumerate((("0", "1"), ("1",), ("0", "1"))):
            for source in sources:
                (item,) = items(1, source)
                item.more = source != sources[-1]
                given.append(number)
                yield item

    rounds = [given[-1] for _ in run_pipeline(cameras(), find=find, pose=networks.pose, live=True)]
    assert sizes == [2, 1, 2]
    assert rounds == [0, 0, 1, 2, 2]
