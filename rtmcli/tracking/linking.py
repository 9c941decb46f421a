"""Tracks that were broken, put together with knowledge of what came after: who ended here goes on there.

A tracklet is what the online tracker gave one id. Two of them are one person where the first, carried forward, and the
second, carried backward, meet; where size and appearance agree; and where the choice is best for all tracklets
together.
"""

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from rtmcli.arrays import Float64Array
from rtmcli.tracking.appearance import MeanAppearance, appearance_distance
from rtmcli.tracking.assignment import assign

_ENDS = 15  # detections kept at each end of a tracklet
_ENDS_LEAST = 4  # detections that the motion there is fitted to at least
_ENDS_SECONDS = 0.3  # and the time over which its motion there is fitted
# Seconds that the first may go on after the second began: a detector's second box on a person takes over at times.
_OVERLAP = 0.2
_FADE = 1.5  # seconds in which a velocity carried into a gap falls to 1/e
# Tolerance of the place in body heights: at once, and for each second of the gap, at rest and by the speed.
_PLACE = (0.2, 0.1, 0.6)
_SIZE = 0.15  # tolerance of the logarithm of the height
# Tolerance of the distance of appearances. On real clips tracklets of one person are .02 to .10 apart, those of people
# in other clothes .28 and more.
_APPEARANCE = 0.15
_ALIKE = 1.0  # what equal appearances take off the cost
_COST = 1.5  # squared tolerances that a link may cost
_GAP_COST = 0.5  # what a second of gap costs
_BRIEF_COST = 0.6  # what a piece of one detection costs, which may be anybody; of n detections, an n-th of it


@dataclass(slots=True)
class Tracklet:
    """What is kept of one online track, however long it is.

    Attributes:
        id: the online id.
        start, end: times of the first and the last detection, in seconds.
        count: detections.
        head, tail: the first and the last (time, x, y, width, height), in seconds and pixels.
        appearance: mean of the appearances.
    """

    id: int
    start: float
    end: float
    count: int = 0
    head: list[tuple[float, ...]] = field(default_factory=list)
    tail: deque[tuple[float, ...]] = field(default_factory=lambda: deque(maxlen=_ENDS))
    appearance: MeanAppearance | None = None

    def add(self, time: float, box: Sequence[float], appearance: Float64Array | None) -> None:
        x1, y1, x2, y2 = (float(value) for value in box)
        point = (time, (x1 + x2) / 2, (y1 + y2) / 2, x2 - x1, y2 - y1)
        self.end = time
        self.count += 1
        if len(self.head) < _ENDS:
            self.head.append(point)
        self.tail.append(point)
        if appearance is not None:
            if self.appearance is None:
                self.appearance = MeanAppearance()
            self.appearance.add(appearance)


@dataclass(frozen=True, slots=True)
class _End:
    """Place (2,), velocity (2,) in pixels a second, and height at one end of a tracklet."""

    place: Float64Array
    velocity: Float64Array
    height: float


def link(tracklets: Iterable[Tracklet], *, max_gap: float) -> dict[int, int]:
    """For each tracklet that continues another: its id and that of the one before.

    Args:
        tracklets: of one source.
        max_gap: seconds between the end of one and the start of the next.
    """
    ordered = sorted(tracklets, key=lambda t: (t.start, t.id))
    ends = {t.id: _fit(list(t.tail), at_end=True) for t in ordered}
    starts = {t.id: _fit(t.head, at_end=False) for t in ordered}
    worth: dict[tuple[int, int], float] = {}
    by_end = sorted(range(len(ordered)), key=lambda k: ordered[k].end)
    end_times = [ordered[k].end for k in by_end]
    for column, later in enumerate(ordered):
        first, last = np.searchsorted(end_times, [later.start - max_gap, later.start + _OVERLAP])
        for row in by_end[first:last]:
            earlier = ordered[row]
            if not (earlier.start < later.start and earlier.end < later.end):
                continue
            cost = _cost(earlier, later, ends[earlier.id], starts[later.id])
            if cost < _COST:
                worth[row, column] = _COST - cost
    return {ordered[c].id: ordered[r].id for r, c in _best(worth)}


