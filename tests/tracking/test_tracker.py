"""Who is who: people who leave, return, cross, jump; whose ids nobody else may get."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from rtmcli import Frame, Instance, Tracker
from rtmcli.geometry.boxes import areas, keypoints_box
from tests.helpers.standing import person

METHODS = ("auto", "iou", "oks")
Path2D = Callable[[float], tuple[float, float] | None]


def walk(
    paths: list[Path2D],
    *,
    fps: float = 30,
    seconds: float = 4,
    height: float = 200,
    noise: float = 0.01,
    mixed: bool = True,
) -> list[tuple[Frame, list[int]]]:
    """Frames of people on paths (None: not seen), in changing order, and who each instance really is."""
    rng = np.random.default_rng(3)
    frames = []
    for n in range(round(seconds * fps)):
        seen = [(who, at) for who, path in enumerate(paths) if (at := path(n / fps)) is not None]
        if mixed:
            seen = [seen[i] for i in rng.permutation(len(seen))]
        people = [person(*at, height, rng, noise) for _, at in seen]
        frames.append(
            (
                Frame("walk", n, time=n / fps, width=1280, height=720, skeleton="coco17", instances=people),
                [who for who, _ in seen],
            )
        )
    return frames


def ids_of(frames: list[tuple[Frame, list[int]]], tracker: Tracker) -> dict[int, list[int]]:
    """For each real person the different ids in order of time."""
    found: dict[int, list[int]] = {}
    for frame, who in frames:
        for real, instance in zip(who, tracker(frame).instances, strict=True):
            assert instance.id is not None
            ids = found.setdefault(real, [])
            if not ids or ids[-1] != instance.id:
                ids.append(instance.id)
    return found


def nobody_shares(ids: dict[int, list[int]]) -> bool:
    every = [number for of_one in ids.values() for number in set(of_one)]
    return len(every) == len(set(every))


def keep_their_ids(ids: dict[int, list[int]]) -> bool:
    return all(len(of_one) == 1 for of_one in ids.values()) and nobody_shares(ids)


@pytest.mark.parametrize("fps", [10, 30, 60])
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("apart", [10, 30, 60])
def test_two_people_who_cross_keep_their_ids(method: str, fps: float, apart: float) -> None:
    frames = walk(
        [lambda t: (200 + 200 * t, 360), lambda t: (1000 - 200 * t, 360 + apart)], fps=fps, noise=0.005
    )
    assert keep_their_ids(ids_of(frames, Tracker(method)))


@pytest.mark.parametrize("fps", [5, 10, 25, 30])
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("speed", [50, 200])
def test_two_people_who_pass_through_each_other_keep_their_ids(method: str, fps: float, speed: float) -> None:
    frames = walk(
        [lambda t: (640 + speed * (t - 2), 360), lambda t: (640 - speed * (t - 2), 360)],
        fps=fps, noise=0, mixed=False,
    )  # fmt: skip
    assert keep_their_ids(ids_of(frames, Tracker(method)))


@pytest.mark.parametrize("fps", [10, 30])
@pytest.mark.parametrize("method", METHODS)
def test_one_who_is_hidden_while_crossing_comes_out_with_the_same_id(method: str, fps: float) -> None:
    def behind(t: float) -> tuple[float, float] | None:
        return None if 1.75 < t < 2.25 else (1000 - 200 * t, 365)

    ids = ids_of(walk([lambda t: (200 + 200 * t, 360), behind], fps=fps), Tracker(method))
    assert sorted(ids) == [0, 1] and keep_their_ids(ids)


@pytest.mark.parametrize("method", METHODS)
def test_three_people_who_cross_at_different_speeds_keep_their_ids(method: str) -> None:
    frames = walk(
        [lambda t: (100 + 280 * t, 340), lambda t: (1100 - 150 * t, 370), lambda t: (640 + 20 * t, 355)]
    )
    ids = ids_of(frames, Tracker(method))
    assert keep_their_ids(ids)


@pytest.mark.parametrize("method", METHODS)
def test_one_who_is_gone_for_a_moment_returns_under_the_same_id(method: str) -> None:
    ids = ids_of(walk([lambda t: None if 1 < t < 1.5 else (400 + 60 * t, 360)]), Tracker(method))
    assert ids == {0: [1]}


@pytest.mark.parametrize("method", METHODS)
def test_one_who_returns_too_late_gets_a_new_id(method: str) -> None:
    ids = ids_of(walk([lambda t: None if 1 < t < 2.5 else (400, 360)]), Tracker(method, max_gap=1.0))
    assert ids == {0: [1, 2]}


@pytest.mark.parametrize("fps", [5, 60])
def test_the_gap_is_counted_in_seconds_not_frames(fps: float) -> None:
    ids = ids_of(walk([lambda t: None if 1 < t < 1.7 else (400, 360)], fps=fps), Tracker(max_gap=1.0))
    assert ids == {0: [1]}


@pytest.mark.parametrize("method", METHODS)
def test_somebody_else_in_the_same_place_later_is_somebody_else(method: str) -> None:
    one: Path2D = lambda t: (1100 + 200 * t, 360) if t < 0.9 else None  # walks out on the right  # noqa: E731
    two: Path2D = lambda t: (1250 - 200 * (t - 1.2), 360) if t > 1.2 else None  # another comes in there  # noqa: E731
    ids = ids_of(walk([one, two]), Tracker(method))
    assert keep_their_ids(ids)


def weak_frames(*seen: bool, score: float) -> list[Frame]:
    rng = np.random.default_rng(0)
    frames = []
    for n, there in enumerate(seen):
        people = [person(400, 360, 200, rng)] + ([person(800, 360, 200, rng)] if there else [])
        for one in people[1:]:
            one.score = score
        frames.append(Frame("s", n, time=n / 30, skeleton="coco17", instances=people))
    return frames


def test_a_weak_detection_gets_an_id_when_it_is_found_again() -> None:
    ids = [[i.id for i in Tracker()(f).instances] for f in weak_frames(True, score=0.4)]
    assert ids == [[1, None]]
    tracker = Tracker()
    ids = [
        [i.id for i in tracker(f).instances] for f in weak_frames(True, False, True, True, True, score=0.4)
    ]
    assert ids == [[1, None], [1], [1, None], [1, 2], [1, 2]]
    ids = [[i.id for i in Tracker()(f).instances] for f in weak_frames(True, score=0.7)]
    assert ids == [[1, 2]]
    ids = [[i.id for i in Tracker(confirm_score=0.3)(f).instances] for f in weak_frames(True, score=0.4)]
    assert ids == [[1, 2]]


def test_an_id_goes_on_before_another_one_begins() -> None:
    """A weak box appears once where somebody is not found; the next box lies nearer to it than to his place."""
    tracker = Tracker("iou")
    for n in range(9):
        x, score = (460.0, 0.4) if n == 7 else (440.0, 0.9) if n == 8 else (400.0, 0.9)
        box = np.array([x - 40, 260, x + 40, 460], np.float32)
        people = [] if n == 6 else [Instance(box=box, score=score)]
        found = tracker(Frame("s", n, time=n / 30, instances=people))
    assert [i.id for i in found.instances] == [1]


def test_somebody_weakly_detected_in_front_of_another_gets_an_id_too() -> None:
    """As a child before an adult: the smaller box lies in the larger one."""
    rng, tracker = np.random.default_rng(0), Tracker()
    for n in range(8):
        people = [person(400, 360, 200, rng), person(410, 400, 110, rng)][: 1 if n < 5 else 2]
        for child in people[1:]:
            child.score = 0.45
        found = tracker(Frame("s", n, time=n / 30, skeleton="coco17", instances=people))
    assert [i.id for i in found.instances] == [1, 2]


def test_ids_are_never_used_twice_in_a_source_and_start_anew_in_another() -> None:
    tracker, rng = Tracker(), np.random.default_rng(0)
    seen = [[person(400, 360, 200, rng)] if n % 2 == 0 else [] for n in range(5)]  # away for 4 seconds
    first = [tracker(Frame("a", n, time=2.0 * n, instances=people)) for n, people in enumerate(seen)]
    assert [one.id for frame in first for one in frame.instances] == [1, 2, 3]
    assert tracker(Frame("b", 0, time=0.0, instances=[person(400, 360, 200, rng)])).instances[0].id == 1
    again = tracker(Frame("a", 0, time=0.0, instances=[person(400, 360, 200, rng)]))
    assert again.instances[0].id == 4


def test_interleaved_sources_have_states_of_their_own() -> None:
    frames = walk([lambda t: (200 + 200 * t, 360)])
    other = walk([lambda t: (1000 - 200 * t, 360)])
    tracker = Tracker()
    for (a, _), (b, _) in zip(frames, other, strict=True):
        assert tracker(a).instances[0].id == 1
        assert tracker(replace(b, source="other")).instances[0].id == 1


def test_the_given_frame_stays_as_it_is() -> None:
    frame = Frame("a", 0, instances=[Instance(box=np.zeros(4, np.float32)), Instance()])
    tracked = Tracker()(frame)
    assert [i.id for i in frame.instances] == [None, None]
    assert [i.id for i in tracked.instances] == [1, None]  # nothing to track without a box


def test_state_is_bounded_by_the_people_of_the_last_second() -> None:
    tracker, rng = Tracker(), np.random.default_rng(0)
    for n in range(3000):
        spot = person(rng.uniform(0, 1280), rng.uniform(0, 720), 40, rng)
        tracker(Frame(f"s{n % 600}", n, time=n / 30, instances=[spot, spot]))
    sources = tracker._sources._entries
    assert len(sources) <= 256 and all(len(entry.state.tracks) <= 4 for entry in sources.values())


def test_people_are_paired_as_in_the_reference_sequence(goldens: Path) -> None:
    """tracker_iou.npz: greedy IoU of rtmlib. Its rule that poses under 1000 square pixels go is applied first."""
    with np.load(goldens / "tracker_iou.npz") as data:
        expected = [entry["ids"] for entry in json.loads(str(data["expected_iou_tracking"]))]
        poses = [data[f"frame_{n}"] for n in range(len(expected))]
    tracker = Tracker(max_gap=0.04)
    names: dict[int, int] = {}
    for n, (frame, ids) in enumerate(zip(poses, expected, strict=True)):
        boxes = keypoints_box(frame, grow=1.25)
        people = [Instance(box=box) for box in boxes[areas(boxes) >= 1000]]
        found = [i.id for i in tracker(Frame("s", n, time=n / 30, instances=people)).instances]
        for ours, theirs in zip(found, ids, strict=True):
            assert ours is not None and names.setdefault(ours, theirs) == theirs
    assert sorted(names.values()) == sorted({number for ids in expected for number in ids})


def test_on_real_people_one_after_another_no_id_passes_on(data_dir: Path) -> None:
    """one_by_one_empty_between.mp4: the first walks out on the right by frame 49, the next comes in after frame 100."""
    from rtmcli import Detector, open_media

    detector, tracker = Detector(), Tracker()
    before: set[int] = set()
    after: set[int] = set()
    for picture in open_media(str(data_dir / "videos" / "one_by_one_empty_between.mp4"), every=2):
        frame = Frame("v", picture.frame, time=picture.time, width=picture.width, height=picture.height)
        frame.instances = [i for i in detector([picture.image])[0] if tall(i)]
        found = {instance.id for instance in tracker(frame).instances if instance.id is not None}
        if picture.frame < 55:
            before |= found
        elif picture.frame > 95:
            after |= found
    assert before and after and not before & after


def tall(instance: Instance) -> bool:
    """The foot of a table in this clip looks like somebody small to a weak detector."""
    assert instance.box is not None
    return bool(instance.box[3] - instance.box[1] > 110)
