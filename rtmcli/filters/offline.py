"""Smoothing of a whole recording: outliers and exchanged sides repaired, gaps filled, then a filter without lag.

Frames wait in a temporary file while the tracks of all people are gathered as arrays.
"""

import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import BinaryIO, cast

import numpy as np

from rtmcli.errors import RtmError, UsageError
from rtmcli.filters.track_smoothing import OfflineOptions, Repairs, Smoothed, Track, smooth_track
from rtmcli.filters.zero_lag import FILTERS
from rtmcli.records.frame import Frame, Instance
from rtmcli.records.ndjson import encode_frame, read_frames
from rtmcli.skeletons import load_skeleton
from rtmcli.tracking.source_state import seconds


@dataclass(slots=True)
class _Pass:
    """One pass through a source: the times of its frames, and its people."""

    last: int = -1
    skeleton: str | None = None
    times: list[float] = field(default_factory=list)
    tracks: dict[int, Track] = field(default_factory=dict)

    def add(self, frame: Frame) -> None:
        self.last = frame.frame
        self.skeleton = self.skeleton or frame.skeleton
        self.times.append(seconds(frame))
        for instance in frame.instances:
            if instance.id is None:
                continue
            track = self.tracks.setdefault(instance.id, Track())
            track.frames.append(len(self.times) - 1)
            track.boxes.append(instance.box)
            track.keypoints.append(instance.keypoints)
            track.keypoints3d.append(instance.keypoints3d)


def smooth_offline(
    frames: Iterable[Frame], options: OfflineOptions | None = None, repairs: Repairs | None = None
) -> Iterator[Frame]:
    """The frames with smoothed keypoints and boxes, after all of them were read.

    People are told apart by their id; instances without one stay as they are. Keypoints that are filled are
    listed under the instance's key `filled` and have score 0.

    Args:
        options: see `OfflineOptions`.
        repairs: counts what was repaired.

    Raises:
        UsageError: no such filter.
        MissingError: scipy is not installed.

    Example:
        from rtmcli import OfflineOptions, read_frames, smooth_offline, write_frames

        options = OfflineOptions(cutoff=8, fill=0.3)
        write_frames(smooth_offline(read_frames("walk.jsonl"), options), "smooth.jsonl")
    """
    chosen, counts = options or OfflineOptions(), repairs or Repairs()
    if chosen.method != "kalman" and chosen.method not in FILTERS:
        raise UsageError(f"no such filter {chosen.method!r}; there are {', '.join([*FILTERS, 'kalman'])}")
    passes: dict[str, list[_Pass]] = {}
    with tempfile.TemporaryFile(prefix="rtm-smooth-") as spool:
        for frame in frames:
            runs = passes.setdefault(frame.source, [])
            if not runs or frame.frame <= runs[-1].last:
                runs.append(_Pass())
            runs[-1].add(frame)
            spool.write(encode_frame(frame))
        smoothed = {
            source: [_smooth_pass(run, chosen, counts) for run in runs] for source, runs in passes.items()
        }
        spool.seek(0)
        yield from _merged(cast(BinaryIO, spool), passes, smoothed)


def _merged(
    spool: BinaryIO, passes: dict[str, list[_Pass]], smoothed: dict[str, list[dict[int, Smoothed]]]
) -> Iterator[Frame]:
    run: dict[str, int] = {}
    position: dict[str, int] = {}
    for frame in read_frames(spool):
        source = frame.source
        at = position.get(source, -1) + 1
        if at >= len(passes[source][run.setdefault(source, 0)].times):
            run[source], at = run[source] + 1, 0
        position[source] = at
        tracks = smoothed[source][run[source]]
        instances = [
            _updated(i, tracks[i.id], at) if i.id is not None and i.id in tracks else i
            for i in frame.instances
        ]
        present = {i.id for i in frame.instances}
        instances += [
            made
            for number, track in tracks.items()
            if number not in present and (made := _inserted(number, track, at))
        ]
        yield replace(frame, instances=instances)


def _updated(instance: Instance, track: Smoothed, at: int) -> Instance:
    row = at - track.first
    extra = instance.extra
    keypoints = instance.keypoints
    if keypoints is not None and track.keypoints is not None and track.filled is not None:
        keypoints = track.keypoints[row].astype(np.float32)
        filled = np.flatnonzero(track.filled[row])
        if len(filled):
            extra = {**extra, "filled": filled.tolist()}
    box, deep = instance.box, instance.keypoints3d
    return replace(
        instance,
        box=box if box is None or track.boxes is None else track.boxes[row].astype(np.float32),
        keypoints=keypoints,
        keypoints3d=deep
        if deep is None or track.keypoints3d is None
        else track.keypoints3d[row].astype(np.float32),
        extra=extra,
    )


def _inserted(number: int, track: Smoothed, at: int) -> Instance | None:
    """A person for a frame in which nobody saw them; None where nothing was filled there."""
    row = at - track.first
    if track.keypoints is None or track.filled is None or not 0 <= row < len(track.keypoints):
        return None
    filled = np.flatnonzero(track.filled[row])
    if not len(filled):
        return None
    box = None if track.boxes is None else track.boxes[row].astype(np.float32)
    return Instance(
        box=box if box is not None and np.isfinite(box).all() else None,
        keypoints=track.keypoints[row].astype(np.float32),
        id=number,
        label="person",
        extra={"filled": filled.tolist()},
    )


def _smooth_pass(run: _Pass, options: OfflineOptions, repairs: Repairs) -> dict[int, Smoothed]:
    times = np.array(run.times)
    try:
        skeleton = load_skeleton(run.skeleton) if run.skeleton else None
    except RtmError:
        skeleton = None
    return {
        number: smooth_track(track, times, skeleton, options, repairs) for number, track in run.tracks.items()
    }
