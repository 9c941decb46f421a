"""Tracking with knowledge of the future: who returns keeps the id, gaps are filled, people are summed up."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from rtmcli import Frame, Instance
from rtmcli.tracking import fill_gaps, summarize_tracks, track_ahead, track_offline


def standing(number: int, *people: tuple[int, float] | None, source: str = "a") -> Frame:
    """A frame at 10 frames a second with people of (id, x)."""
    instances = [
        Instance(
            id=p[0] or None, box=np.array([p[1], 0, p[1] + 40, 100], np.float32), score=0.8, label="person"
        )
        for p in people
        if p is not None
    ]
    return Frame(source, number, time=number / 10, width=640, height=480, instances=instances)


def away(start: int, end: int, count: int = 60) -> list[Frame]:
    """Somebody who stands and is unseen from frame `start` to `end`."""
    return [standing(n, None if start <= n < end else (0, 200 + n)) for n in range(count)]


def test_who_was_unseen_for_two_seconds_keeps_the_id_and_the_frames_their_order() -> None:
    frames = list(track_offline(away(20, 40)))
    assert [f.frame for f in frames] == list(range(60))
    assert {i.id for f in frames for i in f.instances} == {1}


def test_who_was_unseen_for_longer_than_the_gap_is_somebody_new() -> None:
    frames = list(track_offline(away(20, 40), max_gap=1.5))
    assert {i.id for f in frames for i in f.instances} == {1, 2}


def test_a_second_box_that_takes_over_has_the_same_id_and_none_beside_the_first() -> None:
    """As when a detector finds a bending person twice and then only by the new box."""
    frames = [
        standing(n, (0, 200 + n) if n < 31 else None, (0, 212 + n) if n >= 29 else None, (0, 500))
        for n in range(60)
    ]
    found = list(track_offline(frames))
    assert [i.id for i in found[10].instances] == [1, 2]
    assert [i.id for i in found[29].instances] == [1, None, 2]
    assert [i.id for i in found[50].instances] == [1, 2]


def test_who_is_seen_too_briefly_gets_no_id() -> None:
    frames = [standing(n, (0, 200), (0, 500) if n in (10, 11) else None) for n in range(40)]
    found = list(track_offline(frames))
    assert [i.id for i in found[10].instances] == [1, None]
    assert {i.id for f in track_offline(frames, min_length=0) for i in f.instances} == {1, 2}


def test_a_source_that_comes_twice_has_other_ids_the_second_time() -> None:
    frames = list(track_offline([*away(99, 99), *away(99, 99)]))
    assert [{i.id for f in half for i in f.instances} for half in (frames[:60], frames[60:])] == [{1}, {2}]


def test_lookahead_writes_every_frame_once_and_links_as_offline_does() -> None:
    frames = list(track_ahead(away(20, 40), 1.0))
    assert [f.frame for f in frames] == list(range(60))
    assert {i.id for f in frames for i in f.instances} == {1}


def test_lookahead_is_late_by_no_more_than_asked() -> None:
    read: list[int] = []

    def reading() -> Iterator[Frame]:
        for frame in away(99, 99):
            read.append(frame.frame)
            yield frame

    for frame in track_ahead(reading(), 0.5):
        assert read[-1] - frame.frame <= 6


def test_lookahead_gives_no_id_to_a_weak_detection_that_is_not_found_again() -> None:
    frames = [standing(n, (0, 200), (0, 500) if n in (5, 10, 11) else None) for n in range(30)]
    for frame in frames:
        for weak in frame.instances[1:]:
            weak.score = 0.4
    tracked = list(track_ahead(frames, 0.5, max_gap=0.4))
    assert [i.id for i in tracked[5].instances] == [1, None]
    (_, one), (_, two) = ([i.id for i in tracked[n].instances] for n in (10, 11))
    assert one == two and one is not None


def test_a_gap_is_filled_along_a_straight_line_and_marked() -> None:
    frames = [standing(n, None if 3 <= n < 7 else (1, 10.0 * n)) for n in range(10)]
    filled = list(fill_gaps(frames, 0.5))
    for frame in filled:
        (person,) = frame.instances
        assert person.box is not None and person.box[0] == pytest.approx(10 * frame.frame)
        assert ("filled" in person.extra) == (3 <= frame.frame < 7)
    assert filled[4].instances[0].score == pytest.approx(0.8)


def test_a_longer_gap_is_left_open_and_keypoints_are_filled_too() -> None:
    frames = [standing(n, None if 3 <= n < 7 else (1, 10.0 * n)) for n in range(10)]
    assert [len(f.instances) for f in fill_gaps(frames, 0.4)] == [1, 1, 1, 0, 0, 0, 0, 1, 1, 1]
    for frame in frames:
        for person in frame.instances:
            person.keypoints = np.full((17, 3), frame.frame, np.float32)
    person = list(fill_gaps(frames, 1))[5].instances[0]
    assert person.keypoints is not None
    assert person.keypoints == pytest.approx(np.tile([5.0, 5.0, 0.0], (17, 1)))
    assert person.extra["filled"] == list(range(17))


def test_sources_in_turn_are_filled_apart_and_stay_in_order() -> None:
    frames = [
        f
        for n in range(8)
        for f in (standing(n, None if n == 4 else (1, 5.0 * n)), standing(n, (1, 0), source="b"))
    ]
    filled = list(fill_gaps(frames, 1))
    assert [(f.source, f.frame) for f in filled] == [(f.source, f.frame) for f in frames]
    assert [len(f.instances) for f in filled] == [1] * 16


def test_the_summary_of_a_person() -> None:
    frames = [standing(n, None if 3 <= n < 7 else (4, 10.0 * n)) for n in range(10)]
    (line,) = summarize_tracks(frames)
    assert line.pop("source") == "a"
    assert line == pytest.approx(
        {
            "id": 4,
            "first": 0,
            "last": 9,
            "start": 0.0,
            "end": 0.9,
            "frames": 6,
            "longest_gap": 0.5,
            "score": 0.8,
        }
    )
    (filled,) = summarize_tracks(fill_gaps(frames, 1))
    assert filled["frames"] == 6


def test_the_frames_that_are_given_stay_as_they_are() -> None:
    frames = away(20, 22)
    list(fill_gaps(track_offline(replace(f) for f in frames), 1))
    assert all(i.id is None for f in frames for i in f.instances)
