"""Smooth poses over time: the One-Euro filter for each person and each keypoint.

Speeds are counted in body sizes a second, so that the result does not depend on resolution, and time is the record's
own, so that an uneven frame rate is right. A point scored below what its track has been worth lately moves it less.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from rtmcli.arrays import Float32Array
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

    The id identifies a person. A source whose instances have none gets ids from a `Tracker` first, and keeps
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
        self._tracker = Tracker(max_gap=max_gap, start_score=0, confirm_score=0)
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
        points, points3d: how many keypoints it has; 0 until the first come.
    """

    seen: float
    size: float | None = None
    depth_size: float | None = None
    points: int = 0
    points3d: int = 0


class _Source:
    """The people of one source, and their filters."""

    def __init__(self, has_ids: bool, cutoffs: Cutoffs) -> None:
        self.has_ids = has_ids
        self.last: float | None = None  # time of the last frame, in seconds
        self.interval = 0.0  # seconds between the last two frames
        self.people: dict[int, _Person] = {}
        # By the number of keypoints; in the image the two corners of the box come before them.
        self._flat = _Filters(lambda count: PointFilters(2 + count, 2, cutoffs))
        self._deep = _Filters(lambda count: PointFilters(count, 3, cutoffs))

    def smooth(self, people: Sequence[Instance], now: float, max_gap: float) -> list[Instance]:
        """People, each id once, with smoothed points and boxes."""
        known = [self._person(one, now) for one in people]
        _measure(people, known, now)
        smoothed = [one.changed() for one in people]
        for count, places in _grouped([person.points for person in known]):
            given = [people[at] for at in places]
            sizes = np.array([known[at].size or 1.0 for at in places])
            rows = self._flat[count].smooth(_ids(given), _flat_rows(given, count), now, max_gap, sizes)
            boxes = rows[:, :2, :2].reshape(-1, 4)
            for at, box, points in zip(places, boxes, rows[:, 2:], strict=True):
                smoothed[at].box = None if people[at].box is None else box
                smoothed[at].keypoints = None if people[at].keypoints is None else points
        for count, places in _grouped(
            [0 if one.keypoints3d is None else len(one.keypoints3d) for one in people]
        ):
            if count:
                given = [people[at] for at in places]
                sizes = np.array([known[at].depth_size or 1.0 for at in places])
                deep = np.stack([points for one in given if (points := one.keypoints3d) is not None])
                rows = self._deep[count].smooth(_ids(given), deep, now, max_gap, sizes)
                for at, points in zip(places, rows, strict=True):
                    smoothed[at].keypoints3d = points
        return smoothed

    def forget(self, before: float) -> None:
        """Drop people who were not seen since that time."""
        for number in [number for number, person in self.people.items() if person.seen < before]:
            self._drop(number)

    def _person(self, instance: Instance, now: float) -> _Person:
        """The person of the instance's id; a new one where there are other numbers of points than before."""
        number = instance.id
        assert number is not None
        points = 0 if instance.keypoints is None else len(instance.keypoints)
        points3d = 0 if instance.keypoints3d is None else len(instance.keypoints3d)
        person = self.people.get(number)
        if person is not None and (_differ(points, person.points) or _differ(points3d, person.points3d)):
            self._drop(number)
            person = None
        if person is None:
            person = self.people[number] = _Person(now, points=points)
        elif points and not person.points:
            self._flat[points].adopt(number, self._flat[0])
            person.points = points
        person.points3d = person.points3d or points3d
        return person

    def _drop(self, number: int) -> None:
        del self.people[number]
        for filters in (*self._flat.values(), *self._deep.values()):
            filters.forget(number)


class _Filters(dict[int, PointFilters]):
    """Filters by the number of keypoints, made when they are first asked for."""

    def __init__(self, make: Callable[[int], PointFilters]) -> None:
        self._make = make

    def __missing__(self, count: int) -> PointFilters:
        made = self[count] = self._make(count)
        return made


def _differ(count: int, before: int) -> bool:
    """Whether both numbers of points are known and not the same."""
    return count != before and count > 0 and before > 0


def _ids(people: Sequence[Instance]) -> list[int]:
    return [number for one in people if (number := one.id) is not None]


def _grouped(counts: Sequence[int]) -> Iterable[tuple[int, list[int]]]:
    """Each count and where it is."""
    places: defaultdict[int, list[int]] = defaultdict(list)
    for at, count in enumerate(counts):
        places[count].append(at)
    return places.items()


def _flat_rows(people: Sequence[Instance], count: int) -> Float32Array:
    """(N, 2 + count, 3): the corners of the boxes as points that are fully trusted, and the keypoints; NaN for none."""
    rows = np.full((len(people), 2 + count, 3), np.nan, np.float32)
    for row, one in zip(rows, people, strict=True):
        if one.box is not None:
            row[:2, :2], row[:2, 2] = one.box.reshape(2, 2), 1
        if one.keypoints is not None and len(one.keypoints):
            row[2:] = one.keypoints
    return rows


def _measure(people: Sequence[Instance], known: Sequence[_Person], now: float) -> None:
    """Follow the sizes of people slowly: in pixels by the box, else by the keypoints' extent; in metres."""
    for one, person, diagonal in zip(people, known, _diagonals([one.box for one in people]), strict=True):
        share = alpha(now - person.seen or SHORTEST, _SIZE_CUTOFF)
        person.seen = now
        if diagonal is None and one.keypoints is not None:
            diagonal = _extent(one.keypoints[:, :2])
        person.size = _blend(person.size, diagonal, share)
        if one.keypoints3d is not None:
            person.depth_size = _blend(person.depth_size, _extent(one.keypoints3d[:, :3]), share)


def _diagonals(boxes: Sequence[Float32Array | None]) -> list[float | None]:
    """The lengths of the boxes' diagonals in pixels; None where there is no box."""
    given = [box for box in boxes if box is not None]
    if not given:
        return [None] * len(boxes)
    stacked = np.concatenate(given).reshape(-1, 4)
    lengths = np.hypot(stacked[:, 2] - stacked[:, 0], stacked[:, 3] - stacked[:, 1]).tolist()
    finite = np.asarray(np.isfinite(stacked).all(axis=1))
    whole = iter(zip(lengths, finite.tolist(), strict=True))
    found: list[float | None] = []
    for box in boxes:
        length, good = (0.0, False) if box is None else next(whole)
        found.append(length if good else None)
    return found


def _extent(points: Float32Array) -> float | None:
    there = points[np.asarray(np.isfinite(points).all(axis=1))]
    return float(np.linalg.norm(there.max(axis=0) - there.min(axis=0))) if len(there) > 1 else None


def _blend(old: float | None, new: float | None, share: float) -> float | None:
    if new is None or old is None:
        return old if new is None else new
    return share * new + (1 - share) * old
