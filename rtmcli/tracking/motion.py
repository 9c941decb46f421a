"""Where tracked people are expected: all tracks of a source as arrays, filtered and predicted together.

Centres follow a g-h filter (Brookner, "Tracking and Kalman Filtering Made Easy", 1998, chapters 1 and 2): a Kalman
filter of constant velocity in its steady state. A new track starts with the gains of a least-squares line through
its first points (the expanding-memory filter, section 2.4), so that its velocity settles within a few frames. Gains
depend on the time between frames, not on their number.
"""

import math
from dataclasses import dataclass, field

import numpy as np

from rtmcli.arrays import BoolArray, Float64Array, IndexArray

_MEMORY = 0.2  # seconds that the filter of centres looks back
_SIZE_MEMORY = 0.1  # and that of sizes
_TREND_MEMORY = 1.0  # seconds that the velocity of unseen people looks back
_TREND = 0.5  # seconds unseen after which that velocity alone counts
_FADE = 2.5  # seconds in which it falls to 1/e
_APPEARANCE_MEMORY = 60  # detections
_CAMERA_GAIN = 0.7  # share of a common step that velocities take over
_SETTLED = 4  # detections after which a track goes before newer ones
_FASTEST = 4.0  # body heights a second: a step beyond it is a wrong box, not a person


def _columns(*shape: int) -> Float64Array:
    return np.zeros((*shape, 0))


