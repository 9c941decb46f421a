"""The tracker with colours of clothes: who hid or left is known again by them, and nobody else is taken for them."""

import numpy as np
import pytest

from rtmcli import DataError, Frame, Instance, Tracker, track_offline
from rtmcli.records.appearance import LENGTH, appearance_of
from rtmcli.tracking.appearance import (
    MeanAppearance,
    appearance_distance,
    distinctly_alike,
    frame_appearances,
)

# Torso and legs.
RED_BLUE = [90, 10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 10, 80, 0, 0, 10, 0, 0, 0, 0]
WHITE_BLACK = [0, 0, 0, 0, 0, 0, 0, 0, 0, 5, 15, 80, 0, 0, 0, 0, 0, 0, 80, 20, 0, 0, 0, 0]
BLACK_BLUE = [0, 0, 0, 0, 0, 0, 85, 15, 0, 0, 0, 0, 0, 0, 0, 10, 80, 0, 0, 10, 0, 0, 0, 0]


def shares(value: list[int]) -> np.ndarray:
    found = appearance_of(value)
    assert found is not None
    return found[None]


def test_the_distance_is_0_for_the_same_colours_and_1_where_none_is_shared() -> None:
    assert appearance_distance(shares(RED_BLUE), shares(RED_BLUE))[0, 0] == pytest.approx(0, abs=1e-12)
    assert appearance_distance(shares(RED_BLUE), shares(WHITE_BLACK))[0, 0] == pytest.approx(
        (1 + 1 - np.sqrt(0.1 * 0.2)) / 2
    )
    assert appearance_distance(shares(RED_BLUE), shares(BLACK_BLUE))[0, 0] == pytest.approx(0.5)


def test_only_parts_known_of_both_count() -> None:
    legs_hidden = shares([*RED_BLUE[:12], *[0] * 12])
    torso_hidden = shares([*[0] * 12, *RED_BLUE[12:]])
    assert appearance_distance(legs_hidden, shares(RED_BLUE))[0, 0] == pytest.approx(0, abs=1e-12)
    assert np.isnan(appearance_distance(legs_hidden, torso_hidden)[0, 0])
    mean = MeanAppearance()
    mean.add(legs_hidden[0])
    mean.add(torso_hidden[0])
    assert mean.mean() == pytest.approx(shares(RED_BLUE)[0])


def test_a_pair_is_distinct_where_no_third_is_nearly_as_like() -> None:
    distance = np.array([[0.02, 0.5], [0.6, 0.05]])
    assert distinctly_alike(distance).tolist() == [[True, False], [False, True]]
    assert not distinctly_alike(np.array([[0.02, 0.06]])).any()
    assert not distinctly_alike(np.array([[0.02], [0.06]])).any()
    assert distinctly_alike(np.array([[0.02, np.nan]])).tolist() == [[True, False]]


@pytest.mark.parametrize(
    ("value", "got"),
    [("red", "'red'"), ([1, 2], "2 values"), ([0] * 23 + [-1], "-1"), ([0] * 23 + ["x"], "'x'"), ([101] * 24, "101"),
     ([True] * 24, "True"), ({"torso": []}, "torso")],
)  # fmt: skip
def test_a_value_of_another_form_is_an_error_that_names_the_place(value: object, got: str) -> None:
    instances = [
        Instance(box=np.zeros(4, np.float32)),
        Instance(box=np.ones(4, np.float32), extra={"appearance": value}),
    ]
    with pytest.raises(
        DataError, match=r"a\.mp4, frame 7, instances\[1\]: 'appearance' must be 24 numbers"
    ) as caught:
        Tracker()(Frame("a.mp4", 7, instances=instances))
    assert got in str(caught.value)


def test_null_and_zeros_are_no_appearance() -> None:
    instances = [
        Instance(extra={"appearance": None}),
        Instance(extra={"appearance": [0] * LENGTH}),
        Instance(),
    ]
    assert frame_appearances(Frame("a", 0, instances=instances), range(3)) is None


