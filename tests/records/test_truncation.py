"""What counts as a missing frame."""

import pytest

from rtmcli.records.frame import Frame
from rtmcli.records.truncation import FrameCounts


def counted(*numbers: int, declared: int = 10, source: str = "a") -> FrameCounts:
    counts = FrameCounts()
    for number in numbers:
        counts.add(Frame(source, number, declared))
    return counts


@pytest.mark.parametrize(
    "numbers", [range(10), range(0, 10, 3), range(12), [*range(10), *range(10)]],
    ids=["all", "every third", "two more than declared", "two runs"],
)  # fmt: skip
def test_nothing_is_missing(numbers: list[int]) -> None:
    counts = counted(*numbers)
    assert (counts.truncated, counts.missing) == ("", "")


@pytest.mark.parametrize(
    ("numbers", "told"),
    [
        (range(7), "a: 7 of 10 frames"),
        (range(0, 5, 2), "a: 3 of 10 frames"),
        ([0, 1, 2, *range(6), 0, 1], "a: 3 of 10 frames"),  # the first of three runs that ended early
    ],
)
def test_an_end_that_came_early_is_told(numbers: list[int], told: str) -> None:
    counts = counted(*numbers)
    assert (counts.truncated, counts.missing) == (told, told)


@pytest.mark.parametrize(
    ("numbers", "told"),
    [([0, 1, 2, 5, 6, 7, 8, 9], "a: 8 of 10 frames"), (range(3, 10), "a: 7 of 10 frames")],
    ids=["in the middle", "at the beginning"],
)
def test_frames_missing_elsewhere_are_no_early_end(numbers: list[int], told: str) -> None:
    counts = counted(*numbers)
    assert (counts.truncated, counts.missing) == ("", told)


def test_sources_that_do_not_say_how_many_frames_they_have_miss_none() -> None:
    counts = FrameCounts()
    counts.add(Frame("camera", 5))
    assert counts.missing == ""


def test_a_folder_of_many_images_keeps_nothing_in_memory() -> None:
    counts = FrameCounts()
    for number in range(1000):
        counts.add(Frame(f"{number}.png", 0, 1))
    assert not counts._open
