"""Records -> clips: a source's frames and times, and one table of arrays for each person."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np

from rtmcli.arrays import Float32Array, Float64Array, IndexArray
from rtmcli.kinematics.measured_keys import angles_of
from rtmcli.records.frame import Frame, Instance
from rtmcli.tracking.source_state import seconds

# Name of the clip that holds all images that are sources of their own.
IMAGES = "images"


@dataclass(slots=True, eq=False)
class Track:
    """One person of a clip: a row for each record that the person is in.

    Attributes:
        id: the person's number, or None for people without ids, who are counted within each record.
        number: of people without an id, their place in the record.
        skeleton: name of the skeleton, or None.
        points: K, the number of keypoints; 0 for people with a box only.
    """

    id: int | None
    number: int
    label: str | None
    skeleton: str | None
    points: int
    rows: list[int] = field(default_factory=list)
    # Angle name -> degrees by row of the track.
    angles: dict[str, dict[int, float]] = field(default_factory=dict)
    # float32 values one after the other: an hour of people would be millions of small arrays.
    _boxes: bytearray = field(default_factory=bytearray)
    _scores: bytearray = field(default_factory=bytearray)
    _keypoints: bytearray = field(default_factory=bytearray)

    def add(self, row: int, person: Instance) -> None:
        """Append the person as found in record `row` of the clip."""
        for name, degrees in (angles_of(person) or {}).items():
            self.angles.setdefault(name, {})[len(self.rows)] = degrees
        self.rows.append(row)
        box = np.full(4, np.nan, np.float32) if person.box is None else person.box
        self._boxes += box.astype(np.float32).tobytes()
        score = np.nan if person.score is None else person.score
        self._scores += np.float32(score).tobytes()
        if person.keypoints is not None:
            self._keypoints += person.keypoints[:, :3].astype(np.float32).tobytes()

    def at(self) -> IndexArray:
        """(N,) rows of the clip's records."""
        return np.array(self.rows, np.int64)

    def boxes(self) -> Float32Array:
        """(N, 4) x1, y1, x2, y2; NaN without a box."""
        return np.frombuffer(self._boxes, np.float32).reshape(-1, 4)

    def scores(self) -> Float32Array:
        """(N,) scores of the boxes; NaN without one."""
        return np.frombuffer(self._scores, np.float32)

    def keypoints(self) -> Float32Array:
        """(N, K, 3) x, y, score; NaN where a point does not exist."""
        return np.frombuffer(self._keypoints, np.float32).reshape(len(self.rows), self.points, 3)

    def degrees(self, name: str) -> Float32Array:
        """(N,) one angle in degrees; NaN where it was not measured."""
        values = np.full(len(self.rows), np.nan, np.float32)
        known = self.angles.get(name, {})
        values[list(known)] = list(known.values())
        return values


@dataclass(slots=True, eq=False)
class Clip:
    """The records of one source, or of all images that are sources of their own.

    Attributes:
        name: the source.
        is_images: each record has an image file of its own.
        frames: the records without their people: what `find_pictures` needs to find their images.
        tracks: the people, in the order in which they appear.
    """

    name: str
    is_images: bool
    frames: list[Frame] = field(default_factory=list)
    tracks: list[Track] = field(default_factory=list)
    _tracks_by_key: dict[tuple[int | None, int, str | None, int], Track] = field(default_factory=dict)

    def add(self, frame: Frame) -> None:
        """Append a record."""
        row, unnamed = len(self.frames), 0
        for person in frame.instances:
            number = 0
            if person.id is None:
                unnamed += 1
                number = unnamed
            points = 0 if person.keypoints is None else len(person.keypoints)
            key = (person.id, number, frame.skeleton, points)
            track = self._tracks_by_key.get(key)
            # An id twice in a record is a second person.
            while track is not None and track.rows[-1] == row:
                key = (person.id, key[1] + 1, frame.skeleton, points)
                track = self._tracks_by_key.get(key)
            if track is None:
                track = Track(person.id, key[1], person.label, frame.skeleton, points)
                self._tracks_by_key[key] = track
                self.tracks.append(track)
            track.add(row, person)
        kept = {name: value for name, value in frame.extra.items() if name in ("file", "stream")}
        self.frames.append(
            Frame(frame.source, frame.frame, frame.frames, frame.time, frame.width, frame.height, extra=kept)
        )

    def times(self) -> Float64Array:
        """(N,) seconds of each record; an image a second where they have no time."""
        if self.is_images and any(frame.time is None for frame in self.frames):
            return np.arange(len(self.frames), dtype=np.float64)
        return np.array([seconds(frame) for frame in self.frames], np.float64)

    def size(self) -> tuple[int, int]:
        """Width and height of the largest image; where no record says it, what holds all people."""
        width = max((frame.width or 0 for frame in self.frames), default=0)
        height = max((frame.height or 0 for frame in self.frames), default=0)
        if width and height:
            return width, height
        corners = [track.boxes()[:, 2:] for track in self.tracks]
        corners += [track.keypoints().reshape(-1, 3)[:, :2] for track in self.tracks]
        known = np.concatenate([np.zeros((1, 2), np.float32), *corners])
        right, bottom = np.ceil(np.nanmax(known, axis=0)).astype(int).tolist()
        return max(right, 1), max(bottom, 1)


def collect_clips(frames: Iterable[Frame], skeleton: str | None = None) -> list[Clip]:
    """The records of a stream by source, in the order in which the sources appear.

    A source that begins again (two runs, one file after the other) is a clip of its own.

    Args:
        skeleton: name of the skeleton of all keypoints, instead of the records' own.
    """
    clips: dict[tuple[bool, str, int], Clip] = {}
    runs: dict[str, int] = {}
    for frame in frames:
        if skeleton is not None:
            frame.skeleton = skeleton
        alone = frame.frames == 1 and frame.time is None
        name = IMAGES if alone else frame.source
        clip = clips.get((alone, name, runs.get(name, 0)))
        if clip is not None and not alone and frame.frame <= clip.frames[-1].frame:
            runs[name] = runs.get(name, 0) + 1
            clip = None
        if clip is None:
            clip = Clip(name, is_images=alone or "file" in frame.extra)
            clips[alone, name, runs.get(name, 0)] = clip
        clip.add(frame)
    return list(clips.values())


def runs_of(rows: IndexArray, longest: int = 1) -> Iterator[tuple[int, int]]:
    """First and last index of each stretch of (N,) rows in which neighbours differ by at most `longest`."""
    if not len(rows):
        return
    breaks = np.flatnonzero(np.diff(rows) > longest)
    yield from zip([0, *(breaks + 1).tolist()], [*breaks.tolist(), len(rows) - 1], strict=True)
