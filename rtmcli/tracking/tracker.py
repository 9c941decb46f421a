"""Ids for people, online: predict every track, pair tracks with people as a whole, start tracks for the rest.

The parts are published ones: association in two stages by detection score (ByteTrack, Zhang et al., ECCV 2022), the
observation-centric re-update after a gap (OC-SORT, Cao et al., CVPR 2023), similarity of poses by OKS. Whatever depends
on time is in seconds, so that the frame rate does not matter.
"""

import math
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from rtmcli.arrays import Float64Array, IndexArray
from rtmcli.records.frame import Frame
from rtmcli.tracking.appearance import appearance_distance, distinctly_alike
from rtmcli.tracking.assignment import StagedMatching, one_each
from rtmcli.tracking.camera import common_shift
from rtmcli.tracking.motion import Tracks
from rtmcli.tracking.people import People, people_of, with_id
from rtmcli.tracking.similarity import box_similarity, nearness, oks_falloff, one_person, pose_similarity
from rtmcli.tracking.source_state import Sources, seconds

Method = Literal["auto", "iou", "oks"]

# The least similarity of a pair (mmpose's tracking threshold for IoU and OKS).
THRESHOLD = 0.3
# Detections below this score continue tracks and start none.
START_SCORE = 0.3
# One below this score gets an id when it is found again (ByteTrack's score of a detection to rely on).
CONFIRM_SCORE = 0.6
MAX_GAP = 3.0

_HIGH = 0.6  # score from which a detection is paired in the first stage
_UNSETTLED = 0.6  # worth of a track of fewer detections
_TALLER = 1.35  # a detection this many times as tall is another person
_REACH = 0.2  # box diagonals that a person may be off the expected place where boxes do not overlap enough
_RECENT = 0.3  # seconds: unseen for so long, a track takes weak detections too, and appearances do not count
# Distance of appearances beyond which two are not the same person. On real clips a detection is nearer than .25 to its
# person's others in nine of ten cases, and people in other clothes are .28 apart and more.
_DIFFERENT = 0.3
_RETURN_REACH = 2.0  # box diagonals a second that somebody may come from whom only the appearance tells
_STALE = 2.0  # seconds in which the worth of an expected place falls to 1/e


