"""Where tracked people are expected: all tracks of a source as arrays, filtered and predicted together.

Centres follow a g-h filter (Brookner, "Tracking and Kalman Filtering Made Easy", 1998, chapters 1 and 2): a Kalman
filter of constant velocity in its steady state. A new track starts with the gains of a least-squares line through
its first points (the expanding-memory filter, section 2.4), so that its velocity settles within a few frames. Gains
depend on the time between frames, not on their number.
"""

import math
from dataclasses import dataclass, field, fields

import numpy as np

from rtmcli.arrays import BoolArray, Float64Array, IndexArray

_MEMORY = 0.2  # seconds that the filter of centres looks back
_SIZE_MEMORY = 0.1  # and that of sizes
_FADE = 1.5  # seconds in which the velocity of an unseen person falls to 1/e
_APPEARANCE_MEMORY = 60  # detections
_CAMERA_GAIN = 0.7  # share of a common step that velocities take over
_SETTLED = 4  # detections after which a track goes before newer ones
_FASTEST = 4.0  # body heights a second: a step beyond it is a wrong box, not a person


def _rows(*shape: int) -> Float64Array:
    return np.zeros((0, *shape))


@dataclass(slots=True)
class Tracks:
    """The tracks of a source, a row each.

    Attributes:
        ids: (T,); 0 before a track has one.
        centers, sizes: (T, 2) filtered middle and width, height of the box, in pixels.
        velocities: (T, 2) pixels a second.
        seen: (T,) time of the last detection in seconds.
        last: (T, 2) middle of the last detection as it was measured.
        hits: (T,) how many detections a track has.
        missed: (T,) not seen in the last frame.
        places: (T,) index in the list of people when last seen.
        poses: (T, 3, K) keypoints when last seen: x, y, weight in [0, 1]; NaN without a pose. K is 0 until the first
            pose comes.
        appearances: (T, A) mean appearance, NaN where unknown. A is 0 until the first comes.
    """

    ids: IndexArray = field(default_factory=lambda: np.zeros(0, np.intp))
    centers: Float64Array = field(default_factory=lambda: _rows(2))
    sizes: Float64Array = field(default_factory=lambda: _rows(2))
    velocities: Float64Array = field(default_factory=lambda: _rows(2))
    seen: Float64Array = field(default_factory=lambda: _rows())
    last: Float64Array = field(default_factory=lambda: _rows(2))
    hits: IndexArray = field(default_factory=lambda: np.zeros(0, np.intp))
    missed: BoolArray = field(default_factory=lambda: np.zeros(0, np.bool_))
    places: IndexArray = field(default_factory=lambda: np.zeros(0, np.intp))
    poses: Float64Array = field(default_factory=lambda: _rows(3, 0))
    appearances: Float64Array = field(default_factory=lambda: _rows(0))

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def settled(self) -> BoolArray:
        """(T,) whether a track has so many detections that it goes before newer ones."""
        return self.hits >= _SETTLED

    @property
    def any_missed(self) -> bool:
        return bool(np.count_nonzero(self.missed))  # a fifth of the time of any()

    def keep(self, rows: BoolArray) -> None:
        """Drop all other tracks."""
        for name in _FIELDS:
            setattr(self, name, getattr(self, name)[rows])

    def predict(self, now: float) -> Float64Array:
        """(T, 2) expected centres: constant velocity, which fades for people who are unseen."""
        if not len(self) or not self.any_missed:  # then all were seen at the same time
            return self.centers + self.velocities * (now - self.seen[:1])
        gap = now - self.seen
        gap = np.where(self.missed, _FADE * -np.expm1(-gap / _FADE), gap)
        return self.centers + self.velocities * gap[:, None]

    def update(
        self,
        rows: IndexArray,
        expected: Float64Array,
        middles: Float64Array,
        sizes: Float64Array,
        poses: Float64Array,
        places: IndexArray,
        now: float,
    ) -> None:
        """Correct the tracks `rows` (N,), expected at (N, 2), by the people found now.

        After a gap the velocity is that of the straight line from the last detection (the observation-centric re-update
        of OC-SORT, Cao et al., CVPR 2023, section 3.2).

        Args:
            middles, sizes: (N, 2) of their boxes. poses: (N, 3, K). places: (N,) in the list of people.
        """
        # Without copies where everybody was found, in the order of the tracks.
        at = slice(None) if rows.tolist() == [*range(len(self))] else rows
        step, velocity = middles - expected, self.velocities[at]
        if self.any_missed:
            gap = np.maximum(now - self.seen[at], 1e-6)[:, None]  # (N, 1)
            keep, missed = np.exp(-gap / _MEMORY), self.missed[at][:, None]
            g, h, share = _gains(gap, self.hits[at][:, None])
            straight = keep * velocity + (1 - keep) * ((middles - self.last[at]) / gap)
            filtered = np.where(missed, middles, expected + g * step)
            velocity = np.where(missed, straight, velocity + h * step / gap)
        else:
            since = max(now - float(self.seen[0]), 1e-6)  # all were seen in the last frame
            g, h, share = _settled_gains(since, int(self.hits.min())) or _gains(since, self.hits[at][:, None])
            filtered = expected + g * step
            velocity = velocity + h * step / since
        filtered_sizes = self.sizes[at]
        filtered_sizes += share * (sizes - filtered_sizes)
        _limit_speed(velocity, filtered_sizes[:, 1])
        self.centers[at], self.velocities[at], self.sizes[at] = filtered, velocity, filtered_sizes
        self.last[at], self.seen[at], self.places[at] = middles, now, places
        self.poses[at] = poses
        self.hits[at] += 1
        self.missed[at] = False

    def start(self, boxes: Float64Array, poses: Float64Array, places: IndexArray, now: float) -> None:
        """New tracks, without ids yet, at `boxes` (N, 4), with `poses` (N, K, 3) relative to the boxes' middles."""
        count = len(boxes)
        center = (boxes[:, :2] + boxes[:, 2:]) / 2
        fresh = Tracks(
            np.zeros(count, np.intp),
            center,
            boxes[:, 2:] - boxes[:, :2],
            np.zeros((count, 2)),
            np.full(count, now),
            center,
            np.ones(count, np.intp),
            np.zeros(count, np.bool_),
            places,
            poses,
            np.full((count, self.appearances.shape[1]), np.nan),
        )
        for name in _FIELDS:
            setattr(self, name, np.concatenate([getattr(self, name), getattr(fresh, name)]))

    def use_keypoints(self, count: int) -> None:
        """Give poses `count` keypoints; called once, when the first pose of a source comes."""
        self.poses = np.full((len(self), 3, count), np.nan)

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
        linear, offset = camera[:, :2], camera[:, 2]
        zoom = np.sqrt(abs(np.linalg.det(linear)))
        last = self.last @ linear.T + offset
        self.poses[:, :2] = last[..., None] + zoom * (self.poses[:, :2] - self.last[..., None])
        self.centers = self.centers @ linear.T + offset
        self.last = last
        self.velocities = self.velocities @ linear.T
        self.sizes = self.sizes * zoom

    def shift(self, step: Float64Array, now: float, before: float, *, follow: bool = True) -> None:
        """Move all tracks by a step (2,) of the camera since the frame `before`, and let velocities follow it.

        The step is what the velocities did not foresee; many people agree on it, so they take it over nearly at once.
        """
        self.centers += step
        self.last += step
        self.poses[:, :2] += step[:, None]
        if not follow:
            return
        self.velocities += _CAMERA_GAIN * step / max(now - before, 1e-6)


