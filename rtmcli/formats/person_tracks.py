"""The keypoints of each person over the frames of a source, for formats that have a time series per person."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import numpy as np

from rtmcli.arrays import Float32Array
from rtmcli.errors import DataError
from rtmcli.records.frame import Frame, Instance
from rtmcli.skeletons import load_skeleton
from rtmcli.skeletons.of_frame import skeleton_of


@dataclass(slots=True)
class PersonTracks:
    """The people of one source with T frames.

    Attributes:
        frames: (T,) numbers of the frames, increasing; times: (T,) seconds, None for an image.
        people: id -> row -> (K, 3) x, y, score. The id is None for the only person of a source without ids.
    """

    source: str
    skeleton: str | None = None
    width: int | None = None
    height: int | None = None
    model: str | None = None
    frames: list[int] = field(default_factory=list)
    times: list[float | None] = field(default_factory=list)
    people: dict[int | None, dict[int, Float32Array]] = field(default_factory=dict)

    @property
    def size(self) -> int:
        """K, the number of keypoints."""
        return len(load_skeleton(self.skeleton)) if self.skeleton else 0

    def points(self, person: int | None, rows: range) -> Float32Array:
        """(rows, K, 3) x, y, score of a person; NaN where the person or a keypoint is missing."""
        found = np.full((len(rows), self.size, 3), np.nan, np.float32)
        for row, points in self.people[person].items():
            found[row - rows.start] = points
        return found

    def span(self, person: int | None) -> range:
        """The rows from the first to the last in which the person is."""
        return range(min(self.people[person]), max(self.people[person]) + 1)


def person_tracks(frames: Iterable[Frame], note: Callable[[str], None]) -> list[PersonTracks]:
    """The tracks of each source. People without an id are left out, unless no frame of the source has two people.

    `note` is called where people are left out.

    Raises DataError where frames do not follow each other, the skeleton changes or is not named, or no
    person has an id.
    """
    tracks: dict[str, PersonTracks] = {}
    alone: dict[str, dict[int, Float32Array]] = {}  # source -> row -> the only person, who has no id
    crowded: set[str] = set()
    for frame in frames:
        own = tracks.setdefault(frame.source, PersonTracks(frame.source))
        if own.frames and frame.frame <= own.frames[-1]:
            raise DataError(
                f"{frame.source} frame {frame.frame} comes after frame {own.frames[-1]}; convert one run at a time"
            )
        row = len(own.frames)
        own.frames.append(frame.frame)
        own.times.append(frame.time)
        own.width, own.height = own.width or frame.width, own.height or frame.height
        own.model = own.model or frame.model
        posed = [one for one in frame.instances if one.keypoints is not None]
        for one in posed:
            points = _checked(one, frame, own)
            if one.id is not None:
                own.people.setdefault(one.id, {})[row] = points
            else:
                alone.setdefault(frame.source, {})[row] = points
        if len(posed) > 1:
            crowded.add(frame.source)
    left_out = []
    for source, rows in alone.items():
        if source not in crowded and not tracks[source].people:
            tracks[source].people[None] = rows
        else:
            left_out.append(source)
    if tracks and not any(own.people for own in tracks.values()):
        raise DataError("no person has both an id and keypoints: run 'rtm track' first")
    for source in left_out:
        note(f"{source}: people without an id are left out; run 'rtm track' first")
    return list(tracks.values())


def _checked(one: Instance, frame: Frame, own: PersonTracks) -> Float32Array:
    """The keypoints of a person, who has the skeleton of the source."""
    assert one.keypoints is not None
    skeleton_of(frame, one.keypoints)
    if own.skeleton not in (None, frame.skeleton):
        raise DataError(
            f"{frame.source} frame {frame.frame}: the skeleton changes from {own.skeleton} to {frame.skeleton}; bring "
            "the records to one with --skeleton NAME"
        )
    own.skeleton = frame.skeleton
    return one.keypoints
