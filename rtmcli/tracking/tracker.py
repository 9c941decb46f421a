"""Ids for people: constant-velocity prediction, IoU or OKS, the best assignment as a whole.

A person who stays unseen keeps the id for `max_gap` seconds of the record's own time, so that the frame rate does not
matter; one who walked out of the picture does not.
"""

from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np

from rtmcli.arrays import BoolArray, Float32Array
from rtmcli.errors import RtmError
from rtmcli.geometry.boxes import iou_matrix, keypoints_box
from rtmcli.geometry.oks import oks_matrix
from rtmcli.records.frame import Frame, Instance
from rtmcli.skeletons import load_skeleton
from rtmcli.tracking.assignment import assign
from rtmcli.tracking.source_state import Sources, seconds

Method = Literal["iou", "oks"]

# The least similarity of a pair that goes together by itself (mmpose's tracking threshold for both measures).
THRESHOLD = 0.3

_VELOCITY_SETTLES = (
    0.2  # seconds over which velocity is averaged: a step's noise must not turn a crossing person
)
_VELOCITY_FADES = 1.5  # seconds a person unseen keeps going
_SETTLED = 3  # frames after which a track goes before new ones
_DOUBLE = 0.7  # share of the smaller of two boxes that both cover, where they show one person
_REACH = 0.25  # box diagonals that a person may be off the prediction where boxes do not overlap enough
_SIZE_CHANGE = 1.6  # and the factor by which the box may have changed


class Tracker:
    """Gives each person of a source one id through time; ids start at 1 and are never used twice in a source.

    Ids that come in are replaced. State is bounded by the people of the last frame and the last `max_gap` seconds.

    Args:
        method: what pairs people with their tracks: `iou`, the overlap of boxes, or `oks`, the similarity of poses
            (of boxes where there is no pose).
        similarity_threshold: least similarity, in [0, 1].
        max_gap: seconds that a person may be unseen and keep the id. Who was in the last frame keeps it however long
            ago that was.

    Example:
        from rtmcli import Tracker, read_frames, write_frames

        tracker = Tracker("oks")
        write_frames(map(tracker, read_frames("walk.jsonl")), "tracked.jsonl")
    """

    def __init__(
        self, method: Method = "iou", *, similarity_threshold: float = THRESHOLD, max_gap: float = 1.0
    ) -> None:
        self._method = method
        self._threshold = similarity_threshold
        self._max_gap = max_gap
        self._sources: Sources[_Source] = Sources(lambda old: _Source(1 if old is None else old.next_id))

    def __call__(self, frame: Frame) -> Frame:
        """The same frame with ids; the given one stays as it is."""
        source, now = self._sources.of(frame), seconds(frame)
        source.tracks = [
            track
            for track in source.tracks
            if not track.missed or (now - track.seen <= self._max_gap and not track.has_left(frame, now))
        ]
        people = [
            _Person(at, box, i) for at, i in enumerate(frame.instances) if (box := _box_of(i)) is not None
        ]
        ids: dict[int, int] = {}
        pairs = self._pairs(source.tracks, people, frame, now)
        leaders = [person.box for track, person in pairs if track.hits >= _SETTLED]
        for track, person in pairs:
            if track.hits >= _SETTLED or not _doubles(person.box, leaders):
                track.hits += 1
            track.update(person, now)
            ids[person.index] = track.id
        for track in source.tracks:
            track.missed = track.seen < now
        for person in people:
            if person.index not in ids:
                track = _Track(source.next_id, person.box, person.instance.keypoints, now, place=person.index)
                source.tracks.append(track)
                source.next_id += 1
                ids[person.index] = track.id
        return replace(
            frame, instances=[replace(i, id=ids.get(index)) for index, i in enumerate(frame.instances)]
        )

    def _pairs(
        self, tracks: "list[_Track]", people: "list[_Person]", frame: Frame, now: float
    ) -> "list[tuple[_Track, _Person]]":
        if not tracks or not people:
            return []
        expected = np.stack([track.box_at(now) for track in tracks])  # (T, 4)
        boxes = np.stack([person.box for person in people])  # (P, 4)
        overlap = iou_matrix(expected, boxes)  # (T, P)
        similar = overlap if self._method == "iou" else self._oks(tracks, people, overlap, frame, now)
        clear = similar >= self._threshold
        worth = _worth(tracks, people, now)
        # A second box on somebody must not take the id of who has been there.
        pairs = assign(
            similar * worth, clear & np.array([track.hits >= _SETTLED for track in tracks])[:, None]
        )
        pairs += _rest(pairs, similar * worth, clear)
        if len(pairs) < min(
            len(tracks), len(people)
        ):  # those who moved too far, or changed their pose too much
            near = np.maximum(np.where(overlap >= self._threshold, overlap, 0), _nearness(expected, boxes))
            pairs += _rest(pairs, near * worth, near > 0)
        return [(tracks[t], people[p]) for t, p in pairs]

    def _oks(
        self, tracks: "list[_Track]", people: "list[_Person]", overlap: Float32Array, frame: Frame, now: float
    ) -> Float32Array:
        """(T, P): OKS where both have a pose of the same skeleton, else the overlap."""
        similar = overlap.copy()
        poses = [person.instance.keypoints for person in people]
        for k in {len(pose) for pose in poses if pose is not None}:
            rows = [t for t, track in enumerate(tracks) if track.count == k]
            columns = [(c, pose) for c, pose in enumerate(poses) if pose is not None and len(pose) == k]
            if rows and columns:
                at = [c for c, _ in columns]
                similar[np.ix_(rows, at)] = oks_matrix(
                    np.stack([tracks[t].keypoints_at(now) for t in rows]),
                    np.stack([pose for _, pose in columns]),
                    np.array([_area(tracks[t].box) for t in rows]),
                    np.array([_area(people[c].box) for c in at]),
                    _sigmas(frame.skeleton, k),
                )
        return similar


