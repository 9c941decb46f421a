"""The clock of a live source: true times across connections, whatever the server's timestamps do."""

import pytest

from rtmcli.media.live_clock import LiveClock
from rtmcli.media.playout import Playout


def test_timestamps_give_the_intervals_and_jitter_of_arrival_does_not() -> None:
    clock = LiveClock()
    arrivals = (100.0, 100.11, 100.12, 100.19)
    times = [clock.add(50 + number * 0.04, now)[0] for number, now in enumerate(arrivals)]
    assert times == pytest.approx([0, 0.04, 0.08, 0.12])


def test_without_timestamps_a_frame_is_as_late_as_it_arrives() -> None:
    clock = LiveClock()
    assert [clock.add(None, now)[0] for now in (7.0, 7.5, 7.6)] == pytest.approx([0, 0.5, 0.6])


@pytest.mark.parametrize("begin", [0.0, 5000.0])
def test_a_new_connection_goes_on_at_the_time_that_has_passed(begin: float) -> None:
    clock = LiveClock()
    for number in range(10):
        clock.add(900 + number * 0.04, 10 + number * 0.04)
    clock.reset()
    time, gap = clock.add(begin, 30.0)
    assert time == pytest.approx(20.0) and gap == pytest.approx(20 - 0.36)
    assert clock.add(begin + 0.04, 30.05) == (pytest.approx(20.04), None)


def test_timestamps_that_jump_are_set_to_the_clock_of_this_machine() -> None:
    clock = LiveClock()
    clock.add(10.0, 0.0)
    clock.add(10.04, 0.04)
    assert clock.add(8000.0, 0.08)[0] == pytest.approx(0.08)
    # Back in time: later than the frame before nevertheless.
    last, _ = clock.add(8000.5, 0.6)
    assert clock.add(7999.0, 0.62)[0] > last


def test_a_camera_of_a_frame_in_five_seconds_has_no_gaps() -> None:
    clock = LiveClock()
    assert [clock.add(None, 5.0 * number)[1] for number in range(5)] == [None] * 5
    assert clock.add(None, 60.0)[1] == pytest.approx(40.0)


def test_frames_of_a_burst_are_due_at_their_own_rate_and_a_late_one_at_once() -> None:
    playout = Playout()
    delays = [playout.delay(number * 0.5, now=10.0) for number in range(4)]
    assert delays == pytest.approx([0, 0.5, 1.0, 1.5])
    assert playout.delay(2.0, now=12.5) == 0
    # The late one delays those after it, so that the next segment may be as late.
    assert playout.delay(2.5, now=12.5) == pytest.approx(0.5)