class Tracker:
    """Gives each person of a source one id through time; ids start at 1 and are never used twice in a source.

    Ids that come in are replaced. A person without a box, or with a score below `start_score` and no track to
    continue, has no id. State is bounded by the people of the last `max_gap` seconds.

    Args:
        method: what pairs people with tracks: `iou`, the overlap of boxes; `oks`, the similarity of poses; `auto`,
            poses and boxes together where there are poses.
        similarity_threshold: least similarity, in [0, 1].
        max_gap: seconds that a person may be unseen and keep the id. Who was in the last frame keeps it however long
            ago that was.
        start_score: least score, in [0, 1], of a detection that starts a track.
        confirm_score: least score of a detection that gets an id at once; a weaker one that starts a track gets it when
            it is found again. Without poses, a box that covers a tracked person's or lies in it gets an id when it
            stands apart. At `start_score` or less, all get ids at once.

    Example:
        from rtmcli import Tracker, read_frames, write_frames

        tracker = Tracker("oks")
        write_frames(map(tracker, read_frames("walk.jsonl")), "tracked.jsonl")
    """

    def __init__(
        self,
        method: Method = "auto",
        *,
        similarity_threshold: float = THRESHOLD,
        max_gap: float = MAX_GAP,
        start_score: float = START_SCORE,
        confirm_score: float = CONFIRM_SCORE,
    ) -> None:
        self._method = method
        self._threshold = similarity_threshold
        self._max_gap = max_gap
        self._start_score = start_score
        self._confirm_score = confirm_score
        self._sources: Sources[_Source] = Sources(lambda old: _Source(1 if old is None else old.next_id))

    def __call__(self, frame: Frame, camera: Float64Array | None = None) -> Frame:
        """The same frame with ids; the given one stays as it is.

        Args:
            camera: (2, 3) map of still points from the source's last frame to this one, where it is known
                (`CameraMotion`). Without it the tracks tell: what all of them do at once is the camera.
        """
        source, now = self._sources.of(frame), seconds(frame)
        tracks = source.tracks
        source.pixels = source.pixels or camera is not None
        if camera is not None and len(tracks):
            tracks.move_camera(camera)
        people = people_of(frame, tracks)
        expected = self._predict(tracks, frame, now)
        rows = columns = np.zeros(0, np.intp)  # of tracks and people that belong together
        if len(people.index) and len(tracks):
            rows, columns = self._pairs(source, people, frame, expected, now, camera is not None)
            _update(tracks, people, rows, columns, expected, now)
        known = len(tracks)
        if len(columns) < len(people.index):
            rows, columns = self._start(tracks, people, rows, columns, now)
        if people.appearances is not None and len(rows):
            tracks.mix_appearances(rows, people.appearances[columns])
        numbers = tracks.ids.take(rows)
        if np.count_nonzero(numbers) < len(numbers):
            numbers = self._number(source, people, rows, columns, known)
        tracks.end_frame(now)
        ids: list[int | None] = [None] * len(frame.instances)
        for place, number in zip(people.index.take(columns).tolist(), numbers.tolist(), strict=True):
            ids[place] = number or None
        return frame.changed(
            instances=[with_id(one, number) for one, number in zip(frame.instances, ids, strict=True)]
        )

    def _start(
        self, tracks: Tracks, people: People, rows: IndexArray, columns: IndexArray, now: float
    ) -> tuple[IndexArray, IndexArray]:
        """Start tracks for people who have none; returns rows and columns with the new ones."""
        alone = people.scores >= self._start_score
        alone[columns] = False
        new, known = np.flatnonzero(alone), len(tracks)
        tracks.start(people.boxes[:, new], people.poses[:, new], people.index[new], now)
        return np.append(rows, np.arange(known, len(tracks))), np.append(columns, new)

    def _number(
        self, source: "_Source", people: People, rows: IndexArray, columns: IndexArray, known: int
    ) -> IndexArray:
        """Give ids to the tracks `rows` that have none, in the order of people; returns the ids of all, 0 for none.

        A weak detection gets its id when it is found again: one alone may be a mistake. Rows from `known` on are new.
        """
        tracks, ids = source.tracks, source.tracks.ids
        sure = (rows < known) | (people.scores[columns] >= self._confirm_score)
        # A second box on a person may be a mistake too. (Of two poses of one person, pose NMS has removed one.)
        if self._confirm_score > self._start_score and not tracks.poses.shape[2]:
            sure &= ~np.isin(rows, _doubles(tracks, people, rows, columns))
        named = np.flatnonzero((ids[rows] == 0) & sure)
        named = rows[named[columns[named].argsort()]]
        ids[named] = np.arange(source.next_id, source.next_id + len(named))
        source.next_id += len(named)
        return ids[rows]

    def _predict(self, tracks: Tracks, frame: Frame, now: float) -> Float64Array:
        """The expected boxes (4, T). Drops who was unseen for too long, or is expected outside the image."""
        expected = tracks.predict(now)
        if not tracks.any_missed:
            return expected
        alive = now - tracks.seen <= self._max_gap
        # Who left the image can be known again by the appearance only.
        if frame.width is not None and frame.height is not None:
            x, y, width, height = expected
            inside = (x + width / 2 > 0) & (x - width / 2 < frame.width)
            inside &= (y + height / 2 > 0) & (y - height / 2 < frame.height)
            if tracks.appearances.size:
                inside |= ~np.isnan(tracks.appearances).all(axis=1)
            alive &= inside
        alive &= tracks.ids > 0
        alive |= ~tracks.missed
        if not alive.all():
            tracks.keep(alive)
            expected = expected.compress(alive, axis=1)
        return expected

    def _pairs(
        self,
        source: "_Source",
        people: People,
        frame: Frame,
        expected: Float64Array,
        now: float,
        camera_known: bool,
    ) -> tuple[IndexArray, IndexArray]:
        """Rows of tracks, expected at boxes (4, T), and columns of people that belong together.

        Where the camera moved, the expected boxes are moved with it.
        """
        tracks = source.tracks
        similar, overlap, ratio = self._similarity(tracks, people, frame, expected)
        any_missed = tracks.any_missed
        close = similar >= self._threshold
        pairs = None if any_missed else one_each(close)
        shift = None if camera_known else common_shift(tracks, people, expected, similar, close, pairs)
        if shift is not None:
            # Where pixels tell the camera's motion but for this frame, velocities are free of it.
            tracks.shift(shift, now, follow=not source.pixels)
            expected[:2] += shift[:, None]
            similar, overlap, ratio = self._similarity(tracks, people, frame, expected)
            close = similar >= self._threshold
        # Who was there a frame ago may change the height at once: an arm goes up, feet are hidden.
        overlaps = overlap >= self._threshold
        allowed = close | (overlaps & ~tracks.missed[:, None] if any_missed else overlaps)
        if not any_missed:
            if pairs is None or shift is not None or np.count_nonzero(allowed) > len(tracks):
                pairs = one_each(allowed)
            if pairs is not None:
                return pairs
        matching = StagedMatching(len(tracks), len(people.index))
        gap, settled = now - tracks.seen, tracks.settled
        recent = (~tracks.missed | (gap <= _RECENT))[:, None]
        fits = (ratio * _TALLER > 1) | ~tracks.missed[:, None]
        distance, differs = None, np.zeros(())
        if people.appearances is not None and tracks.appearances.size and not recent.all():
            # Colours decide after a long gap, when places say little.
            distance = appearance_distance(tracks.appearances, people.appearances)
            differs = np.where(recent | np.isnan(distance), 0, distance)
            fits &= differs <= _DIFFERENT
        allowed &= fits
        matching.add_undisputed(allowed)
        if matching.complete():
            return matching.result()
        # The order of the last frame's list decides only between two who stand in one place.
        moved = np.minimum(np.abs(tracks.places[:, None] - people.index[None]), 10)
        worth = np.where(tracks.missed, np.exp(-gap / _STALE), 1.0)[:, None] * (1 - 1e-4 * moved)
        value = similar * worth * np.where(settled, 1.0, _UNSETTLED)[:, None] * (1 - differs)
        named = (tracks.ids > 0)[:, None]
        for who in (named, ~named):  # an id goes on before another one begins
            matching.add(value, allowed & who & (people.scores >= _HIGH)[None])
            matching.add(value, allowed & who & recent)
            matching.add(value, allowed & who)
        if not matching.complete():  # who moved too far, or changed the pose too much
            # Somebody unseen may also have stayed, or a changing box looked like a step.
            places = (expected, tracks.last_boxes()) if any_missed else (expected,)
            near = np.max(
                [nearness(at, people.boxes, reach=_REACH, size_change=_TALLER) for at in places], axis=0
            )
            matching.add(near * worth, (near > 0) & fits)
        if distance is not None and not matching.complete():  # who comes back elsewhere in the same clothes
            reach = _RETURN_REACH * gap
            far = nearness(tracks.last_boxes(), people.boxes, reach=reach, size_change=_TALLER) > 0
            alike = distinctly_alike(np.where(settled[:, None], distance, np.nan))
            matching.add(1 - differs, alike & far & ~recent)
        return matching.result()

    def _similarity(
        self, tracks: Tracks, people: People, frame: Frame, expected: Float64Array
    ) -> tuple[Float64Array, Float64Array, Float64Array]:
        """(T, P) similarity, overlap of the boxes, and ratio of their heights."""
        similar, overlap, ratio = box_similarity(expected, people.boxes)
        if self._method == "iou" or not tracks.poses.shape[2]:
            return similar, overlap, ratio
        oks = pose_similarity(
            tracks.poses,
            people.poses,
            expected[:2] - tracks.last,
            expected[2] * expected[3],
            oks_falloff(frame.skeleton, tracks.poses.shape[2]),
        )
        mixed = oks if self._method == "oks" else (similar + oks) / 2
        if math.isfinite(np.vdot(mixed, mixed)):
            return mixed, overlap, ratio
        # The overlap counts where one of the two has no pose.
        return np.where(np.isfinite(oks), mixed, similar), overlap, ratio


@dataclass(slots=True)
class _Source:
    next_id: int
    tracks: Tracks = field(default_factory=Tracks)
    pixels: bool = False  # whether the camera's motion comes from the pixels


def _update(
    tracks: Tracks,
    people: People,
    rows: IndexArray,
    columns: IndexArray,
    expected: Float64Array,
    now: float,
) -> None:
    if not len(rows):
        return
    doubles = None if tracks.all_settled else _doubles(tracks, people, rows, columns)
    tracks.update(
        rows,
        expected,
        people.boxes.take(columns, axis=1),
        people.poses.take(columns, axis=1),
        people.index.take(columns),
        now,
    )
    if doubles is not None:  # a second box on the same person never settles
        tracks.hits[doubles] -= 1


def _doubles(tracks: Tracks, people: People, rows: IndexArray, columns: IndexArray) -> IndexArray:
    """Those of the tracks `rows` that are not settled and whose box shows the same person as that of a settled one."""
    settled, boxes = tracks.settled[rows], people.corners[columns]
    return rows[[not settled[k] and one_person(boxes[k], boxes[settled]) for k in range(len(rows))]]
