"""`rtm smooth` through its own command line."""

import json
from pathlib import Path

import numpy as np
import pytest

from rtmcli.cli.app import main


def jitter(frames: int = 60, *, person: int | None = 7) -> str:
    """Lines of a person who stands still and whose keypoints tremble by some pixels."""
    random = np.random.default_rng(0)
    lines = []
    for number in range(frames):
        points = np.full((17, 3), [100.0, 200.0, 0.9]) + np.append(random.normal(0, 3, 2), 0)
        one = {"label": "person", "box": [50, 100, 150, 300], "score": 0.9, "keypoints": points.tolist()}
        if person is not None:
            one = {"id": person, **one}
        frame = {
            "source": "a",
            "frame": number,
            "time": number / 30,
            "skeleton": "coco17",
            "instances": [one],
        }
        lines.append(json.dumps(frame))
    return "\n".join(lines) + "\n"


@pytest.fixture
def smooth(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    """Run `rtm smooth` on records and return the frames that come out."""

    def run(text: str, *options: str) -> list[dict]:
        file = tmp_path / "in.jsonl"
        file.write_text(text)
        assert main(["smooth", str(file), *options]) == 0
        return [json.loads(line) for line in capsys.readouterr().out.splitlines()]

    return run


def spread(frames: list[dict]) -> float:
    """Standard deviation of the first keypoint's x, in pixels, after the filter has settled."""
    return float(np.std([frame["instances"][0]["keypoints"][0][0] for frame in frames[20:]]))


def test_a_lower_cutoff_leaves_less_jitter(smooth) -> None:
    before = spread([json.loads(line) for line in jitter().splitlines()])
    usual, strong = spread(smooth(jitter())), spread(smooth(jitter(), "--min-cutoff", "0.2", "--beta", "0"))
    assert strong < usual < before


def test_scores_and_ids_stay_as_they_were(smooth) -> None:
    (person,) = smooth(jitter())[-1]["instances"]
    assert person["id"] == 7 and person["score"] == pytest.approx(0.9)
    assert [point[2] for point in person["keypoints"]] == pytest.approx([0.9] * 17)


def test_people_without_an_id_get_one(smooth) -> None:
    assert {frame["instances"][0]["id"] for frame in smooth(jitter(5, person=None))} == {1}


def test_an_unknown_filter_is_an_error_that_names_the_one_there_is(capsys) -> None:
    assert main(["smooth", "--filter", "kalman"]) == 2
    assert "oneeuro" in capsys.readouterr().err
