"""Instances for the frames in which a tracked person was not found: straight lines between two detections."""

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from rtmcli.arrays import Float32Array
from rtmcli.records.frame import Frame, Instance
from rtmcli.tracking.source_state import seconds

# Frames held back at the most while a gap may still end; a source that stops does not hold up the rest.
_MOST_HELD = 4096


@dataclass(slots=True)
class _Held:
    """A frame that waits, and the instances to be added to it."""

    frame: Frame
    time: float
    added: list[Instance]


def fill_gaps(frames: Iterable[Frame], longest: float) -> Iterator[Frame]:
    """The frames, with interpolated instances where a person with an id is missing for up to `longest` seconds.

    Boxes, keypoints and box scores are interpolated in time. An added instance has the key `filled`: the indices of its
    keypoints, none of which a network saw, so their scores are 0. Frames come out in order, `longest` seconds of the
    record's time late.


    Example:
        from rtmcli import fill_gaps, read_frames, track_offline, write_frames

        tracked = track_offline(read_frames("walk.jsonl"))
        write_frames(fill_gaps(tracked, 0.5), "filled.jsonl")
    """
    held: deque[_Held] = deque()
    newest: dict[str, float] = {}  # time of the last frame of each source
    last: dict[tuple[str, int], _Held] = {}
    for frame in frames:
        here = _Held(frame, seconds(frame), [])
        if here.time < newest.get(frame.source, -np.inf):  # the source starts again
            last = {key: value for key, value in last.items() if key[0] != frame.source}
        newest[frame.source] = here.time
        held.append(here)
        for instance in frame.instances:
            if instance.id is not None:
                before = last.get((frame.source, instance.id))
                last[frame.source, instance.id] = here
                if before is not None and here.time - before.time <= longest:
                    _fill_between(held, before, here, instance)
        while held and (newest[held[0].frame.source] - held[0].time > longest or len(held) > _MOST_HELD):
            yield _finished(held.popleft())
        if frame.frame % 1000 == 0:  # forget who is gone
            last = {key: value for key, value in last.items() if newest[key[0]] - value.time <= longest}
    for rest in held:
        yield _finished(rest)


def _fill_between(held: deque[_Held], before: _Held, after: _Held, instance: Instance) -> None:
    first = next(i for i in before.frame.instances if i.id == instance.id)
    for between in reversed(held):
        if between is after or between.frame.source != after.frame.source:
            continue
        if between is before:
            return
        share = (between.time - before.time) / max(after.time - before.time, 1e-9)
        between.added.append(_between(first, instance, share))


def _between(first: Instance, second: Instance, share: float) -> Instance:
    keypoints = _mixed(first.keypoints, second.keypoints, share)
    if keypoints is not None:
        keypoints[:, 2] = 0  # no network saw them
    score = None
    if first.score is not None and second.score is not None:
        score = float(np.float32((1 - share) * first.score + share * second.score))
    return Instance(
        box=_mixed(first.box, second.box, share),
        score=score,
        keypoints=keypoints,
        keypoints3d=_mixed(first.keypoints3d, second.keypoints3d, share),
        id=second.id,
        label=second.label,
        extra={"filled": list(range(0 if keypoints is None else len(keypoints)))},
    )


def _mixed(first: Float32Array | None, second: Float32Array | None, share: float) -> Float32Array | None:
    if first is None or second is None or first.shape != second.shape:
        return None
    return np.asarray((1 - share) * first + share * second, np.float32)


def _finished(held: _Held) -> Frame:
    if not held.added:
        return held.frame
    added = sorted(held.added, key=lambda instance: instance.id or 0)
    return replace(held.frame, instances=[*held.frame.instances, *added])
