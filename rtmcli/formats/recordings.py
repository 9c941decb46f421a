"""The course of one person's keypoints in space: what a TRC or C3D file holds, from records and to records.

Axes are OpenSim's: x to the right of the image, y up, z towards the camera, in metres. A recording in pixels has x to
the right and y down, as the image has, and z 0: so Sports2D writes and reads its files in pixels.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePath

import numpy as np

from rtmcli.arrays import Float32Array, Float64Array
from rtmcli.errors import DataError, UsageError
from rtmcli.files import make_folder, names_folder
from rtmcli.formats.marker_names import marker_names, skeleton_of_markers
from rtmcli.kinematics.seen_points import seen_points
from rtmcli.records.frame import Frame, Instance
from rtmcli.skeletons import load_skeleton
from rtmcli.tracking.source_state import seconds

# Names of rtm's, Sports2D's (person00) and Pose2Sim's (P1) files: source, person.
_PERSON = re.compile(r"(?P<source>.*?)(?:_px|_m)?_(?:person|P)(?P<person>\d+)(?:[_.-].*)?", re.DOTALL)
# Units of files in metres.
METRES = {"m": 1.0, "cm": 0.01, "mm": 0.001}
# Records in metres: x, y up, z towards the camera for x, y down, z away from it.
_FLIP = np.array([1, -1, -1], np.float32)


@dataclass(slots=True)
class Recording:
    """One person in T frames of a source.

    Attributes:
        frames: (T,) numbers of the frames; times: (T,) seconds, increasing.
        markers: the M names.
        points: (T, M, 3) in metres or pixels; NaN where a marker is missing.
    """

    source: str
    person: int
    in_pixels: bool
    frames: list[int]
    times: list[float]
    markers: tuple[str, ...]
    points: Float32Array

    @property
    def rate(self) -> float:
        """Frames a second: the mean over the recording; 30 where there is one frame."""
        if len(self.times) < 2:
            return 30.0
        return round((len(self.times) - 1) / (self.times[-1] - self.times[0]), 6)


@dataclass(slots=True)
class _Course:
    """What was read of a source: its frames, and the points (K, 3) of each person by the row of the frame."""

    skeleton: str | None = None
    frames: list[int] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    people: dict[int, dict[int, Float32Array]] = field(default_factory=dict)


def record_people(frames: Iterable[Frame], *, pixels: bool, min_score: float) -> tuple[int, list[Recording]]:
    """The number of frames, and a recording of each person with an id. It has a row for every frame of the source.

    In metres the points are those of `keypoints_metres`, else of `keypoints3d`; in pixels those of `keypoints`. One
    with a score below `min_score` is missing, unless it is listed under `filled`.

    Raises:
        UsageError: metres are wanted and the records have none.
        DataError: nobody has an id and keypoints, times do not increase, or the skeleton changes.
    """
    courses: dict[str, _Course] = {}
    count = 0
    for frame in frames:
        count += 1
        course = courses.setdefault(frame.source, _Course())
        time = seconds(frame)
        if course.times and time <= course.times[-1]:
            raise DataError(
                f"{frame.source}, frame {frame.frame}: the time of a recording must increase, got {time:g} after "
                f"{course.times[-1]:g} seconds; convert one run at a time"
            )
        row = len(course.times)
        course.frames.append(frame.frame)
        course.times.append(time)
        for person, points in _points(frame, pixels, min_score).items():
            if course.skeleton not in (None, frame.skeleton):
                raise DataError(
                    f"{frame.source}, frame {frame.frame}: the skeleton changes from {course.skeleton} to "
                    f"{frame.skeleton}; bring the records to one with --skeleton NAME"
                )
            course.skeleton = frame.skeleton
            course.people.setdefault(person, {})[row] = points
    recordings = [made for source, course in courses.items() for made in _recordings(source, course, pixels)]
    if count and not recordings:
        raise DataError("no person has both an id and keypoints: run 'rtm track' first")
    return count, recordings


def write_recordings(
    recordings: Sequence[Recording], path: str | Path, suffix: str, write: Callable[[Recording, Path], None]
) -> None:
    """Write each recording to `<source>_person<id>` in a folder, or the only one to the file that `path` names.

    Raises:
        DataError: there are several for one file, or two sources would write the same file.
        RtmError: the file or the folder cannot be written.
    """
    target = Path(path)
    if not names_folder(target, suffix):
        if not recordings:
            raise DataError(f"no records: there is nobody whom {target} could hold")
        if len(recordings) > 1:
            people = ", ".join(str(one.person) for one in recordings[:5])
            raise DataError(
                f"{suffix[1:].upper()} holds one person, and these records hold {len(recordings)} (id {people}): "
                f"name a folder ({target.with_suffix('')}/)"
            )
        write(recordings[0], target)
        return
    named: dict[str, Recording] = {}
    for one in recordings:
        unit = "_px" if one.in_pixels else ""
        name = f"{PurePath(one.source).stem}{unit}_person{one.person}{suffix}"
        other = named.setdefault(name, one)
        if other is not one:
            raise DataError(
                f"{one.source} and {other.source} would both be {name}; convert them to two folders"
            )
    make_folder(target)
    for name, one in named.items():
        write(one, target / name)


def find_files(path: str | Path, suffix: str) -> list[Path]:
    """The file, or the files with this suffix in a folder. Raises DataError where a folder has none."""
    if not Path(path).is_dir():
        return [Path(path)]
    found = sorted(one for one in Path(path).iterdir() if one.suffix.lower() == suffix)
    if not found:
        raise DataError(f"{path}: no {suffix} files here")
    return found


def person_of(path: Path) -> tuple[str, int]:
    """Source and person as the name of a file says; person 1 where it says none."""
    match = _PERSON.fullmatch(path.stem)
    return (match["source"], int(match["person"])) if match else (path.stem, 1)


def recordings_to_frames(
    recordings: Sequence[Recording],
    *,
    skeleton: str | None = None,
    note: Callable[[str], None] | None = None,
) -> Iterator[Frame]:
    """The frames of recordings, those of one source together. Scores are 1: the files have none.

    Points in pixels become `keypoints`, others `keypoints3d`. The skeleton is the one given, else one with all of the
    markers. `note` is called where markers without a keypoint are left out.

    Raises DataError where no skeleton has the markers, or recordings of one source disagree in time or unit.
    """
    for source in dict.fromkeys(one.source for one in recordings):
        group = [one for one in recordings if one.source == source]
        if len({one.in_pixels for one in group}) > 1:
            raise DataError(
                f"{source}: some files are in pixels and some in metres; convert them one at a time"
            )
        name, places = _keypoints_of(group, skeleton, note)
        times: dict[int, float] = {}
        found: dict[int, list[Instance]] = {}
        for one, (keypoints, columns) in zip(group, places, strict=True):
            for row, (number, time) in enumerate(zip(one.frames, one.times, strict=True)):
                if times.setdefault(number, time) != time:
                    raise DataError(
                        f"{source}, frame {number}: the files say {times[number]:g} and {time:g} seconds; "
                        "convert them one at a time"
                    )
                points = one.points[row, columns]  # (M, 3)
                if not np.isnan(points).all():
                    whole = np.full((len(load_skeleton(name)), 3), np.nan, np.float32)
                    whole[keypoints] = points
                    found.setdefault(number, []).append(_instance(whole, one))
        numbers = sorted(times)
        for number in numbers:
            yield Frame(
                source=source, frame=number, frames=numbers[-1] + 1, time=times[number], skeleton=name,
                instances=found.get(number, []),
            )  # fmt: skip


def _points(frame: Frame, pixels: bool, min_score: float) -> dict[int, Float32Array]:
    """The points (K, 3) of each person of a frame by id, with NaN."""
    people = {n: one for n, one in enumerate(frame.instances) if one.id is not None}
    if pixels:
        rows = {n: one.keypoints for n, one in people.items() if one.keypoints is not None}
        return _by_id(frame, rows, min_score)
    found: dict[int, Float32Array] = {}
    flat = {n: one.keypoints for n, one in people.items() if one.keypoints is not None}
    for n, values in _metres(frame, people).items():
        scored = np.column_stack([values, flat[n][:, 2] if n in flat else np.ones(len(values))])
        found |= _by_id(frame, {n: scored.astype(np.float32)}, min_score)
    deep = {
        n: one.keypoints3d for n, one in people.items() if one.keypoints3d is not None and one.id not in found
    }
    found |= {person: _flipped(points) for person, points in _by_id(frame, deep, min_score).items()}
    if flat and not found:
        raise UsageError(
            f"{frame.source}, frame {frame.frame}: the records have keypoints in pixels and none in metres; give "
            "--height METRES or --known X1,Y1,X2,Y2,METRES, or --pixels to write pixels"
        )
    return found


def _metres(frame: Frame, people: dict[int, Instance]) -> dict[int, Float64Array]:
    """The rows (K, 2) of `keypoints_metres` by the place of the instance, with NaN."""
    found = {}
    for n, one in people.items():
        if "keypoints_metres" in one.extra:
            try:
                rows = [(np.nan, np.nan) if row is None else row for row in one.extra["keypoints_metres"]]
                count = len(rows) if one.keypoints is None else len(one.keypoints)
                found[n] = np.array(rows, np.float64).reshape(count, 2)
            except (TypeError, ValueError):
                raise DataError(
                    f"{frame.source}, frame {frame.frame}: 'keypoints_metres' must have x, y or null for each keypoint"
                ) from None
    return found


def _by_id(frame: Frame, rows: dict[int, Float32Array], min_score: float) -> dict[int, Float32Array]:
    if not rows:
        return {}
    points = seen_points(frame, rows, min_score).astype(np.float32)  # (N, K, 2 or 3)
    if points.shape[-1] == 2:
        depth = np.where(np.isnan(points[..., :1]), np.nan, np.float32(0))
        points = np.concatenate([points, depth], axis=-1).astype(np.float32)
    return {frame.instances[n].id or 0: row for n, row in zip(rows, points, strict=True)}


def _recordings(source: str, course: _Course, pixels: bool) -> Iterator[Recording]:
    for person, rows in sorted(course.people.items()):
        assert course.skeleton is not None
        markers = marker_names(course.skeleton)
        points = np.full((len(course.times), len(markers), 3), np.nan, np.float32)
        for row, values in rows.items():
            points[row] = values
        if not np.isnan(points).all():
            yield Recording(source, person, pixels, course.frames, course.times, markers, points)


def _keypoints_of(
    group: Sequence[Recording], given: str | None, note: Callable[[str], None] | None
) -> tuple[str, list[tuple[list[int], list[int]]]]:
    """The skeleton of a source, and for each recording the indices of keypoints and of their markers."""
    markers = list(dict.fromkeys(name for one in group for name in one.markers))
    skeleton = given or skeleton_of_markers(markers)
    if skeleton is None:
        raise DataError(
            f"{group[0].source}: no skeleton has the markers {', '.join(markers[:6])}{', ...' * (len(markers) > 6)}; "
            "name one with --source-skeleton NAME, of which the markers that it has are read"
        )
    own = {name.casefold(): index for index, name in enumerate(marker_names(skeleton))}
    left = [name for name in markers if name.casefold() not in own]
    if len(left) == len(markers):
        raise DataError(f"{group[0].source}: {skeleton} has none of the markers {', '.join(markers[:6])}")
    if left and note is not None:
        note(f"{group[0].source}: {skeleton} has no keypoint for {', '.join(left)}: left out")
    places = []
    for one in group:
        pairs = [(own[n.casefold()], at) for at, n in enumerate(one.markers) if n.casefold() in own]
        places.append(([keypoint for keypoint, _ in pairs], [column for _, column in pairs]))
    return load_skeleton(skeleton).name if given is None else skeleton, places


def _flipped(points: Float32Array) -> Float32Array:
    """Points (K, 3) between the axes of records and of files."""
    return points * _FLIP + np.float32(0)  # no -0.0


def _instance(points: Float32Array, one: Recording) -> Instance:
    score = np.where(np.isnan(points[:, :1]), np.nan, np.float32(1))
    if one.in_pixels:
        return Instance(
            id=one.person,
            label="person",
            keypoints=np.concatenate([points[:, :2], score], axis=1, dtype=np.float32),
        )
    return Instance(
        id=one.person, label="person",
        keypoints3d=np.concatenate([_flipped(points), score], axis=1, dtype=np.float32),
    )  # fmt: skip
