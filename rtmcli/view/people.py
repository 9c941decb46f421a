"""The table of people: when each was seen, how surely, and which id may be another's continuation."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from rtmcli.arrays import Float64Array
from rtmcli.geometry.boxes import iou_matrix
from rtmcli.view.tracks import Track, runs_of

# An id that begins within this many seconds of another's end, where that one was, may be the same person.
_SWITCH_SECONDS = 1.0
_SWITCH_IOU = 0.3


@dataclass(frozen=True, slots=True)
class Person:
    """A row of the table.

    Attributes:
        start, end: seconds.
        gaps: how many times the person was away for one record or more.
        longest_gap: seconds.
        score: mean score of the boxes, or None.
        keypoint_score: mean score of all keypoints, or None.
        continues: id that may be the same person, or None.
    """

    start: float
    end: float
    frames: int
    gaps: int
    longest_gap: float
    score: float | None
    keypoint_score: float | None
    continues: int | None


def describe_people(tracks: list[Track], times: Float64Array) -> list[Person]:
    """The row of each track; `times` are those of the clip's records."""
    continued = _continued(tracks, times)
    people = []
    for track in tracks:
        at = track.at()
        stretches = list(runs_of(at))
        gaps = [float(times[at[first]] - times[at[last]]) for (_, last), (first, _) in pairwise(stretches)]
        points = track.keypoints()[..., 2]
        people.append(
            Person(
                start=float(times[at[0]]),
                end=float(times[at[-1]]),
                frames=len(at),
                gaps=len(gaps),
                longest_gap=max(gaps, default=0.0),
                score=_mean(track.scores()),
                keypoint_score=_mean(points),
                continues=continued.get(id(track)),
            )
        )
    return people


def _mean(values: np.ndarray) -> float | None:
    known = values[np.isfinite(values)]
    return float(known.mean()) if known.size else None


def _continued(tracks: list[Track], times: Float64Array) -> dict[int, int]:
    """id() of a track -> the id of the track that ended just before at the same place."""
    named = [track for track in tracks if track.id is not None]
    ends = np.array([times[track.rows[-1]] for track in named])
    found: dict[int, int] = {}
    for track in named:
        start = times[track.rows[0]]
        near = np.flatnonzero((ends < start) & (ends >= start - _SWITCH_SECONDS))
        if not len(near):
            continue
        last = np.stack([named[i].boxes()[-1] for i in near])
        overlap = iou_matrix(track.boxes()[:1], last)[0]  # (n,)
        best = int(np.nan_to_num(overlap).argmax())
        other = named[near[best]].id
        if overlap[best] > _SWITCH_IOU and other is not None and other != track.id:
            found[id(track)] = other
    return found
