"""Smoothing of a whole recording: outliers and exchanged sides repaired, gaps filled, then a filter without lag.

Frames wait in a temporary file while the tracks of all people are gathered as arrays.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np

from rtmcli.arrays import Float64Array
from rtmcli.errors import RtmError, UsageError
from rtmcli.filters.point_filters import SHORTEST
from rtmcli.filters.track_smoothing import OfflineOptions, Repairs, Smoothed, Track, smooth_track
from rtmcli.filters.zero_lag import FILTERS
from rtmcli.records.frame import Frame, Instance
from rtmcli.records.spool import FrameSpool
from rtmcli.skeletons import load_skeleton
from rtmcli.tracking.source_state import Sources, seconds


@dataclass(slots=True)
class _Pass:
    """One pass through a source: the times of all frames, which do not fall, and the people."""

    skeleton: str | None = None
    times: list[float] = field(default_factory=list)
    tracks: dict[int, Track] = field(default_factory=dict)

    def add(self, frame: Frame) -> None:
        self.skeleton = self.skeleton or frame.skeleton
        self.times.append(seconds(frame))
        for instance in frame.instances:
            if instance.id is None:
                continue
            if instance.id not in self.tracks:
                self.tracks[instance.id] = Track()
            self.tracks[instance.id].add(len(self.times) - 1, instance)


def smooth_offline(
    frames: Iterable[Frame], options: OfflineOptions | None = None, repairs: Repairs | None = None
) -> Iterator[Frame]:
    """The frames with smoothed keypoints and boxes, after all of them were read.

    The id identifies a person; instances without one stay as they are. Keypoints that are filled are
    listed under the instance's key `filled` and have score 0.

    Args:
        options: see `OfflineOptions`.
        repairs: counts what was repaired.

    Raises:
        UsageError: no such filter.
        MissingError: scipy is not installed.
        DataError: frames of a source are out of order.

    Example:
        from rtmcli import OfflineOptions, read_frames, smooth_offline, write_frames

        options = OfflineOptions(cutoff=8, fill=0.3)
        write_frames(smooth_offline(read_frames("walk.jsonl"), options), "smooth.jsonl")
    """
    chosen, counts = options or OfflineOptions(), repairs or Repairs()
    if chosen.method != "kalman" and chosen.method not in FILTERS:
        raise UsageError(f"no such filter {chosen.method!r}; there are {', '.join([*FILTERS, 'kalman'])}")
    sources = Sources(lambda _: _Pass())
    passes: dict[str, list[_Pass]] = {}
    with FrameSpool() as spool:
        for frame in frames:
            run = sources.of(frame)
            runs = passes.setdefault(frame.source, [])
            if not runs or runs[-1] is not run:
                runs.append(run)
            run.add(frame)
            spool.add(frame)
        smoothed = {
            source: [_smooth_pass(run, chosen, counts) for run in runs] for source, runs in passes.items()
        }
        yield from _merged(spool, passes, smoothed)


@dataclass(slots=True)
class _SmoothPass:
    """The smoothed tracks of a pass by id, and by the position of a frame who has filled keypoints in it."""

    tracks: dict[int, Smoothed]
    filled: dict[int, list[int]]


def _merged(
    spool: FrameSpool, passes: dict[str, list[_Pass]], smoothed: dict[str, list[_SmoothPass]]
) -> Iterator[Frame]:
    run: dict[str, int] = {}
    position: dict[str, int] = {}
    for frame in spool:
        source = frame.source
        at = position.get(source, -1) + 1
        if at >= len(passes[source][run.setdefault(source, 0)].times):
            run[source], at = run[source] + 1, 0
        position[source] = at
        found = smoothed[source][run[source]]
        instances = [
            _updated(one, found.tracks[one.id], at) if one.id is not None and one.id in found.tracks else one
            for one in frame.instances
        ]
        present = {one.id for one in frame.instances}
        instances += [
            _inserted(number, found.tracks[number], at)
            for number in found.filled.get(at, ())
            if number not in present
        ]
        yield frame.changed(instances=instances)


def _updated(instance: Instance, track: Smoothed, at: int) -> Instance:
    row = at - track.first
    changed = instance.changed()
    if instance.box is not None and track.boxes is not None:
        changed.box = track.boxes[row]
    if instance.keypoints3d is not None and track.keypoints3d is not None:
        changed.keypoints3d = track.keypoints3d[row]
    if instance.keypoints is not None and track.keypoints is not None and track.filled is not None:
        changed.keypoints = track.keypoints[row]
        filled = np.flatnonzero(track.filled[row])
        if len(filled):
            changed.extra = {**instance.extra, "filled": filled.tolist()}
    return changed


def _inserted(number: int, track: Smoothed, at: int) -> Instance:
    """The instance of a person who was not detected in this frame."""
    row = at - track.first
    assert track.keypoints is not None and track.filled is not None
    box = None if track.boxes is None else track.boxes[row]
    return Instance(
        box=box if box is not None and np.isfinite(box).all() else None,
        keypoints=track.keypoints[row],
        id=number,
        label="person",
        extra={"filled": np.flatnonzero(track.filled[row]).tolist()},
    )


def _smooth_pass(run: _Pass, options: OfflineOptions, repairs: Repairs) -> _SmoothPass:
    times = _increasing(np.array(run.times))
    try:
        skeleton = load_skeleton(run.skeleton) if run.skeleton else None
    except RtmError:
        skeleton = None
    smoothed = _SmoothPass({}, {})
    for number in [*run.tracks]:
        # Taken out, so that a track is in memory once.
        track = smoothed.tracks[number] = smooth_track(
            run.tracks.pop(number), times, skeleton, options, repairs
        )
        if track.filled is not None:
            for row in np.flatnonzero(track.filled.any(axis=1)).tolist():
                smoothed.filled.setdefault(track.first + row, []).append(number)
    return smoothed


def _increasing(times: Float64Array) -> Float64Array:
    """The times (N,) where they increase; else frames of one time are spread evenly up to the next time.

    Those of the last time follow at the mean interval. Only differences of the result mean something.
    """
    count = len(times)
    new = np.flatnonzero(np.diff(times, prepend=-np.inf) > 0)  # the first frame of each time
    if len(new) == count:
        return times
    # From 0: seconds of a clock leave few digits for what is between two frames.
    known = times[new] - times[0]
    interval = known[-1] / new[-1] if new[-1] else SHORTEST
    end = known[-1] + interval * (count - new[-1])
    return np.asarray(np.interp(np.arange(count), [*new, count], [*known, end]))
