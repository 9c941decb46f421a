"""Take the jitter out of poses: the One-Euro filter for each person and each keypoint.

Speeds are counted in body sizes a second, so that the result does not depend on resolution, and time is the record's
own, so that an uneven frame rate is right. A point scored below what its track has been worth lately moves it less.
"""

from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np

from rtmcli.arrays import Float32Array, Float64Array
from rtmcli.errors import UsageError
from rtmcli.filters.defaults import BETA, D_CUTOFF, MIN_CUTOFF
from rtmcli.filters.one_euro import OneEuro, alpha
from rtmcli.records.frame import Frame, Instance
from rtmcli.tracking import Tracker
from rtmcli.tracking.source_state import Sources, seconds

_TRUST_HALVES = 0.3  # seconds until a point scored half as high counts fully
_SIZE_CUTOFF = 0.5  # hertz: a person's size changes slowly
_SHORTEST = 1e-3  # seconds between two frames whose times are equal


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
        self._cutoffs = (min_cutoff, beta, d_cutoff)
        self._max_gap = max_gap
        self._tracker = Tracker(max_gap=max_gap, start_score=0)
        self._sources: Sources[_Source] = Sources(
            lambda old: _Source(has_ids=old is not None and old.has_ids)
        )

    def __call__(self, frame: Frame) -> Frame:
        """The same frame with smoothed instances; the given one stays as it is."""
        source, now = self._sources.of(frame), seconds(frame)
        source.has_ids = source.has_ids or any(instance.id is not None for instance in frame.instances)
        if not source.has_ids:
            frame = self._tracker(frame)
        # Twice the last interval, so that a slow and uneven rate does not start anew at every frame.
        max_gap = max(self._max_gap, 2 * source.interval)
        smoothed = [self._instance(source, instance, now, max_gap) for instance in frame.instances]
        source.forget(now - self._max_gap)
        source.interval = 0.0 if source.last is None else now - source.last
        source.last = now
        return replace(frame, instances=smoothed)

    def _instance(self, source: "_Source", instance: Instance, now: float, max_gap: float) -> Instance:
        if instance.id is None:
            return instance
        person = source.people.get(instance.id)
        if person is None or not person.fits(instance):
            person = source.people[instance.id] = _Person(instance, now, self._cutoffs)
        return person.smooth(instance, now, max_gap)


@dataclass(slots=True)
class _Source:
    has_ids: bool
    last: float | None = None  # time of the last frame, in seconds
    interval: float = 0.0  # seconds between the last two frames
    people: dict[int, "_Person"] = field(default_factory=dict)

    def forget(self, before: float) -> None:
        gone = [number for number, person in self.people.items() if person.seen < before]
        for number in gone:
            del self.people[number]


class _Person:
    """The filters of one id."""

    def __init__(self, instance: Instance, now: float, cutoffs: tuple[float, float, float]) -> None:
        self.seen = now
        self._size: float | None = None  # pixels
        self._flat = _Points(instance.keypoints, now, cutoffs)
        self._deep = _Points(instance.keypoints3d, now, cutoffs)
        self._depth_size: float | None = None  # metres
        self._box = _Points(None if instance.box is None else _corners(instance.box), now, cutoffs)

    def fits(self, instance: Instance) -> bool:
        """Whether the instance has as many points as the filters."""
        return self._flat.fits(instance.keypoints) and self._deep.fits(instance.keypoints3d)

    def smooth(self, instance: Instance, now: float, max_gap: float) -> Instance:
        """The instance with smoothed points and box."""
        share = float(alpha(max(now - self.seen, _SHORTEST), _SIZE_CUTOFF))
        self.seen = now
        box, keypoints, keypoints3d = instance.box, instance.keypoints, instance.keypoints3d
        self._size = _blend(self._size, _diagonal(box, keypoints), share)
        if keypoints is not None:
            keypoints = self._flat.smooth(keypoints, now, max_gap, self._size or 1.0)
        if keypoints3d is not None:
            self._depth_size = _blend(self._depth_size, _extent(keypoints3d[:, :3]), share)
            keypoints3d = self._deep.smooth(keypoints3d, now, max_gap, self._depth_size or 1.0)
        if box is not None:
            box = self._box.smooth(_corners(box), now, max_gap, self._size or 1.0)[:, :2].reshape(4)
        return replace(instance, box=box, keypoints=keypoints, keypoints3d=keypoints3d)


class _Points:
    """The filter of some points (K, D) with a score each, and how far each has been trusted lately."""

    def __init__(self, points: Float32Array | None, now: float, cutoffs: tuple[float, float, float]) -> None:
        min_cutoff, beta, d_cutoff = cutoffs
        self._filter = OneEuro(min_cutoff=min_cutoff, beta=beta, d_cutoff=d_cutoff, variant="norm")
        self._count = None if points is None else len(points)
        self._trust: Float64Array | None = None  # (K,)
        self._seen = np.full(self._count or 0, -np.inf)  # (K,) seconds

    def fits(self, points: Float32Array | None) -> bool:
        return points is None or self._count is None or len(points) == self._count

    def smooth(self, rows: Float32Array, now: float, max_gap: float, size: float) -> Float32Array:
        """Smoothed rows (K, D + 1), coordinates and the score as it came; a row of NaN stays one."""
        points = rows[:, :-1].astype(np.float64)  # (K, D)
        there = np.asarray(np.isfinite(points).all(axis=-1))  # (K,)
        scores = np.fmax(rows[:, -1], 0.0) * there  # (K,); fmax takes 0 for NaN
        if self._trust is None or self._filter.value is None:
            self._count, self._trust = len(points), scores
            self._seen = np.where(there, now, -np.inf)
            self._filter(np.where(there[:, None], points, 0.0), 1.0)
            return rows
        gap = now - self._seen  # (K,)
        anew = there & (gap > max_gap)
        if anew.any():
            self._filter.restart(anew, points)
        trust = np.where(anew, 0.0, self._trust * 0.5 ** (np.minimum(gap, max_gap) / _TRUST_HALVES))  # (K,)
        weight = np.where(there, np.minimum(scores / np.maximum(trust, 1e-9), 1.0) ** 2, 0.0)  # (K,)
        self._trust = np.where(there, np.maximum(trust, scores), self._trust)
        filled = np.where(there[:, None], points, self._filter.value)
        dt = np.minimum(np.maximum(gap, _SHORTEST), max_gap)[:, None]
        value = self._filter(filled, dt, unit=max(size, 1e-6), weight=weight[:, None])  # (K, D)
        self._seen = np.where(there, now, self._seen)
        smoothed = rows.copy()
        smoothed[there, :-1] = value[there]
        return smoothed


def _corners(box: Float32Array) -> Float32Array:
    """A box as two points that are fully trusted, (2, 3)."""
    corners = np.ones((2, 3), np.float32)
    corners[:, :2] = box.reshape(2, 2)
    return corners


def _diagonal(box: Float32Array | None, keypoints: Float32Array | None) -> float | None:
    """The size of a person in pixels, from the box or else from the points' extent."""
    if box is not None and np.isfinite(box).all():
        return float(np.hypot(box[2] - box[0], box[3] - box[1]))
    return None if keypoints is None else _extent(keypoints[:, :2])


def _extent(points: Float32Array) -> float | None:
    there = points[np.asarray(np.isfinite(points).all(axis=1))]
    return float(np.linalg.norm(there.max(axis=0) - there.min(axis=0))) if len(there) > 1 else None


def _blend(old: float | None, new: float | None, share: float) -> float | None:
    if new is None or old is None:
        return old if new is None else new
    return share * new + (1 - share) * old
