"""Two people who move, one slowly and one in jerks, with everything that goes wrong with filmed poses."""

from dataclasses import dataclass

import numpy as np

from rtmcli import Frame, Instance
from tests.helpers.track_scenes import FIGURE

HEIGHT = 200.0  # pixels
# How far each keypoint of coco17 swings sideways, in body heights.
SWING = np.array([0, 0, 0, 0, 0, 0, 0, -.05, .05, -.12, .12, 0, 0, .06, -.06, .15, -.15])  # fmt: skip


@dataclass(frozen=True)
class Recording:
    """Noisy frames; the truth (N, 2, 17, 2) pixels; where legs are exchanged and where a person is unseen, (N, 2)."""

    frames: list[Frame]
    truth: np.ndarray
    exchanged: np.ndarray
    unseen: np.ndarray


def record(
    seed: int,
    *,
    count: int = 600,
    fps: float = 30,
    noise: float = 0.01,
    outliers: float = 0.03,
    exchanged: float = 0.08,
) -> Recording:
    """A recording with noise (body heights), outliers (share), exchanged legs (share of frames) and gaps of 0.4 s."""
    rng = np.random.default_rng(seed)
    times = np.arange(count) / fps
    truth = np.stack([[_slow(t), _jerky(t)] for t in times])
    swapped, unseen = np.zeros((count, 2), bool), np.zeros((count, 2), bool)
    for person in range(2):
        while swapped[:, person].mean() < exchanged:
            start = rng.integers(0, count)
            swapped[start : start + rng.integers(1, 8), person] = True
        for start in (100 + 50 * person, 350 + 20 * person, 480):
            unseen[start : start + round(0.4 * fps), person] = True
    swapped &= ~unseen
    frames = []
    for k, time in enumerate(times):
        people = []
        for person in np.flatnonzero(~unseen[k]):
            points = truth[k, person] + rng.normal(0, noise * HEIGHT, (17, 2))
            wrong = rng.random(17) < outliers
            points[wrong] += rng.normal(0, 0.3 * HEIGHT, (wrong.sum(), 2))
            if swapped[k, person]:
                points[[13, 14, 15, 16]] = points[[14, 13, 16, 15]]
            low, high = truth[k, person].min(axis=0) - 6, truth[k, person].max(axis=0) + 6
            box = np.concatenate([low, high]) + rng.normal(0, 2, 4)
            keypoints = np.concatenate([points, np.full((17, 1), 0.8)], axis=1).astype(np.float32)
            people.append(
                Instance(
                    id=int(person) + 1,
                    label="person",
                    box=box.astype(np.float32),
                    score=0.9,
                    keypoints=keypoints,
                )
            )
        frames.append(
            Frame("gait", k, time=float(time), width=1280, height=720, skeleton="coco17", instances=people)
        )
    return Recording(frames, truth, swapped, unseen)


def _slow(time: float) -> np.ndarray:
    sway = np.zeros((17, 2))
    sway[:, 0] = SWING * HEIGHT * np.sin(2 * np.pi * 0.7 * time)
    return np.asarray(FIGURE * HEIGHT + sway + [300 + 30 * time, 360 + 6 * np.sin(2 * np.pi * 1.4 * time)])


def _jerky(time: float) -> np.ndarray:
    phase = np.sin(2 * np.pi * 0.5 * time)
    sway = np.zeros((17, 2))
    sway[:, 0] = SWING * HEIGHT * np.clip(3 * phase, -1, 1)
    return np.asarray(FIGURE * HEIGHT + sway + [800 + 40 * np.sin(2 * np.pi * 0.35 * time), 360])
