"""The tracker on real pedestrians: no worse than the figures of docs/tracking.md."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from rtmcli import Frame, Tracker, fill_gaps, track_offline
from rtmcli.formats.motchallenge import read_motchallenge
from rtmcli.metrics.evaluate_tracks import evaluate_tracks

Track = Callable[[Iterable[Frame]], Iterable[Frame]]


def online(frames: Iterable[Frame]) -> Iterable[Frame]:
    return map(Tracker(), frames)


def offline(frames: Iterable[Frame]) -> Iterable[Frame]:
    return fill_gaps(track_offline(frames), 1.0)


def figures(folder: Path, track: Track) -> dict[str, float]:
    frames = (
        replace(frame, time=frame.frame / 25 if frame.time is None else frame.time, instances=people)
        for frame in read_motchallenge(folder / "det.txt")
        for people in [[replace(instance, id=None) for instance in frame.instances]]
    )
    return evaluate_tracks(read_motchallenge(folder / "gt.txt"), track(frames))[0].figures()


@pytest.mark.parametrize(("track", "hota", "switches"), [(online, 0.51, 45), (offline, 0.61, 30)])
def test_a_street_before_a_walking_camera(data_dir: Path, track: Track, hota: float, switches: int) -> None:
    found = figures(data_dir / "tracks" / "MOT17-05", track)
    assert found["HOTA"] >= hota and found["IDSW"] <= switches


@pytest.mark.slow
@pytest.mark.parametrize(("track", "hota", "switches"), [(online, 0.528, 120), (offline, 0.64, 100)])
def test_all_four_sequences(data_dir: Path, track: Track, hota: float, switches: int) -> None:
    found = [figures(file.parent, track) for file in (data_dir / "tracks").glob("*/det.txt")]
    assert len(found) == 4 and np.mean([each["HOTA"] for each in found]) >= hota
    assert sum(each["IDSW"] for each in found) <= switches
