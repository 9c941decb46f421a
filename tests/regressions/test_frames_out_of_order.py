"""Lines in the wrong order gave every person new ids, silently: verbs that remember must refuse them."""

import random
from collections.abc import Callable, Iterator

import numpy as np
import pytest

from rtmcli import Frame, Instance, Smoother, Tracker, mark_events, smooth_offline
from rtmcli.errors import DataError
from tests.helpers.shell import Shell


def line(frame: int, source: str = "walk.mp4") -> bytes:
    person = '{"label":"person","box":[10.0,10.0,50.0,90.0],"score":0.9}'
    text = f'{{"source":"{source}","frame":{frame},"time":{frame / 25},"instances":[{person}]}}\n'
    return text.encode()


@pytest.mark.parametrize("verb", ["track", "smooth"])
def test_shuffled_lines_end_with_3_and_name_the_remedy(sh: Shell, verb: str) -> None:
    numbers = list(range(50))
    random.Random(0).shuffle(numbers)
    done = sh(f"rtm {verb}", b"".join(line(n) for n in numbers))
    assert done.returncode == 3 and done.stderr.count(b"\n") == 1
    assert b"walk.mp4: frame " in done.stderr and b"'parallel' with -k" in done.stderr


def test_the_frames_before_the_fault_are_written(sh: Shell) -> None:
    done = sh("rtm track", line(0) + line(1) + line(3) + line(2))
    assert done.returncode == 3 and done.stdout.count(b"\n") == 3
    assert b"frame 2 comes after frame 3" in done.stderr


def track(*numbers: int) -> list[int | None]:
    tracker = Tracker()
    box = np.array([10, 10, 50, 90], np.float32)
    return [
        tracker(Frame("a", n, time=n / 25, instances=[Instance(box=box)])).instances[0].id for n in numbers
    ]


@pytest.mark.parametrize("order", [(5, 6, 0), (0, 1, 1), (0, 2, 1), (5, 6, 5, 6, 6)])
def test_a_frame_that_goes_back_or_comes_twice_is_an_error(order: tuple[int, ...]) -> None:
    with pytest.raises(DataError, match="must come in order"):
        track(*order)


@pytest.mark.parametrize("read", [smooth_offline, lambda frames: mark_events(frames, "gait")])
def test_what_reads_to_the_end_refuses_frames_out_of_order_too(
    read: Callable[[list[Frame]], Iterator[Frame]],
) -> None:
    """Each frame that went back began a new run of its own, which was not smoothed."""
    with pytest.raises(
        DataError, match=r"a: frame 1 comes after frame 2; frames of a source must come in order"
    ):
        list(read([Frame("a", n, time=n / 25) for n in (0, 2, 1)]))
    assert len(list(read([Frame("a", n, time=n / 25) for n in (0, 1, 2, 0, 1)]))) == 5


def test_a_source_may_start_again_with_its_first_frame() -> None:
    assert track(0, 1, 2, 0, 1) == [1, 1, 1, 2, 2]
    assert track(10, 20, 10, 20) == [1, 1, 2, 2]
    assert track(0, 0, 0) == [1, 2, 3]  # an image named three times


def test_sources_that_take_turns_are_in_order() -> None:
    tracker, smoother = Tracker(), Smoother()
    for n in range(5):
        for source in ("a", "b", "c"):
            smoother(tracker(Frame(source, n, time=n / 25)))


def test_frames_may_be_left_out_and_times_may_jump_back() -> None:
    tracker = Tracker()
    for number, time in ((0, 0.0), (7, 0.3), (8, 0.1), (20, 0.8)):
        tracker(Frame("a", number, time=time))