@dataclass(slots=True)
class Tracks:
    """The tracks of a source. A coordinate is a row and a track a column: for the few tracks there are, calls of numpy
    take most of the time, and calls on whole rows are the fastest.

    Attributes:
        ids: (T,); 0 before a track has one.
        boxes: (4, T) x and y of the middle, width and height of the box, filtered, in pixels.
        velocities: (2, T) of the middles in pixels a second.
        trends: (2, T) the mean velocities of the last second. Over a gap they lead nearer than the velocities, in which
            the last few boxes count most.
        seen: (T,) time of the last detection in seconds.
        last: (2, T) middle of the last detection as it was measured.
        hits: (T,) how many detections a track has.
        missed: (T,) not seen in the last frame.
        places: (T,) index in the list of people when last seen.
        poses: (3, T, K) keypoints when last seen: x, y, weight in [0, 1]; NaN without a pose. K is 0 until the first
            pose comes.
        appearances: (T, A) mean appearance, NaN where unknown. A is 0 until the first comes.
        time: of the last frame in seconds.
        any_missed: whether somebody was not seen in the last frame.
        fewest: detections of the track that has the fewest, after the last frame.
    """

    ids: IndexArray = field(default_factory=lambda: np.zeros(0, np.intp))
    boxes: Float64Array = field(default_factory=lambda: _columns(4))
    velocities: Float64Array = field(default_factory=lambda: _columns(2))
    trends: Float64Array = field(default_factory=lambda: _columns(2))
    seen: Float64Array = field(default_factory=lambda: _columns())
    last: Float64Array = field(default_factory=lambda: _columns(2))
    hits: IndexArray = field(default_factory=lambda: np.zeros(0, np.intp))
    missed: BoolArray = field(default_factory=lambda: np.zeros(0, np.bool_))
    places: IndexArray = field(default_factory=lambda: np.zeros(0, np.intp))
    poses: Float64Array = field(default_factory=lambda: np.zeros((3, 0, 0)))
    appearances: Float64Array = field(default_factory=lambda: np.zeros((0, 0)))
    time: float = 0.0
    any_missed: bool = False
    fewest: int = 0

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def settled(self) -> BoolArray:
        """(T,) whether a track has so many detections that it goes before newer ones."""
        return self.hits >= _SETTLED

    @property
    def all_settled(self) -> bool:
        return self.fewest >= _SETTLED

    def keep(self, which: BoolArray) -> None:
        """Drop all other tracks."""
        for name, axis in _TRACK_AXES.items():
            setattr(self, name, getattr(self, name).compress(which, axis=axis))
        self._summarize()

    def end_frame(self, now: float) -> None:
        """Note who was not seen in this frame; called when all others are updated or started."""
        self.missed = self.seen < now
        self.time = now
        self._summarize()

    def _summarize(self) -> None:
        # For the few tracks there are, lists take a third of the time of arrays.
        self.any_missed = any(self.missed.tolist())
        self.fewest = min(self.hits.tolist(), default=0)

    def predict(self, now: float) -> Float64Array:
        """(4, T) expected boxes, as `boxes`: constant velocity, which fades for people who are unseen."""
        expected = self.boxes.copy()
        middles = expected[:2]
        if self.any_missed:
            gap = now - self.seen
            share = np.where(self.missed, np.minimum(gap / _TREND, 1), 0)
            velocities = self.velocities + share * (self.trends - self.velocities)
            middles += velocities * np.where(self.missed, _FADE * -np.expm1(-gap / _FADE), gap)
        else:  # all were seen in the last frame
            middles += self.velocities * (now - self.time)
        return expected

    def last_boxes(self) -> Float64Array:
        """(4, T) boxes where the tracks were seen last, as `boxes`."""
        return np.concatenate([self.last, self.boxes[2:]])

    def update(
        self,
        rows: IndexArray,
        expected: Float64Array,
        found: Float64Array,
        poses: Float64Array,
        places: IndexArray,
        now: float,
    ) -> None:
        """Correct the tracks `rows` (N,) by the people found now.

        After a gap the velocity is that of the straight line from the last detection (the observation-centric re-update
        of OC-SORT, Cao et al., CVPR 2023, section 3.2).

        Args:
            expected: (4, T) boxes of all tracks. found: (4, N). poses: (3, N, K). places: (N,) in the list of people.
        """
        # Without copies where everybody was found, in the order of the tracks.
        everyone = rows.tolist() == [*range(len(self))]
        at = slice(None) if everyone else rows
        expected, velocity = expected[:, at], self.velocities[:, at]
        step, moved = found - expected, found[:2] - self.last[:, at]
        if self.any_missed and any(self.missed[at].tolist()):
            gap = np.maximum(now - self.seen[at], 1e-6)  # (N,)
            keep, missed = np.exp(-gap / _MEMORY), self.missed[at]
            mean = moved / gap
            g, h, share, trend = _gains(gap, self.hits[at])
            boxes = expected + np.array([g, g, share, share]) * step
            boxes[:2] = np.where(missed, found[:2], boxes[:2])
            straight = keep * velocity + (1 - keep) * mean
            velocity = np.where(missed, straight, velocity + h / gap * step[:2])
        else:
            since = max(now - self.time, 1e-6)  # all were seen in the last frame
            mean = moved / since
            g, h, share, trend = _settled_gains(since, self.fewest) or _gains(since, self.hits[at])
            boxes = expected + np.array([g, g, share, share]).reshape(4, -1) * step
            velocity = velocity + h / since * step[:2]
        _limit_speed(velocity, boxes[3])
        trends = self.trends[:, at]
        trends = trends + trend * (mean - trends)
        if everyone:
            self.boxes, self.velocities, self.trends, self.last = boxes, velocity, trends, found[:2]
            self.poses, self.places = poses, places
            self.seen.fill(now)
            self.hits += 1
        else:
            self.boxes[:, at], self.velocities[:, at], self.trends[:, at] = boxes, velocity, trends
            self.last[:, at] = found[:2]
            self.poses[:, at], self.places[at] = poses, places
            self.seen[at] = now
            self.hits[at] += 1

    def start(self, boxes: Float64Array, poses: Float64Array, places: IndexArray, now: float) -> None:
        """New tracks, without ids yet, at `boxes` (4, N) with `poses` (3, N, K); `places` (N,) as in `update`."""
        count = boxes.shape[1]
        new = {
            "ids": np.zeros(count, np.intp),
            "boxes": boxes,
            "velocities": np.zeros((2, count)),
            "trends": np.zeros((2, count)),
            "seen": np.full(count, now),
            "last": boxes[:2],
            "hits": np.ones(count, np.intp),
            "missed": np.zeros(count, np.bool_),
            "places": places,
            "poses": poses,
            "appearances": np.full((count, self.appearances.shape[1]), np.nan),
        }
        for name, axis in _TRACK_AXES.items():
            setattr(self, name, np.concatenate([getattr(self, name), new[name]], axis=axis))

    def use_keypoints(self, count: int) -> None:
        """Give poses `count` keypoints; called once, when the first pose of a source comes."""
        self.poses = np.full((3, len(self), count), np.nan)

    def mix_appearances(self, rows: IndexArray, appearances: Float64Array) -> None:
        """Bring the appearances (N, A) of people found now into the means of the tracks `rows` (N,).

        The mean is over all detections at first, and over the last `_APPEARANCE_MEMORY` of them later.
        """
        if not self.appearances.shape[1]:
            self.appearances = np.full((len(self), appearances.shape[1]), np.nan)
        old = self.appearances[rows]
        share = np.maximum(1 / self.hits[rows], 1 / _APPEARANCE_MEMORY)[:, None]
        mixed = np.where(np.isnan(old), appearances, old + share * (appearances - old))
        self.appearances[rows] = np.where(np.isnan(mixed), old, mixed)

    def move_camera(self, camera: Float64Array) -> None:
        """Carry all tracks into the next image by the map (2, 3) of still points; velocities are those in the scene."""
        linear, offset = camera[:, :2], camera[:, 2:]
        zoom = np.sqrt(abs(np.linalg.det(linear)))
        last = linear @ self.last + offset
        self.poses[:2] = last[..., None] + zoom * (self.poses[:2] - self.last[..., None])
        self.last = last
        self.boxes = np.concatenate([linear @ self.boxes[:2] + offset, self.boxes[2:] * zoom])
        self.velocities, self.trends = linear @ self.velocities, linear @ self.trends

    def shift(self, step: Float64Array, now: float, *, follow: bool = True) -> None:
        """Move all tracks by a step (2,) of the camera since the last frame, and let velocities follow it.

        The step is what the velocities did not foresee; many people agree on it, so they take it over nearly at once.
        """
        self.boxes[:2] += step[:, None]
        self.last += step[:, None]
        self.poses[:2] += step[:, None, None]
        if follow:
            velocity = (_CAMERA_GAIN * step / max(now - self.time, 1e-6))[:, None]
            self.velocities += velocity
            self.trends += velocity


