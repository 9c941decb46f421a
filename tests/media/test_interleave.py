"""Several sources as one stream: files take turns, cameras come as they come, and nothing is left running."""

import threading
import time
from collections.abc import Generator
from pathlib import Path

import numpy as np
import pytest

from rtmcli.errors import DataError
from rtmcli.media.frame_source import Media
from rtmcli.media.interleave import MAX_OPEN, newest_pictures, take_turns
from rtmcli.records.frame import Frame
from rtmcli.records.picture import Picture
from tests.helpers.clips import number_in, write_clip

PIXEL = np.zeros((1, 1, 3), np.uint8)


def film(
    source: str, count: int, *, pause: float = 0.0, error: str | None = None, live: bool = False
) -> Media:
    def pictures() -> Generator[Picture, None, None]:
        for number in range(count):
            time.sleep(pause)
            yield Picture(PIXEL, source, number, None, float(number), 1, 1, dropped=0 if live else None)
        if error:
            raise DataError(error)

    return Media(source, pictures(), live=live)


def decoders() -> int:
    return sum(thread.name == "rtm-decode" for thread in threading.enumerate())


def test_files_take_turns_until_each_is_at_its_end() -> None:
    came = [(p.source, p.frame) for p in take_turns([film("a", 5), film("b", 2), film("c", 3)], 2)]
    assert came == [
        ("a", 0),
        ("a", 1),
        ("b", 0),
        ("b", 1),
        ("c", 0),
        ("c", 1),
        ("a", 2),
        ("a", 3),
        ("c", 2),
        ("a", 4),
    ]


def test_without_turns_one_file_follows_the_other() -> None:
    assert [p.source for p in take_turns([film("a", 3), film("b", 2)], None)] == ["a"] * 3 + ["b"] * 2


def test_only_so_many_files_are_open_at_once() -> None:
    # More pictures than a decoder may be ahead: each waits, and is there to be counted, until its turns come.
    running = take_turns([film(str(n), 60) for n in range(3 * MAX_OPEN)], 1)
    most = max(decoders() for _ in running)
    assert MAX_OPEN - 1 <= most <= MAX_OPEN + 1


def test_a_damaged_file_ends_all_after_the_pictures_before_it() -> None:
    came = []
    with pytest.raises(DataError, match="torn"):
        for picture in take_turns([film("a", 9), film("b", 1, error="torn")], 1):
            came.append(picture.source)
    assert came == ["a", "b", "a"]
    time.sleep(0.05)
    assert decoders() == 0


def test_live_sources_come_in_rounds_and_lost_pictures_are_counted() -> None:
    fast, slow = film("fast", 200, pause=0.001, live=True), film("slow", 6, pause=0.03, live=True)
    seen: dict[str, list[Picture]] = {"fast": [], "slow": []}
    for pictures in newest_pictures([fast, slow]):
        assert len({p.source for p in pictures}) == len(pictures)
        for picture in pictures:
            seen[picture.source].append(picture)
        time.sleep(0.01)
    for pictures in seen.values():
        numbers = [p.frame for p in pictures]
        assert numbers == sorted(numbers)
        before = -1
        for picture in pictures:  # what is missing between two numbers is what the record says was dropped
            assert picture.dropped == picture.frame - before - 1
            before = picture.frame
    assert [p.frame for p in seen["slow"]] == list(range(6))
    assert len(seen["fast"]) < 200


def test_a_camera_that_fails_leaves_the_others_and_is_told_of_at_the_end(
    capsys: pytest.CaptureFixture[str],
) -> None:
    came = []
    with pytest.raises(DataError, match="unplugged"):
        for pictures in newest_pictures(
            [film("0", 1, error="unplugged", live=True), film("1", 5, pause=0.01, live=True)]
        ):
            came += [p.source for p in pictures]
    assert came.count("1") == 5
    assert "the other sources go on" in capsys.readouterr().err


@pytest.mark.parametrize("together", [1, None])
def test_eight_live_sources_get_the_same_rate_and_a_silent_one_holds_nobody_up(together: int | None) -> None:
    silent = threading.Event()

    def nothing() -> Generator[Picture, None, None]:
        silent.wait(30)
        yield from ()

    cameras = [film(f"fast {n}", 10_000, pause=0.002, live=True) for n in range(7)]
    seldom = film("seldom", 10_000, pause=0.1, live=True)
    counts: dict[str, int] = {}
    longest, last = 0.0, time.monotonic()
    rounds = newest_pictures([*cameras, seldom, Media("silent", nothing(), live=True)], together=together)
    for pictures in rounds:
        now = time.monotonic()
        longest, last = max(longest, now - last), now
        assert together is None or len(pictures) == 1
        for picture in pictures:
            counts[picture.source] = counts.get(picture.source, 0) + 1
            time.sleep(0.003)  # the networks
        if sum(counts.values()) >= 300:
            break
    silent.set()
    rounds.close()
    fast = [counts[f"fast {n}"] for n in range(7)]
    assert max(fast) - min(fast) <= 2  # one more or less at the beginning and at the end
    assert counts["seldom"] >= 5 and "silent" not in counts
    assert longest < 1


def test_leaving_early_stops_all_decoders() -> None:
    rounds = newest_pictures([film("0", 10_000, live=True), film("1", 10_000, live=True)])
    next(rounds)
    rounds.close()
    assert decoders() == 0


def test_records_of_files_in_turn_find_their_pixels_in_one_pass(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from rtmcli.media import frame_lookup

    files = [str(write_clip(tmp_path / f"{name}.mp4", frames=6)) for name in "ab"]
    opened: list[str] = []
    plain = frame_lookup.open_media
    monkeypatch.setattr(
        frame_lookup, "open_media", lambda name, **options: opened.append(name) or plain(name, **options)
    )
    records = [
        Frame(source=file, frame=number, frames=6, time=number / 25)
        for turn in range(3)
        for file in files
        for number in (2 * turn, 2 * turn + 1)
    ]
    numbers = [number_in(picture.image) for _, picture in frame_lookup.find_pictures(records)]
    assert numbers == [frame.frame for frame in records]
    assert opened == files
