"""Heel strikes, toe-offs and repetitions, from the whole course of a person's movement."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from typing import Literal

import numpy as np

from rtmcli.arrays import Float64Array
from rtmcli.errors import DataError, UsageError
from rtmcli.kinematics.definitions import definitions
from rtmcli.kinematics.measured_keys import angles_of
from rtmcli.kinematics.peaks import find_peaks
from rtmcli.kinematics.seen_points import seen_points
from rtmcli.records.frame import Frame
from rtmcli.records.spool import FrameSpool
from rtmcli.skeletons.of_frame import skeleton_of
from rtmcli.tracking.source_state import Sources, seconds

# Seconds between two strikes of a foot, at least: sprinters need 0.45 s for two steps.
_STRIDE = 0.4
# Seconds between two repetitions, at least.
_REPETITION = 0.5
# A peak must stand out by this share of the curve's range (5th to 95th percentile), ...
_SHARE = 0.3
# ... and the range must be this share of the length of the leg, or that many degrees: else the person does not walk.
_LEG_SHARE = 0.25
_DEGREES = 15.0
# Seconds over which the direction of walking is the more frequent one.
_TURN = 1.0


def mark_events(
    frames: Iterable[Frame],
    kind: Literal["gait", "reps"],
    *,
    of: str = "right_knee",
    min_score: float = 0.3,
    report: Callable[[str], None] | None = None,
) -> Iterator[Frame]:
    """The frames of `JointAngles` with the key `events` on instances in whose frame something happens.

    All frames are read first and wait in a temporary file. "gait" finds `right_heel_strike`, `right_toe_off` and those
    of the left: where the heel is farthest before the hips and the toes farthest behind them (Zeni et al., Gait &
    Posture 2008), for people seen from the side. "reps" finds `repetition`: the peaks of an angle.

    Args:
        of: the angle whose peaks are repetitions.
        min_score: as of `JointAngles`.
        report: called with one line for each person: counts, and steps or repetitions a minute.

    Raises:
        UsageError: a skeleton has no such angle.
        DataError: there are people and none has an id, or frames of a source are out of order.

    Example:
        from rtmcli import JointAngles, Tracker, mark_events, read_frames

        measured = map(JointAngles(), map(Tracker(), read_frames("walk.jsonl")))
        for frame in mark_events(measured, "gait", report=print):
            for person in frame.instances:
                print(frame.time, person.id, person.extra.get("events", []))
    """
    tracks: dict[tuple[str, int], _Track] = {}
    without_id = False
    order = Sources(lambda _: None)
    with FrameSpool() as spool:
        for number, frame in enumerate(frames):
            order.of(frame)
            spool.add(frame)
            for place, one in enumerate(frame.instances):
                if angles_of(one) is None:
                    continue
                without_id = without_id or one.id is None
                if one.id is not None:
                    track = tracks.setdefault((frame.source, one.id), _Track())
                    row = (
                        _gait_row(frame, place, min_score) if kind == "gait" else _angle_row(frame, place, of)
                    )
                    track.add(number, seconds(frame), row)
        if without_id and not tracks:
            raise DataError("no person has an id, which events over time need: run 'rtm track' first")
        found: dict[tuple[int, int], list[str]] = {}  # number of the frame, id -> events
        for (source, person), track in tracks.items():
            events = _gait_events(track) if kind == "gait" else _repetitions(track)
            for at, name in events:
                found.setdefault((track.frames[at], person), []).append(name)
            if report is not None:
                report(f"{source}, id {person}: {_summary(track, events, kind)}")
        for number, frame in enumerate(spool):
            yield replace(
                frame,
                instances=[
                    replace(one, extra={**one.extra, "events": found[number, one.id]})
                    if one.id is not None and (number, one.id) in found
                    else one
                    for one in frame.instances
                ],
            )


@dataclass(slots=True)
class _Track:
    """What was measured of a person: number and time of each frame, and a row of values."""

    frames: list[int] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    rows: list[list[float]] = field(default_factory=list)
    shift: float = 0.0  # seconds added to the times of the source

    def add(self, number: int, time: float, row: list[float]) -> None:
        if self.times and time + self.shift <= self.times[-1]:
            # The source starts again: its times go on after its end.
            self.shift = self.times[-1] + _TURN - time
        self.frames.append(number)
        self.times.append(time + self.shift)
        self.rows.append(row)


_Events = list[tuple[int, str]]  # place in the track, name


def _gait_row(frame: Frame, place: int, min_score: float) -> list[float]:
    """Right and left heel and toes before the hips in pixels to the right, the direction, the leg's length: (6,)."""
    one = frame.instances[place]
    if one.keypoints is None:
        return [np.nan] * 6
    (points,) = seen_points(frame, {place: one.keypoints}, min_score)  # (K, 2)
    names = skeleton_of(frame).keypoints
    at = dict(zip(names, points, strict=True))
    needed = [f"{side}_{name}" for side in ("left", "right") for name in ("hip", "ankle")]
    if not set(needed) <= set(at):
        raise DataError(
            f"the skeleton {frame.skeleton} has no {' and '.join(sorted({*needed} - {*at}))}; gait needs them"
        )
    hips = (at["left_hip"] + at["right_hip"]) / 2
    feet = [
        at.get(f"{side}_{end}", at[f"{side}_ankle"])[0] - hips[0]
        for end in ("heel", "big_toe")
        for side in ("right", "left")
    ]
    direction = {"right": 1.0, "left": -1.0}.get(str(one.extra.get("side")), np.nan)
    return [*feet, direction, float(np.linalg.norm(at["right_hip"] - at["right_ankle"]))]