@dataclass(slots=True)
class _Source:
    next_id: int
    tracks: "list[_Track]" = field(default_factory=list)


@dataclass(slots=True)
class _Person:
    """An instance of the frame that can be tracked: it has a box."""

    index: int
    box: Float32Array
    instance: Instance


@dataclass(slots=True)
class _Track:
    id: int
    box: Float32Array
    keypoints: Float32Array | None
    seen: float
    hits: int = 1
    missed: bool = False  # not seen in the last frame
    place: int = 0  # in the list of people of the frame where last seen
    velocity: np.ndarray = field(default_factory=lambda: np.zeros(2))  # pixels a second

    @property
    def count(self) -> int:
        """The number of keypoints, 0 without a pose."""
        return 0 if self.keypoints is None else len(self.keypoints)

    def shift_at(self, now: float) -> np.ndarray:
        """How far the person has come since last seen, (2,) pixels: the velocity fades while nobody sees it."""
        dt = now - self.seen
        return self.velocity * (_VELOCITY_FADES * -np.expm1(-dt / _VELOCITY_FADES) if self.missed else dt)

    def box_at(self, now: float) -> np.ndarray:
        result: np.ndarray = np.add(self.box, np.tile(self.shift_at(now), 2))
        return result

    def keypoints_at(self, now: float) -> np.ndarray:
        assert self.keypoints is not None
        result: np.ndarray = np.add(self.keypoints[:, :2], self.shift_at(now))
        return result

    def freshness(self, now: float) -> float:
        """What a prediction is worth beside that of somebody seen a frame ago."""
        return float(np.exp(self.seen - now)) if self.missed else 1.0

    def has_left(self, frame: Frame, now: float) -> bool:
        """Whether an unseen person's expected middle is outside the picture."""
        if not self.missed or frame.width is None or frame.height is None:
            return False
        x, y = _center(self.box_at(now))
        return not (0 <= x <= frame.width and 0 <= y <= frame.height)

    def update(self, person: _Person, now: float) -> None:
        dt = now - self.seen
        if dt > 0:
            share = -np.expm1(-dt / _VELOCITY_SETTLES)
            step = (_center(person.box) - _center(self.box)) / dt
            self.velocity = share * step + (1 - share) * self.velocity
        self.box, self.keypoints, self.seen = person.box, person.instance.keypoints, now
        self.place = person.index


def _doubles(box: np.ndarray, leaders: list[Float32Array]) -> bool:
    """Whether a box is a second one on somebody who has a settled track: that track stays the one that goes on."""
    if not leaders:
        return False
    others = np.stack(leaders)  # (L, 4)
    sides = np.minimum(box[2:], others[:, 2:]) - np.maximum(box[:2], others[:, :2])  # (L, 2)
    shared = np.clip(sides, 0, None).prod(axis=1)
    smaller = np.minimum(_area(box), np.clip(others[:, 2:] - others[:, :2], 0, None).prod(axis=1))
    return bool((shared > _DOUBLE * smaller).any())


def _rest(pairs: list[tuple[int, int]], values: np.ndarray, allowed: BoolArray) -> list[tuple[int, int]]:
    """The best pairs among the rows and columns that are still free."""
    if len(pairs) == min(values.shape):
        return []
    free = allowed.copy()
    for t, p in pairs:
        free[t, :] = free[:, p] = False
    return assign(values, free)


def _worth(tracks: list[_Track], people: list[_Person], now: float) -> np.ndarray:
    """(T, P) factors: whoever was just seen before who is only expected, then the order of the last frame's list.

    The latter decides only between two who stand in one place.
    """
    fresh = np.array([track.freshness(now) for track in tracks])[:, None]  # (T, 1)
    moved = np.array([[track.place - person.index for person in people] for track in tracks])  # (T, P)
    result: np.ndarray = np.multiply(fresh, 1 - 1e-4 * np.minimum(np.abs(moved), 10))
    return result


def _nearness(expected: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    """(T, P) in [0, 1]: 1 at the expected place, 0 beyond reach or where the size does not fit."""
    distance = np.linalg.norm(_center(expected)[:, None] - _center(boxes)[None], axis=-1)  # (T, P)
    old = np.linalg.norm(expected[:, 2:] - expected[:, :2], axis=-1)[:, None]  # (T, 1)
    new = np.linalg.norm(boxes[:, 2:] - boxes[:, :2], axis=-1)[None]  # (1, P)
    fits = np.maximum(old, new) <= _SIZE_CHANGE * np.minimum(old, new)
    return np.where(fits, np.clip(1 - distance / (_REACH * np.maximum(np.minimum(old, new), 1e-6)), 0, 1), 0)


def _center(box: np.ndarray) -> np.ndarray:
    result: np.ndarray = np.divide(box[..., :2] + box[..., 2:], 2)
    return result


def _area(box: np.ndarray) -> float:
    return float(max(box[2] - box[0], 0) * max(box[3] - box[1], 0))


def _box_of(instance: Instance) -> Float32Array | None:
    box = instance.box
    if box is None and instance.keypoints is not None and len(instance.keypoints):
        box = keypoints_box(instance.keypoints[None], grow=1.0)[0]
    return box if box is not None and np.isfinite(box).all() else None


def _sigmas(skeleton: str | None, k: int) -> np.ndarray:
    """The skeleton's sigmas; one for all points where nobody knows the skeleton."""
    try:
        known = load_skeleton(skeleton).sigmas if skeleton else np.zeros(0)
    except RtmError:
        known = np.zeros(0)
    return known if len(known) == k else np.full(k, 0.05)
