"""Synthetic scenes of walking people with known identities, for the tracker and its benchmark.

Each scene gives frames as a pose model would: keypoints and boxes with noise, people who are hidden behind others or
missed, in changing order. `Scene.who` holds the true identity of each instance.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import cache

import numpy as np

from rtmcli import Frame, Instance
from rtmcli.metrics.clear import clear
from rtmcli.metrics.identity import identity
from rtmcli.metrics.tracks import make_sequence

# coco17 of unit height about (0, 0), seen from the front
FIGURE = np.array(
    [[0, -.45], [.03, -.47], [-.03, -.47], [.06, -.45], [-.06, -.45], [.12, -.3], [-.12, -.3], [.16, -.13],
     [-.16, -.13], [.17, .03], [-.17, .03], [.08, .03], [-.08, .03], [.09, .25], [-.09, .25], [.1, .47], [-.1, .47]]
)  # fmt: skip
# How far each keypoint swings to the side in a step of the left leg.
SWING = np.array([0, 0, 0, 0, 0, 0, 0, -.05, .05, -.1, .1, 0, 0, .05, -.05, .12, -.12])  # fmt: skip


@dataclass(frozen=True)
class Person:
    """Somebody on a path: `path(t)` is the middle of the body in pixels, None where out of the scene."""

    path: Callable[[float], tuple[float, float] | None]
    height: float = 200.0
    depth: float = 0.0  # who is nearer hides who is farther
    stride: float = 1.0  # steps a second


@dataclass(frozen=True)
class Scene:
    """Frames, and for each the true identity of its instances."""

    frames: list[Frame]
    who: list[list[int]]


@cache
def scene(name: str, seed: int) -> Scene:
    """A scene of SCENES; made once, as its frames are not changed."""
    return SCENES[name](seed)


def dressed(scene: Scene, seed: int) -> Scene:
    """The scene with an appearance for each person: colours of their own, with noise."""
    rng = np.random.default_rng(2000 + seed)
    clothes = rng.dirichlet(np.full(12, 0.2), (20, 2)).reshape(20, 24)
    frames = []
    for frame, who in zip(scene.frames, scene.who, strict=True):
        people = []
        for instance, k in zip(frame.instances, who, strict=True):
            seen = np.clip(clothes[k] + rng.normal(0, 0.03, 24), 0, 1).reshape(2, 12)
            percent = np.rint(100 * seen / seen.sum(axis=1, keepdims=True)).astype(int).ravel().tolist()
            people.append(replace(instance, extra={"appearance": percent}))
        frames.append(replace(frame, instances=people))
    return Scene(frames, scene.who)


def score(scene: Scene, tracked: Iterable[Frame]) -> tuple[float, int]:
    """IDF1 and identity switches of the scene's frames with ids."""
    frames = []
    for frame, who in zip(tracked, scene.who, strict=True):
        known = [(k, i.id) for k, i in enumerate(frame.instances) if i.id is not None]
        same = np.array([[float(row == k) for k, _ in known] for row in range(len(who))])
        frames.append((who, [number for _, number in known], same))
    sequence = make_sequence("scene", frames)
    return identity(sequence).figures()["IDF1"], clear(sequence).idsw


def make_scene(
    people: list[Person],
    *,
    seed: int,
    seconds: float = 6.0,
    fps: float = 30.0,
    noise: float = 0.01,
    missing: float = 0.02,
    camera: Callable[[float], float] | None = None,
    uneven: bool = False,
    poses: bool = True,
    size: tuple[int, int] = (1280, 720),
) -> Scene:
    """Frames of `people`.

    Args:
        noise: standard deviation of keypoints and box sides in body heights.
        missing: share of detections that are missed.
        camera: pixels by which the whole image is shifted at a time.
        uneven: frames come at irregular times, some are lost.
    """
    rng = np.random.default_rng(seed)
    times = np.arange(0, seconds, 1 / fps)
    if uneven:
        times = np.sort(times + rng.uniform(-0.3, 0.3, len(times)) / fps)[rng.random(len(times)) > 0.1]
    frames, who = [], []
    for number, time in enumerate(times):
        shift = camera(time) if camera else 0.0
        present = [(k, at) for k, person in enumerate(people) if (at := person.path(time)) is not None]
        present.sort(key=lambda entry: people[entry[0]].depth)
        shown: list[tuple[int, np.ndarray, np.ndarray]] = []
        for k, (x, y) in present:
            points = _figure(people[k], x + shift, y, time)
            box = np.r_[
                points.min(axis=0) - 0.03 * people[k].height, points.max(axis=0) + 0.03 * people[k].height
            ]
            if any(_covered(box, nearer) > 0.6 for _, nearer, _ in shown) or not _inside(box, size):
                continue
            shown.append((k, box, points))
        seen = [entry for entry in shown if rng.random() >= missing]
        order = rng.permutation(len(seen))
        instances = [_instance(people[seen[i][0]], *seen[i][1:], rng, noise, poses) for i in order]
        frames.append(
            Frame(
                "scene",
                number,
                time=float(time),
                width=size[0],
                height=size[1],
                skeleton="coco17",
                instances=instances,
            )
        )
        who.append([seen[i][0] for i in order])
    return Scene(frames, who)