def person(x: float, clothes: list[int] | None, y: float = 200.0) -> Instance:
    box = np.array([x - 30, y - 80, x + 30, y + 80], np.float32)
    return Instance(box=box, score=0.9, extra={} if clothes is None else {"appearance": clothes})


def frame(number: int, *people: Instance | None) -> Frame:
    instances = [one for one in people if one is not None]
    return Frame("a", number, time=number / 20, width=640, height=480, instances=instances)


def hidden_together(clothes: tuple[list[int] | None, list[int] | None]) -> list[Frame]:
    """Two who walk towards each other, are hidden for a second, and come out where they came from."""
    frames = []
    for n in range(80):
        step = n if n < 30 else 80 - n
        first, second = 200 + 3 * step, 440 - 3 * step
        hidden = 30 <= n < 50
        frames.append(
            frame(
                n,
                *(
                    None if hidden else person(x, worn)
                    for x, worn in zip((first, second), clothes, strict=True)
                ),
            )
        )
    return frames


def ids_by_place(frames: list[Frame]) -> tuple[list[int | None], list[int | None]]:
    return [i.id for i in frames[5].instances], [i.id for i in frames[-5].instances]


@pytest.mark.parametrize("offline", [False, True])
def test_two_who_turn_round_while_hidden_are_known_by_their_clothes(offline: bool) -> None:
    frames = hidden_together((RED_BLUE, WHITE_BLACK))
    before, after = ids_by_place(list(track_offline(frames)) if offline else list(map(Tracker(), frames)))
    assert before == after == [1, 2]


def test_places_alone_say_that_the_two_passed_each_other() -> None:
    before, after = ids_by_place(list(map(Tracker(), hidden_together((None, None)))))
    assert before == [1, 2] and after != before


def leaving(returning: list[int] | None, worn: list[int] | None = RED_BLUE) -> list[Frame]:
    """One walks out on the right, somebody comes in there 1.5 seconds later; another stands all the time."""
    frames = []
    for n in range(100):
        walker = person(500 + 7 * n, worn) if n < 25 else person(1020 - 7 * n, returning) if n >= 55 else None
        frames.append(frame(n, person(320, WHITE_BLACK, 350), walker))
    return frames


@pytest.mark.parametrize(
    ("worn", "later", "number"), [(RED_BLUE, RED_BLUE, 2), (RED_BLUE, BLACK_BLUE, 3), (None, None, 3)]
)
def test_who_left_the_image_and_returns_in_the_same_clothes_keeps_the_id(
    worn: list[int] | None, later: list[int] | None, number: int
) -> None:
    last = list(map(Tracker(), leaving(later, worn)))[-1]
    assert [i.id for i in last.instances] == [1, number]


@pytest.mark.parametrize("offline", [False, True])
def test_somebody_in_other_clothes_at_the_same_place_is_somebody_else(offline: bool) -> None:
    frames = [
        frame(n, person(300, RED_BLUE) if n < 30 else person(300, WHITE_BLACK) if n >= 50 else None)
        for n in range(80)
    ]
    tracked = list(track_offline(frames)) if offline else list(map(Tracker(), frames))
    assert (tracked[0].instances[0].id, tracked[-1].instances[0].id) == (1, 2)
    same = [frame(n, None if 30 <= n < 50 else person(300, RED_BLUE)) for n in range(80)]
    tracked = list(track_offline(same)) if offline else list(map(Tracker(), same))
    assert {i.id for f in tracked for i in f.instances} == {1}


def test_an_appearance_that_comes_late_changes_nothing_before() -> None:
    """The first frames of a stream may lack it: another person's pose was not seen, or a filter dropped it."""
    frames = [frame(n, person(300, RED_BLUE if n > 10 else None), person(500, None)) for n in range(30)]
    assert {tuple(i.id for i in Tracker()(f).instances) for f in frames[:1]} == {(1, 2)}
    tracker = Tracker()
    assert {tuple(i.id for i in tracker(f).instances) for f in frames} == {(1, 2)}
