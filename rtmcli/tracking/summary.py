"""What became of each person: one dictionary for each id of a stream."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from rtmcli.records.frame import Frame
from rtmcli.tracking.source_state import seconds


@dataclass(slots=True)
class _Person:
    first: int
    start: float
    last: int
    end: float
    frames: int = 0
    longest_gap: float = 0.0
    score: float = 0.0
    scored: int = 0


def summarize_tracks(frames: Iterable[Frame]) -> Iterator[dict[str, Any]]:
    """For each source and id: first and last frame, their times, in how many frames, longest gap, mean score.

    Times and the gap are in seconds; a gap is the time between two frames with the person beyond one frame. Filled
    instances do not count.


    Example:
        from rtmcli import read_frames, summarize_tracks, track_offline

        for person in summarize_tracks(track_offline(read_frames("walk.jsonl"))):
            print(person)
    """
    people: dict[tuple[str, int], _Person] = {}
    before: dict[str, float] = {}  # time of the previous frame of a source
    for frame in frames:
        now, previous = seconds(frame), before.get(frame.source)
        for instance in frame.instances:
            if instance.id is None or "filled" in instance.extra:
                continue
            key = frame.source, instance.id
            person = people.get(key)
            if person is None:
                person = people[key] = _Person(frame.frame, now, frame.frame, now)
            elif previous is not None and person.end < previous:
                person.longest_gap = max(person.longest_gap, now - person.end)
            person.last, person.end = frame.frame, now
            person.frames += 1
            if instance.score is not None:
                person.score += instance.score
                person.scored += 1
        before[frame.source] = now
    for (source, number), person in people.items():
        line: dict[str, Any] = {
            "source": source,
            "id": number,
            "first": person.first,
            "last": person.last,
            "start": person.start,
            "end": person.end,
            "frames": person.frames,
            "longest_gap": person.longest_gap,
        }
        if person.scored:
            line["score"] = person.score / person.scored
        yield line
