"""The tracker on synthetic scenes with known identities: crossings, gaps, crowds, a moving camera."""

import numpy as np
import pytest

from rtmcli import Tracker
from rtmcli.metrics.clear import clear
from rtmcli.metrics.identity import identity
from rtmcli.metrics.tracks import TrackSequence, make_sequence
from tests.helpers.track_scenes import SCENES, Scene

SEEDS = range(3)


def tracked(scene: Scene, tracker: Tracker) -> TrackSequence:
    frames = []
    for frame, who in zip(scene.frames, scene.who, strict=True):
        ids = [instance.id for instance in tracker(frame).instances]
        known = [(k, number) for k, number in enumerate(ids) if number is not None]
        same = np.array([[float(row == k) for k, _ in known] for row in range(len(who))])
        frames.append((who, [number for _, number in known], same))
    return make_sequence("scene", frames)


@pytest.mark.parametrize("method", ["auto", "iou"])
@pytest.mark.parametrize("name", [name for name in SCENES if name != "leave and return"])
def test_people_keep_their_ids_in_a_scene(name: str, method: str) -> None:
    sequences = [tracked(SCENES[name](seed), Tracker(method)) for seed in SEEDS]  # type: ignore[arg-type]
    assert min(identity(s).figures()["IDF1"] for s in sequences) >= 0.95
    assert sum(clear(s).idsw for s in sequences) <= 6