def first_ids(links: dict[int, int]) -> dict[int, int]:
    """For each linked id the id that its chain began with."""
    found: dict[int, int] = {}
    for number in sorted(links):
        at = number
        while at in links:
            at = links[at]
        found[number] = at
    return found


def _fit(points: list[tuple[float, ...]], *, at_end: bool) -> _End:
    """The least-squares line through the points at one end."""
    data = np.array(points)  # (N, 5)
    at = data[-1, 0] if at_end else data[0, 0]
    near = np.abs(data[:, 0] - at)
    # At a low frame rate, the time of a few detections.
    data = data[near <= max(_ENDS_SECONDS, np.sort(near)[:_ENDS_LEAST][-1])]
    time = data[:, 0] - at
    place, velocity = data[:, 1:3].mean(axis=0), np.zeros(2)
    spread = ((time - time.mean()) ** 2).sum()
    height = float(np.median(data[:, 4]))
    if len(data) >= 3 and spread > 0:
        velocity = (time - time.mean()) @ (data[:, 1:3] - place) / spread
    return _End(place - velocity * time.mean(), velocity, height)


def _cost(earlier: Tracklet, later: Tracklet, end: _End, start: _End) -> float:
    """Squared tolerances between the end of one tracklet and the start of another."""
    gap = later.start - earlier.end
    carried = _FADE * -np.expm1(-gap / _FADE)
    height = (end.height + start.height) / 2
    step = start.place - end.place
    # Whichever end moved steadily explains the step; a third way is that both did halfway.
    errors = [
        np.hypot(*(step - velocity * carried))
        for velocity in (end.velocity, start.velocity, (end.velocity + start.velocity) / 2)
    ]
    error = min(errors) / max(height, 1e-6)
    speed = (np.hypot(*end.velocity) + np.hypot(*start.velocity)) / 2 / max(height, 1e-6)
    place = error / (_PLACE[0] + (_PLACE[1] + _PLACE[2] * speed) * abs(gap))
    size = np.log(max(start.height, 1e-6) / max(end.height, 1e-6)) / _SIZE
    cost = place**2 + size**2 + _GAP_COST * abs(gap) + _BRIEF_COST / min(earlier.count, later.count)
    # Appearances cannot make up for more than they take off.
    if cost < _COST + _ALIKE and earlier.appearance is not None and later.appearance is not None:
        distance = appearance_distance(earlier.appearance.mean()[None], later.appearance.mean()[None])[0, 0]
        if not np.isnan(distance):
            cost += (distance / _APPEARANCE) ** 2 - _ALIKE
    return float(cost)


def _best(worth: dict[tuple[int, int], float]) -> list[tuple[int, int]]:
    """Pairs of the highest total worth, solved for each group of tracklets that compete with each other."""
    group: dict[tuple[str, int], tuple[str, int]] = {}

    def root(node: tuple[str, int]) -> tuple[str, int]:
        while group.setdefault(node, node) != node:
            group[node] = group[group[node]]
            node = group[node]
        return node

    for row, column in worth:
        group[root(("end", row))] = root(("start", column))
    members: dict[tuple[str, int], list[tuple[int, int]]] = {}
    for pair in worth:
        members.setdefault(root(("end", pair[0])), []).append(pair)
    chosen = []
    for pairs in members.values():
        rows, columns = sorted({r for r, _ in pairs}), sorted({c for _, c in pairs})
        value = np.zeros((len(rows), len(columns)))
        for r, c in pairs:
            value[rows.index(r), columns.index(c)] = worth[r, c]
        chosen += [(rows[i], columns[j]) for i, j in assign(value, value > 0)]
    return sorted(chosen)
