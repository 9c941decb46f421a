"""Tracking with knowledge of the future: of all of it (`track_offline`), or of some seconds (`track_ahead`).

The online tracker gives short, safe tracks; linking puts them together. Memory is bounded by the tracks: frames wait in
a temporary file, or in a buffer of `lookahead` seconds.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from rtmcli.records.frame import Frame
from rtmcli.records.spool import FrameSpool
from rtmcli.tracking.appearance import frame_appearances
from rtmcli.tracking.linking import Tracklet, first_ids, link
from rtmcli.tracking.people import with_id
from rtmcli.tracking.source_state import seconds
from rtmcli.tracking.tracker import CONFIRM_SCORE, MAX_GAP, START_SCORE, THRESHOLD, Method, Tracker

# Seconds that the online tracker bridges by itself; what is longer is left to linking, which knows more.
_ONLINE_GAP = 0.7
MIN_LENGTH = 0.5


@dataclass(slots=True)
class _Run:
    """One pass through a source: its tracklets, and how their ids are written."""

    last_frame: int = -1
    tracklets: dict[int, Tracklet] = field(default_factory=dict)
    links: dict[int, int] = field(default_factory=dict)

    def add(self, frame: Frame) -> None:
        self.last_frame = frame.frame
        now = seconds(frame)
        tracked = [k for k, i in enumerate(frame.instances) if i.id is not None and i.box is not None]
        appearances = frame_appearances(frame, tracked)
        for row, at in enumerate(tracked):
            instance = frame.instances[at]
            assert instance.id is not None and instance.box is not None
            tracklet = self.tracklets.get(instance.id)
            if tracklet is None:
                tracklet = self.tracklets[instance.id] = Tracklet(instance.id, now, now)
            tracklet.add(now, instance.box.tolist(), None if appearances is None else appearances[row])


def track_offline(
    frames: Iterable[Frame],
    method: Method = "auto",
    *,
    similarity_threshold: float = THRESHOLD,
    max_gap: float = MAX_GAP,
    start_score: float = START_SCORE,
    min_length: float = MIN_LENGTH,
) -> Iterator[Frame]:
    """The frames with ids, after all of them were read: a person who was unseen or away keeps the id.

    Args:
        method, similarity_threshold, start_score: as for `Tracker`.
        max_gap: seconds that a person may be unseen and keep the id.
        min_length: people seen for a shorter time, in seconds, get no id.

    Example:
        from rtmcli import read_frames, track_offline, write_frames

        write_frames(track_offline(read_frames("walk.jsonl")), "tracked.jsonl")
    """
    tracker = _online(method, similarity_threshold, max_gap, start_score)
    runs: dict[str, list[_Run]] = {}
    with FrameSpool() as spool:
        for frame in map(tracker, frames):
            _run_of(runs, frame).add(frame)
            spool.add(frame)
        names = {
            source: _names(passes, max_gap=max_gap, min_length=min_length) for source, passes in runs.items()
        }
        for frame in spool:
            yield _renamed(frame, names[frame.source].get)


def track_ahead(
    frames: Iterable[Frame],
    lookahead: float,
    method: Method = "auto",
    *,
    similarity_threshold: float = THRESHOLD,
    max_gap: float = MAX_GAP,
    start_score: float = START_SCORE,
) -> Iterator[Frame]:
    """The frames with ids, each `lookahead` seconds of the record's time late.

    When a frame leaves, who is new in it is compared with who was lost before, knowing how both moved since.


    Example:
        from rtmcli import read_frames, track_ahead, write_frames

        write_frames(track_ahead(read_frames("walk.jsonl"), 1.0), "tracked.jsonl")
    """
    tracker = _online(method, similarity_threshold, max_gap, start_score)
    runs: dict[str, list[_Run]] = {}
    held: deque[tuple[Frame, _Run]] = deque()
    newest: dict[str, float] = {}
    for frame in map(tracker, frames):
        run = _run_of(runs, frame)
        run.add(frame)
        held.append((frame, run))
        newest[frame.source] = seconds(frame)
        while held and newest[held[0][0].source] - seconds(held[0][0]) > lookahead:
            yield _decided(*held.popleft(), max_gap)
    for waiting in held:
        yield _decided(*waiting, max_gap)


def _online(method: Method, threshold: float, max_gap: float, start_score: float) -> Tracker:
    return Tracker(
        method,
        similarity_threshold=threshold,
        max_gap=min(max_gap, _ONLINE_GAP),
        start_score=start_score,
        confirm_score=start_score,
    )


def _run_of(runs: dict[str, list[_Run]], frame: Frame) -> _Run:
    """The pass through the source that this frame belongs to; a source that starts again begins another."""
    passes = runs.setdefault(frame.source, [])
    if not passes or frame.frame <= passes[-1].last_frame:
        passes.append(_Run())
    return passes[-1]


def _names(passes: list[_Run], *, max_gap: float, min_length: float) -> dict[int, int]:
    """The final id of each tracklet of a source, counted from 1 in order of appearance."""
    names: dict[int, int] = {}
    count = 0
    for run in passes:
        first = first_ids(link(run.tracklets.values(), max_gap=max_gap))
        length: dict[int, tuple[float, float]] = {}
        for tracklet in run.tracklets.values():
            person = first.get(tracklet.id, tracklet.id)
            start, end = length.get(person, (tracklet.start, tracklet.end))
            length[person] = min(start, tracklet.start), max(end, tracklet.end)
        numbers: dict[int, int] = {}
        for person, (start, end) in sorted(length.items(), key=lambda entry: (entry[1][0], entry[0])):
            if end - start >= min_length:
                count += 1
                numbers[person] = count
        for tracklet in run.tracklets.values():
            person = first.get(tracklet.id, tracklet.id)
            if person in numbers:
                names[tracklet.id] = numbers[person]
    return names


def _renamed(frame: Frame, name: Callable[[int], int | None]) -> Frame:
    """The frame with final ids. Where two pieces of one person overlap, the one that began first has the id."""
    first: dict[int, int] = {}
    for number in sorted(i.id for i in frame.instances if i.id is not None):
        final = name(number)
        if final is not None:
            first.setdefault(final, number)
    given = {number: final for final, number in first.items()}
    return frame.changed(
        instances=[with_id(one, None if one.id is None else given.get(one.id)) for one in frame.instances]
    )


def _decided(frame: Frame, run: _Run, max_gap: float) -> Frame:
    """The frame with the ids that are known by now; links are made when a tracklet's first frame leaves."""
    now = seconds(frame)
    new = [
        run.tracklets[i.id]
        for i in frame.instances
        if i.id is not None
        and i.id in run.tracklets
        and run.tracklets[i.id].start == now
        and i.id not in run.links
    ]
    if new:
        taken = set(run.links.values())
        lost = [
            t for t in run.tracklets.values() if t.end < now and t.id not in taken and now - t.end <= max_gap
        ]
        for later, earlier in link([*lost, *new], max_gap=max_gap).items():
            if any(later == t.id for t in new):
                run.links[later] = earlier
    names = first_ids(run.links)
    # As online, a weak detection that is not found again has no id.
    single = {
        i.id
        for i in frame.instances
        if i.id in run.tracklets
        and run.tracklets[i.id].count == 1
        and i.score is not None
        and i.score < CONFIRM_SCORE
    }
    # Who is gone for good is forgotten, but for the ids of those who go on.
    old = [t.id for t in run.tracklets.values() if now - t.end > max_gap]
    for number in old:
        del run.tracklets[number]
    return _renamed(frame, lambda number: None if number in single else names.get(number, number))
