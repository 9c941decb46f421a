"""Reading ahead: bounded, in order, errors after what came before them, nothing left running."""

import threading
import time
from collections.abc import Generator

import pytest

from rtmcli.media.prefetch import Prefetcher


def test_items_come_in_order_and_the_thread_ends() -> None:
    before = threading.active_count()
    assert list(Prefetcher(n for n in range(100))) == list(range(100))
    time.sleep(0.05)
    assert threading.active_count() == before


def test_no_more_than_depth_items_wait() -> None:
    made = []

    def items() -> Generator[int, None, None]:
        for number in range(50):
            made.append(number)
            yield number

    ahead = Prefetcher(items(), depth=3)
    assert next(ahead) == 0
    time.sleep(0.1)
    assert len(made) == 5  # one taken, three waiting, one in hand
    ahead.close()


def test_an_error_comes_after_the_items_before_it() -> None:
    def items() -> Generator[int, None, None]:
        yield 1
        yield 2
        raise ValueError("torn")

    came = []
    with pytest.raises(ValueError, match="torn"):
        for item in Prefetcher(items()):
            time.sleep(0.02)
            came.append(item)
    assert came == [1, 2]


def test_close_runs_the_generators_end_in_its_own_thread() -> None:
    ended: list[str] = []

    def items() -> Generator[int, None, None]:
        try:
            while True:
                yield 0
        finally:
            ended.append(threading.current_thread().name)

    ahead = Prefetcher(items())
    next(ahead)
    ahead.close()
    assert ended == ["rtm-decode"] and list(ahead) == []


def test_a_live_source_drops_the_oldest() -> None:
    fast = threading.Event()

    def items() -> Generator[int, None, None]:
        yield from range(10)
        fast.set()

    ahead = Prefetcher(items(), depth=2, latest=True)
    assert fast.wait(2)
    assert list(ahead) == [8, 9] and ahead.dropped == 8


def test_closing_does_not_wait_for_a_read_that_never_returns() -> None:
    release = threading.Event()

    def items() -> Generator[int, None, None]:
        yield 0
        release.wait()

    ahead = Prefetcher(items())
    assert next(ahead) == 0
    began = time.monotonic()
    ahead.close(timeout=0.1)
    assert time.monotonic() - began < 1
    release.set()
