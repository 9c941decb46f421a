"""`rtm nms` through its own command line."""

import json
from pathlib import Path

import numpy as np
import pytest

from rtmcli.cli.app import main


def frame_of(*people: tuple[float, float], skeleton: str | None = "coco17") -> str:
    """One line with a person per (shift in pixels, score); all have the same pose."""
    pose = np.random.default_rng(0).uniform(0, 200, (17, 2))
    instances = [
        {
            "label": "person",
            "box": [shift, 0, 200 + shift, 200],
            "score": score,
            "keypoints": np.column_stack([pose + shift, np.full(17, 0.9)]).tolist(),
        }
        for shift, score in people
    ]
    frame = {"source": "a", "frame": 0, "instances": instances}
    return json.dumps(frame if skeleton is None else {**frame, "skeleton": skeleton}) + "\n"


@pytest.fixture
def scores_left(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    """Run `rtm nms` on one line and return the scores of the instances that are left."""

    def run(text: str, *options: str) -> list[float]:
        file = tmp_path / "in.jsonl"
        file.write_text(text)
        assert main(["nms", str(file), *options]) == 0
        return [person["score"] for person in json.loads(capsys.readouterr().out)["instances"]]

    return run


def test_the_worse_of_two_equal_poses_is_dropped(scores_left) -> None:
    assert scores_left(frame_of((0, 0.5), (0, 0.8), (400, 0.6))) == pytest.approx([0.8, 0.6])


def test_a_lower_oks_drops_poses_that_are_less_similar(scores_left) -> None:
    beside = frame_of((0, 0.8), (12, 0.5))
    assert scores_left(beside) == pytest.approx([0.8, 0.5])
    assert scores_left(beside, "--oks", "0.1") == pytest.approx([0.8])


def test_records_without_a_skeleton_need_its_name(tmp_path: Path, scores_left, capsys) -> None:
    nameless = frame_of((0, 0.5), (0, 0.8), skeleton=None)
    assert scores_left(nameless, "--skeleton", "coco17") == pytest.approx([0.8])
    (tmp_path / "in.jsonl").write_text(nameless)
    assert main(["nms", str(tmp_path / "in.jsonl")]) == 3
    assert "--skeleton" in capsys.readouterr().err