_FIELDS = tuple(f.name for f in fields(Tracks))


Gain = Float64Array | float


def _gains(gap: Float64Array | float, hits: IndexArray) -> tuple[Gain, Gain, Gain]:
    """The gains g and h of centres and velocities, and that of sizes, after these gaps and so many detections."""
    keep, count = np.exp(-gap / _MEMORY), hits + 1.0
    g = np.maximum(1 - keep * keep, 2 * (2 * count - 1) / (count * (count + 1)))
    h = np.maximum((1 - keep) * (1 - keep), 6 / (count * (count + 1)))
    share = np.maximum(-np.expm1(-gap / _SIZE_MEMORY), 1 / count)
    return np.minimum(g, 1), np.minimum(h, 1), share


def _settled_gains(gap: float, hits: int) -> tuple[Gain, Gain, Gain] | None:
    """The same for tracks of so many detections and more, unless the gains of the newest are still higher."""
    keep, count = float(np.exp(-gap / _MEMORY)), hits + 1.0
    g, h, share = 1 - keep * keep, (1 - keep) * (1 - keep), float(-np.expm1(-gap / _SIZE_MEMORY))
    new = count * (count + 1)
    settled = g >= 2 * (2 * count - 1) / new and h >= 6 / new and share >= 1 / count
    return (g, h, share) if settled else None


def _limit_speed(velocities: Float64Array, heights: Float64Array) -> None:
    """Slow down, in place, what is faster than a person."""
    if math.sqrt(np.vdot(velocities, velocities)) < _FASTEST * heights.min():
        return  # not even all speeds together are beyond the limit
    limit = _FASTEST * np.maximum(heights, 1e-6)
    speed = np.sqrt(velocities[:, 0] ** 2 + velocities[:, 1] ** 2)
    velocities *= np.minimum(1, limit / np.maximum(speed, 1e-9))[:, None]


def boxes_at(centers: Float64Array, sizes: Float64Array) -> Float64Array:
    """Boxes (T, 4) of these centres and sizes (T, 2)."""
    half = sizes / 2
    return np.concatenate([centers - half, centers + half], axis=1)
