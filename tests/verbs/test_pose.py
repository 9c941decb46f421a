"""`rtm pose` through its own command line, on the demo clip."""

import io
import json
import sys

import pytest

from rtmcli.cli.app import main


@pytest.fixture
def pose(capsys: pytest.CaptureFixture[str]):
    """Run `rtm pose` and return the frames that come out."""

    def run(*arguments: str) -> list[dict]:
        assert main(["pose", *arguments]) == 0
        return [json.loads(line) for line in capsys.readouterr().out.splitlines()]

    return run


def test_every_person_has_the_keypoints_of_the_models_skeleton(pose) -> None:
    frames = pose("demo", "--max-frames", "2")
    assert [frame["frame"] for frame in frames] == [0, 1]
    for frame in frames:
        assert (frame["skeleton"], frame["model"]) == ("coco17", "rtmpose-t") and frame["instances"]
        assert all(len(person["keypoints"]) == 17 for person in frame["instances"])


def test_between_detections_boxes_come_from_the_last_keypoints(pose) -> None:
    each, some = pose("demo", "--max-frames", "3"), pose("demo", "--max-frames", "3", "--det-every", "3")
    assert some[0] == each[0]
    boxes = [[person["box"] for person in frames[1]["instances"]] for frames in (each, some)]
    assert boxes[1] and boxes[0] != boxes[1]


def test_track_gives_ids_that_stay(pose) -> None:
    first, second = pose("demo", "--max-frames", "2", "--track")
    numbers = [person["id"] for person in first["instances"]]
    assert numbers and numbers[0] == 1 and set(numbers) & {person["id"] for person in second["instances"]}


def test_flip_test_changes_keypoints_but_no_box(pose) -> None:
    (plain,), (flipped,) = pose("demo", "--max-frames", "1"), pose("demo", "--max-frames", "1", "--flip-test")
    for one, other in zip(plain["instances"], flipped["instances"], strict=True):
        assert one["box"] == other["box"] and one["keypoints"] != other["keypoints"]


def test_records_with_boxes_get_keypoints(pose, monkeypatch: pytest.MonkeyPatch) -> None:
    (expected,) = pose("demo", "--max-frames", "1")
    boxes = {
        **expected,
        "instances": [
            {key: value for key, value in person.items() if key != "keypoints"}
            for person in expected["instances"]
        ],
    }
    stdin = io.TextIOWrapper(io.BytesIO(json.dumps(boxes).encode() + b"\n"))
    monkeypatch.setattr(sys, "stdin", stdin)
    (found,) = pose()
    assert found["instances"] == expected["instances"]


def test_a_model_that_does_not_exist_is_an_error_with_a_suggestion(capsys) -> None:
    assert main(["pose", "demo", "--model", "rtmpose-mm"]) == 4
    assert "rtmpose-m" in capsys.readouterr().err