def _angle_row(frame: Frame, place: int, of: str) -> list[float]:
    names = definitions(frame.skeleton or "").names
    if of not in names:
        near = get_close_matches(of, names, n=1)
        hint = f"did you mean {near[0]}? There" if near else "there"
        raise UsageError(f"{frame.skeleton} has no angle {of!r}; {hint} are {', '.join(names)}")
    return [float((angles_of(frame.instances[place]) or {}).get(of, np.nan))]


def _gait_events(track: _Track) -> _Events:
    times, rows = np.array(track.times), np.array(track.rows)  # (T,), (T, 6)
    before = rows[:, :4] * _directions(times, rows[:, 4])[:, None]
    if np.isnan(rows[:, 5]).all():
        return []
    least = _LEG_SHARE * float(np.nanmedian(rows[:, 5]))
    curves = {
        "right_heel_strike": before[:, 0],
        "left_heel_strike": before[:, 1],
        "right_toe_off": -before[:, 2],
        "left_toe_off": -before[:, 3],
    }
    events = [
        (int(at), name) for name, curve in curves.items() for at in _peaks(times, curve, least, _STRIDE)
    ]
    return sorted(events)


def _repetitions(track: _Track) -> _Events:
    curve = np.array(track.rows)[:, 0]
    return [(int(at), "repetition") for at in _peaks(np.array(track.times), curve, _DEGREES, _REPETITION)]


def _peaks(times: Float64Array, curve: Float64Array, least: float, separation: float) -> list[int]:
    """Where the curve (T,) has a peak, over the values that are known; none where its range is below `least`."""
    known = np.flatnonzero(~np.isnan(curve))
    if len(known) < 3:
        return []
    low, high = np.percentile(curve[known], (5, 95))
    if high - low < least:
        return []
    found = find_peaks(
        times[known], curve[known], prominence=_SHARE * float(high - low), separation=separation
    )
    return [int(index) for index in known[found]]


def _directions(times: Float64Array, sides: Float64Array) -> Float64Array:
    """(T,) 1 where a person goes to the right, -1 to the left: the more frequent side of the second around."""
    total = np.concatenate([[0.0], np.cumsum(np.nan_to_num(sides))])
    first = np.searchsorted(times, times - _TURN / 2)
    end = np.searchsorted(times, times + _TURN / 2, side="right")
    return np.where(total[end] - total[first] >= 0, 1.0, -1.0)


def _summary(track: _Track, events: _Events, kind: str) -> str:
    """Counts, and the rate over the time between the first and the last."""
    counted = "heel_strike" if kind == "gait" else "repetition"
    times = [track.times[at] for at, name in events if name.endswith(counted)]
    rate = 60 * (len(times) - 1) / (times[-1] - times[0]) if len(times) > 1 and times[-1] > times[0] else None
    if kind == "reps":
        return f"{len(times)} repetitions" + (f", {rate:.1f} a minute" if rate else "")
    lifted = len(events) - len(times)
    cadence = f", cadence {rate:.1f} steps a minute" if rate else ""
    return f"{len(times)} heel strikes, {lifted} toe-offs{cadence}"