# The axis of the tracks in each array.
_TRACK_AXES = {
    "ids": 0,
    "boxes": 1,
    "velocities": 1,
    "trends": 1,
    "seen": 0,
    "last": 1,
    "hits": 0,
    "missed": 0,
    "places": 0,
    "poses": 1,
    "appearances": 0,
}


Gain = Float64Array | float


def _gains(gap: Float64Array | float, hits: IndexArray) -> tuple[Gain, Gain, Gain, Gain]:
    """The gains g and h of middles and velocities, and those of sizes and trends, after these gaps and detections."""
    keep, count = np.exp(-gap / _MEMORY), hits + 1.0
    g = np.maximum(1 - keep * keep, 2 * (2 * count - 1) / (count * (count + 1)))
    h = np.maximum((1 - keep) * (1 - keep), 6 / (count * (count + 1)))
    size = np.maximum(-np.expm1(-gap / _SIZE_MEMORY), 1 / count)
    trend = np.maximum(-np.expm1(-gap / _TREND_MEMORY), 1 / hits)
    return np.minimum(g, 1), np.minimum(h, 1), size, trend


def _settled_gains(gap: float, hits: int) -> tuple[Gain, Gain, Gain, Gain] | None:
    """The same for tracks of so many detections and more, unless the gains of the newest are still higher."""
    keep, count = math.exp(-gap / _MEMORY), hits + 1.0
    g, h = 1 - keep * keep, (1 - keep) * (1 - keep)
    size, trend = -math.expm1(-gap / _SIZE_MEMORY), -math.expm1(-gap / _TREND_MEMORY)
    new = count * (count + 1)
    settled = g >= 2 * (2 * count - 1) / new and h >= 6 / new and size >= 1 / count and trend >= 1 / hits
    return (g, h, size, trend) if settled else None


def _limit_speed(velocities: Float64Array, heights: Float64Array) -> None:
    """Slow down, in place, what is faster than a person: velocities (2, N), heights (N,) of the boxes."""
    if math.sqrt(np.vdot(velocities, velocities)) < _FASTEST * heights.min():
        return  # not even all speeds together are beyond the limit
    limit = _FASTEST * np.maximum(heights, 1e-6)
    speed = np.sqrt(velocities[0] ** 2 + velocities[1] ** 2)
    velocities *= np.minimum(1, limit / np.maximum(speed, 1e-9))