def _figure(person: Person, x: float, y: float, time: float) -> np.ndarray:
    points = FIGURE.copy()
    points[:, 0] += SWING * np.sin(2 * np.pi * person.stride * time)
    return np.asarray(points * person.height + [x, y])


def _instance(
    person: Person, box: np.ndarray, points: np.ndarray, rng: np.random.Generator, noise: float, poses: bool
) -> Instance:
    box = box + rng.normal(0, noise * person.height, 4)
    points = points + rng.normal(0, noise * person.height, (17, 2))
    scores = rng.uniform(0.5, 0.95, (17, 1))
    keypoints = np.concatenate([points, scores], axis=1).astype(np.float32) if poses else None
    return Instance(
        box=box.astype(np.float32), score=float(rng.uniform(0.6, 0.95)), keypoints=keypoints, label="person"
    )


def _covered(box: np.ndarray, other: np.ndarray) -> float:
    sides = np.clip(np.minimum(box[2:], other[2:]) - np.maximum(box[:2], other[:2]), 0, None)
    return float(sides.prod() / (box[2:] - box[:2]).prod())


def _inside(box: np.ndarray, size: tuple[int, int]) -> bool:
    middle = (box[:2] + box[2:]) / 2
    return bool((middle > 0).all() and (middle < size).all())


def line(x: float, y: float, vx: float, vy: float = 0.0, start: float = 0.0, end: float = 1e9):  # type: ignore[no-untyped-def]
    """A straight path from (x, y) at time 0 with a velocity in pixels a second, within [start, end)."""
    return lambda t: (x + vx * t, y + vy * t) if start <= t < end else None


def _stands(x: float, y: float, start: float = 0.0, end: float = 1e9):  # type: ignore[no-untyped-def]
    return line(x, y, 0, 0, start, end)


def _crowd(seed: int) -> list[Person]:
    rng = np.random.default_rng(1000 + seed)
    people = []
    for k in range(15):
        x, y = rng.uniform(100, 1180), rng.uniform(250, 500)
        vx, vy = rng.uniform(-90, 90), rng.uniform(-15, 15)
        people.append(
            Person(line(x, y, vx, vy), height=float(rng.uniform(140, 220)), depth=-y, stride=0.8 + 0.05 * k)
        )
    return people


def _there_and_back(x: float, turn: float, speed: float, y: float):  # type: ignore[no-untyped-def]
    return lambda t: (x + speed * (t if t < turn else 2 * turn - t), y)


# The scenes of the requirements: people, and how they are seen.
SCENES: dict[str, Callable[[int], Scene]] = {
    "crossing": lambda seed: make_scene(
        [Person(line(200, 360, 160)), Person(line(1000, 368, -150), depth=1)], seed=seed
    ),
    "overtaking": lambda seed: make_scene(
        [Person(line(150, 362, 190)), Person(line(350, 356, 110), depth=1)], seed=seed
    ),
    "hidden crossing": lambda seed: make_scene(
        [Person(line(200, 360, 100), height=230), Person(line(850, 362, -100), depth=1)], seed=seed
    ),
    "leave and return": lambda seed: make_scene(
        [Person(_there_and_back(1000, 2.2, 150, 360)), Person(line(300, 350, 30), height=170)], seed=seed
    ),
    "a third missing": lambda seed: make_scene(
        [Person(line(150 + 260 * k, 330 + 15 * k, 60 - 35 * k), depth=k) for k in range(4)], seed=seed, missing=0.33
    ),
    "15 people": lambda seed: make_scene(_crowd(seed), seed=seed),
    "5 frames a second": lambda seed: make_scene(
        [Person(line(200, 340, 120)), Person(line(1000, 365, -110), depth=1), Person(line(600, 420, 20), depth=-1)],
        seed=seed, fps=5, seconds=8,
    ),
    "panning camera": lambda seed: make_scene(
        [Person(line(300 + 150 * k, 330 + 12 * k, 40 - 20 * k), depth=k) for k in range(5)], seed=seed,
        camera=lambda t: 180 * np.sin(2.2 * t),
    ),
    "small and far": lambda seed: make_scene(
        [Person(line(300 + 45 * k, 300 + 6 * (k % 3), 12 - 6 * (k % 4)), height=40, depth=k) for k in range(8)],
        seed=seed, noise=0.02,
    ),
    "uneven times": lambda seed: make_scene(
        [Person(line(200, 350, 140)), Person(line(1000, 362, -130), depth=1), Person(_stands(640, 420), depth=-1)],
        seed=seed, uneven=True,
    ),
    "another size": lambda seed: make_scene(
        [Person(_stands(500, 400, end=2.0), height=160), Person(_stands(505, 380, start=2.8), height=250),
         Person(line(900, 360, -20))], seed=seed,
    ),
    "pillar": lambda seed: make_scene(
        [
            Person(lambda t: None if 2.0 < t < 2.9 else (640 - 130 * (2.45 - t), 360)),
            Person(lambda t: None if 2.0 < t < 2.9 else (640 + 130 * (2.45 - t), 364), height=190),
        ],
        seed=seed,
    ),
}  # fmt: skip
