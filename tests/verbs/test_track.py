"""`rtm track` through its own command line."""

import json
from pathlib import Path

import pytest

from rtmcli.cli.app import main


def records(*places: float | None, step: float = 0.1) -> str:
    """Lines of a person who stands at x = place in each frame, `step` seconds apart; None: nobody is there."""
    lines = []
    for number, x in enumerate(places):
        people = (
            [] if x is None else [{"id": 99, "label": "person", "box": [x, 0, x + 50, 100], "score": 0.9}]
        )
        lines.append(json.dumps({"source": "a", "frame": number, "time": number * step, "instances": people}))
    return "\n".join(lines) + "\n"


def ids(text: str) -> list[int | None]:
    return [
        instances[0]["id"] if instances else None
        for instances in (json.loads(line)["instances"] for line in text.splitlines())
    ]


@pytest.fixture
def track(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    """Run `rtm track` on records and return the ids that come out."""

    def run(text: str, *options: str) -> list[int | None]:
        file = tmp_path / "in.jsonl"
        file.write_text(text)
        assert main(["track", str(file), *options]) == 0
        return ids(capsys.readouterr().out)

    return run


def test_ids_start_at_1_and_those_that_came_in_are_replaced(track) -> None:
    assert track(records(0, 5, 10)) == [1, 1, 1]


def test_a_person_unseen_for_longer_than_max_gap_gets_a_new_id(track) -> None:
    gone_for_half_a_second = records(0, *[None] * 5, 0)
    assert track(gone_for_half_a_second) == [1, None, None, None, None, None, 1]
    assert track(gone_for_half_a_second, "--max-gap", "0.2")[-1] == 2


def test_a_threshold_that_no_overlap_reaches_ends_the_track_of_a_jump(track) -> None:
    half_a_box_aside = records(0, 0, 25)
    assert track(half_a_box_aside, "--threshold", "0.2")[-1] == 1
    assert len(track(half_a_box_aside, "--threshold", "0.99")) == 3


def test_boxes_without_poses_are_tracked_by_oks_too(track) -> None:
    assert track(records(0, 2, 4), "--method", "oks") == [1, 1, 1]


def test_a_method_that_does_not_exist_is_an_error_that_names_the_choices(capsys) -> None:
    assert main(["track", "--method", "hungarian"]) == 2
    message = capsys.readouterr().err
    assert "--method" in message and "iou" in message and "oks" in message
