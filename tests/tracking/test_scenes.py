"""The tracker on synthetic scenes with known identities: crossings, gaps, crowds, a moving camera."""

from collections.abc import Callable, Iterable

import pytest

from rtmcli import Frame, Tracker, track_offline
from tests.helpers.track_scenes import SCENES, dressed, scene, score

SEEDS = range(3)
WAYS: dict[str, Callable[[Iterable[Frame]], Iterable[Frame]]] = {
    "auto": lambda frames: map(Tracker("auto"), frames),
    "iou": lambda frames: map(Tracker("iou"), frames),
    "offline": track_offline,
}


# Who comes in may be anybody for the online tracker, where there are no colours.
CASES = [(n, w) for n in SCENES for w in WAYS if n != "leave and return" or w == "offline"]


@pytest.mark.parametrize(("name", "way"), CASES)
def test_people_keep_their_ids_in_a_scene(name: str, way: str) -> None:
    found = [score(scene(name, seed), WAYS[way](scene(name, seed).frames)) for seed in SEEDS]
    assert min(idf1 for idf1, _ in found) >= 0.99
    assert sum(switches for _, switches in found) <= 4


@pytest.mark.parametrize("name", ["leave and return", "pillar", "another size", "crossing"])
def test_people_keep_their_ids_online_by_their_clothes(name: str) -> None:
    for seed in SEEDS:
        people = dressed(scene(name, seed), seed)
        assert score(people, map(Tracker(), people.frames)) == (pytest.approx(1), 0)
