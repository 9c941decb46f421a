"""Take the jitter out of poses: the One-Euro filter for each person and each keypoint.

Speeds are counted in body sizes a second, so that the result does not depend on resolution, and time is the record's
own, so that an uneven frame rate is right. A point scored below what its track has been worth lately moves it less.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from rtmcli.arrays import Float32Array, Float64Array
from rtmcli.errors import UsageError
from rtmcli.filters.defaults import BETA, D_CUTOFF, MIN_CUTOFF
from rtmcli.filters.one_euro import Cutoffs, alpha
from rtmcli.filters.point_filters import SHORTEST, PointFilters
from rtmcli.records.frame import Frame, Instance
from rtmcli.tracking import Tracker
from rtmcli.tracking.source_state import Sources, seconds

_SIZE_CUTOFF = 0.5  # hertz: a person's size changes slowly


class Smoother:
    """Smooths keypoints and boxes of each person over time.

    Instances are told apart by their id. A source whose instances have none gets ids from a `Tracker` first, and keeps
    them in the records that come out. State is bounded: a person not seen for `max_gap` seconds is forgotten.

    Args:
        method: `oneeuro`, the only one.
        min_cutoff: hertz at rest; lower is smoother.
        beta: hertz for each body size (the box's diagonal) a second; higher follows fast motion closer.
        d_cutoff: hertz of the speed's own filter.
        max_gap: seconds unseen after which a point or a person starts anew; where frames are further apart than that,
            what was in the last frame goes on.

    Example:
        from rtmcli import Smoother, read_frames, write_frames

        smoother = Smoother(min_cutoff=1.0)
        write_frames(map(smoother, read_frames("walk.jsonl")), "smooth.jsonl")
    """

    def __init__(
        self,
        method: Literal["oneeuro"] = "oneeuro",
        *,
        min_cutoff: float = MIN_CUTOFF,
        beta: float = BETA,
        d_cutoff: float = D_CUTOFF,
        max_gap: float = 1.0,
    ) -> None:
        if method != "oneeuro":
            raise UsageError(f"no such filter {method!r}; there is oneeuro")
        self._cutoffs = Cutoffs(min_cutoff, beta, d_cutoff)
        self._max_gap = max_gap
        self._tracker = Tracker(max_gap=max_gap, start_score=0)
        self._sources: Sources[_Source] = Sources(
            lambda old: _Source(old is not None and old.has_ids, self._cutoffs)
        )

    def __call__(self, frame: Frame) -> Frame:
        """The same frame with smoothed instances; the given one stays as it is."""
        source, now = self._sources.of(frame), seconds(frame)
        source.has_ids = source.has_ids or any(instance.id is not None for instance in frame.instances)
        if not source.has_ids:
            frame = self._tracker(frame)
        # Twice the last interval, so that a slow and uneven rate does not start anew at every frame.
        max_gap = max(self._max_gap, 2 * source.interval)
        smoothed = [*frame.instances]
        for places in _rounds(frame.instances):
            people = [frame.instances[at] for at in places]
            for at, person in zip(places, source.smooth(people, now, max_gap), strict=True):
                smoothed[at] = person
        source.forget(now - self._max_gap)
        source.interval = 0.0 if source.last is None else now - source.last
        source.last = now
        return frame.changed(instances=smoothed)


def _rounds(instances: Sequence[Instance]) -> list[list[int]]:
    """Places of the instances with an id, such that no id is twice in a round: one round, or more in odd records."""
    rounds: list[list[int]] = []
    times: defaultdict[int, int] = defaultdict(int)
    for at, instance in enumerate(instances):
        if instance.id is not None:
            if times[instance.id] == len(rounds):
                rounds.append([])
            rounds[times[instance.id]].append(at)
            times[instance.id] += 1
    return rounds


@dataclass(slots=True)
class _Person:
    """What is known of an id.

    Attributes:
        seen: time of its last frame in seconds.
        size, depth_size: in pixels and in metres.
        points, points3d: how many keypoints it has.
    """

    seen: float
    size: float | None = None
    depth_size: float | None = None
    points: int | None = None
    points3d: int | None = None


class _Source:
    """The people of one source, and the filters of their keypoints and of the corners of their boxes."""

    def __init__(self, has_ids: bool, cutoffs: Cutoffs) -> None:
        self.has_ids = has_ids
        self.last: float | None = None  # time of the last frame, in seconds
        self.interval = 0.0  # seconds between the last two frames
        self._cutoffs = cutoffs
        self.people: dict[int, _Person] = {}
        # By what they filter and by the number of points.
        self._filters: dict[tuple[str, int], PointFilters] = {}

    def smooth(self, people: Sequence[Instance], now: float, max_gap: float) -> list[Instance]:
        """People, each id once, with smoothed points and boxes."""
        known = [self._person(one, now) for one in people]
        numbers = [number for one in people if (number := one.id) is not None]
        _measure(people, known, now)
        sizes = np.array([person.size or 1.0 for person in known])
        depth_sizes = np.array([person.depth_size or 1.0 for person in known])

        def rows(
            what: str, given: Sequence[Float32Array | None], sizes: Float64Array
        ) -> Sequence[Float32Array | None]:
            return self._rows(what, given, numbers, now, max_gap, sizes)

        flat = rows("keypoints", [one.keypoints for one in people], sizes)
        deep = rows("keypoints3d", [one.keypoints3d for one in people], depth_sizes)
        boxes = rows("box", _corners([one.box for one in people]), sizes)
        return [
            one.changed(
                keypoints=points, keypoints3d=points3d, box=None if box is None else box[:, :2].reshape(4)
            )
            for one, points, points3d, box in zip(people, flat, deep, boxes, strict=True)
        ]

    def forget(self, before: float) -> None:
        """Drop people who were not seen since that time."""
        for number in [number for number, person in self.people.items() if person.seen < before]:
            self._drop(number)

    def _person(self, instance: Instance, now: float) -> _Person:
        """The person of the instance's id; a new one where there are other numbers of points than before."""
        number = instance.id
        assert number is not None
        person = self.people.get(number)
        points = None if instance.keypoints is None else len(instance.keypoints)
        points3d = None if instance.keypoints3d is None else len(instance.keypoints3d)
        if person is not None and not (
            points in (None, person.points or points) and points3d in (None, person.points3d or points3d)
        ):
            self._drop(number)
            person = None
        if person is None:
            person = self.people[number] = _Person(now)
        person.points = person.points or points
        person.points3d = person.points3d or points3d
        return person

    def _drop(self, number: int) -> None:
        del self.people[number]
        for filters in self._filters.values():
            filters.forget(number)

    def _rows(
        self,
        what: str,
        rows: Sequence[Float32Array | None],
        numbers: Sequence[int],
        now: float,
        max_gap: float,
        sizes: Float64Array,
    ) -> Sequence[Float32Array | None]:
        """Smoothed rows (K, D + 1) of people with these ids and sizes; K may differ between them."""
        by_count: defaultdict[int, list[int]] = defaultdict(list)
        for at, one in enumerate(rows):
            if one is not None:
                by_count[len(one)].append(at)
        smoothed = [*rows]
        for count, places in by_count.items():
            given = [one for at in places if (one := rows[at]) is not None]
            stacked = np.concatenate(given).reshape(len(given), count, given[0].shape[1])
            filters = self._filters.get((what, count))
            if filters is None:
                filters = self._filters[what, count] = PointFilters(
                    count, stacked.shape[2] - 1, self._cutoffs
                )
            ids = [numbers[at] for at in places]
            for at, one in zip(
                places, filters.smooth(ids, stacked, now, max_gap, sizes[places]), strict=True
            ):
                smoothed[at] = one
        return smoothed


def _measure(people: Sequence[Instance], known: Sequence[_Person], now: float) -> None:
    """Follow the sizes of people slowly: in pixels by the box, else by the keypoints' extent; in metres."""
    for one, person, diagonal in zip(people, known, _diagonals([one.box for one in people]), strict=True):
        share = alpha(max(now - person.seen, SHORTEST), _SIZE_CUTOFF)
        person.seen = now
        if diagonal is None and one.keypoints is not None:
            diagonal = _extent(one.keypoints[:, :2])
        person.size = _blend(person.size, diagonal, share)
        if one.keypoints3d is not None:
            person.depth_size = _blend(person.depth_size, _extent(one.keypoints3d[:, :3]), share)


def _corners(boxes: Sequence[Float32Array | None]) -> Sequence[Float32Array | None]:
    """Boxes as two points that are fully trusted, (2, 3)."""
    corners = np.ones((len(boxes), 2, 3), np.float32)
    for two, box in zip(corners, boxes, strict=True):
        if box is not None:
            two[:, :2] = box.reshape(2, 2)
    return [None if box is None else two for two, box in zip(corners, boxes, strict=True)]


def _diagonals(boxes: Sequence[Float32Array | None]) -> list[float | None]:
    """The lengths of the boxes' diagonals in pixels; None where there is no box."""
    given = [box for box in boxes if box is not None]
    if not given:
        return [None] * len(boxes)
    stacked = np.concatenate(given).reshape(-1, 4)
    lengths = np.hypot(stacked[:, 2] - stacked[:, 0], stacked[:, 3] - stacked[:, 1]).tolist()
    whole = iter(zip(lengths, np.isfinite(stacked).all(axis=1).tolist(), strict=True))
    found: list[float | None] = []
    for box in boxes:
        length, finite = (0.0, False) if box is None else next(whole)
        found.append(length if finite else None)
    return found


def _extent(points: Float32Array) -> float | None:
    there = points[np.asarray(np.isfinite(points).all(axis=1))]
    return float(np.linalg.norm(there.max(axis=0) - there.min(axis=0))) if len(there) > 1 else None


def _blend(old: float | None, new: float | None, share: float) -> float | None:
    if new is None or old is None:
        return old if new is None else new
    return share * new + (1 - share) * old
