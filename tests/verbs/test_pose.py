"""`rtm pose`, mostly on the demo clip that ships in the package."""

import io
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from rtmcli.cli.app import main
from rtmcli.media import open_media
from tests.helpers.shell import PYTHON, Shell
from tests.helpers.shell import records_of as records

DEMO = "demo --max-frames 6"
# Writes a grey image without anybody to the file that follows.
GREY = f"{PYTHON} -c 'import cv2, numpy, sys; cv2.imwrite(sys.argv[1], numpy.full((60, 80, 3), 99, numpy.uint8))'"


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


def test_appearance_adds_24_percentages_and_changes_nothing_else(pose) -> None:
    (plain,), (described,) = (pose("demo", "--max-frames", "1", *more) for more in ((), ("--appearance",)))
    values = [person.pop("appearance") for person in described["instances"]]
    assert described == plain and values
    assert all(len(value) == 24 and 96 <= sum(value[:12]) <= 104 for value in values)


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


def test_one_line_per_frame_with_all_keys_of_a_record(sh: Shell) -> None:
    done = sh(f"rtm pose {DEMO} | tee out.jsonl | rtm schema --check -")
    assert done.returncode == 0, done.stderr
    done = sh("cat out.jsonl")
    frames = records(done.stdout)
    assert [frame["frame"] for frame in frames] == list(range(6))
    assert all(frame["model"] == "rtmpose-t" and frame["skeleton"] == "coco17" for frame in frames)
    times = [frame["time"] for frame in frames]
    assert times == sorted(times) and times[0] == 0
    people = [person for frame in frames for person in frame["instances"]]
    assert people
    for person in people:
        assert person["label"] == "person" and 0.3 < person["score"] <= 1
        assert len(person["box"]) == 4 and len(person["keypoints"]) == 17


def test_jobs_change_no_byte(sh: Shell) -> None:
    done = sh(
        "rtm pose demo --max-frames 12 --det-every 4 --jobs 1 --threads 1 > one.jsonl && "
        "rtm pose demo --max-frames 12 --det-every 4 --jobs 3 --threads 1 > three.jsonl && "
        "cmp one.jsonl three.jsonl && wc -l < one.jsonl"
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) == 12


def test_options_come_from_the_environment(sh: Shell) -> None:
    done = sh("rtm pose demo --max-frames 1", RTM_MODEL="nothing-like-this")
    assert done.returncode == 4 and b"nothing-like-this" in done.stderr
    done = sh("rtm detect demo --max-frames 1", RTM_DETECTOR="rtmpose-t")
    assert done.returncode == 2 and b"a detector is needed" in done.stderr


def test_a_score_that_nobody_reaches_leaves_empty_frames(sh: Shell) -> None:
    done = sh(f"rtm pose {DEMO} --score 1")
    assert [frame["instances"] for frame in records(done.stdout)] == [[]] * 6


def test_the_library_writes_the_same_bytes(sh: Shell, tmp_path: Path) -> None:
    script = """
from rtmcli import Detector, Frame, TopDown, open_media, write_frames
find, pose = Detector(threads=1), TopDown(threads=1)
def frames():
    with open_media("demo", max_frames=6) as media:
        for p in media:
            people = pose([p.image], find([p.image]))[0]
            yield Frame(source=p.source, frame=p.frame, frames=p.frames, time=p.time, width=p.width, height=p.height,
                        skeleton=pose.card.skeleton, model=pose.card.name, instances=people)
write_frames(frames(), "-")
"""
    (tmp_path / "own.py").write_text(script)
    done = sh(
        f"{PYTHON} own.py > own.jsonl && rtm pose {DEMO} --threads 1 > verb.jsonl && cmp own.jsonl verb.jsonl"
    )
    assert done.returncode == 0, done.stderr + done.stdout


def test_two_sources_follow_each_other_and_each_line_names_its_own(sh: Shell) -> None:
    done = sh(f"{GREY} a.png && {GREY} b.png && rtm pose a.png b.png")
    assert done.returncode == 0, done.stderr
    assert [(f["source"], f["frame"], f["frames"], f["instances"]) for f in records(done.stdout)] == [
        ("a.png", 0, 1, []), ("b.png", 0, 1, []),
    ]  # fmt: skip


def test_records_whose_pixels_moved_find_them_with_media(sh: Shell) -> None:
    line = '{"source":"a.png","frame":0,"frames":1,"width":80,"height":60,"note":"kept",' + (
        '"instances":[{"box":[10,5,40,55],"id":4}]}'
    )
    done = sh(
        f"{GREY} a.png && mkdir there && mv a.png there && echo '{line}' > r.jsonl && rtm pose < r.jsonl"
    )
    assert done.returncode == 3 and b"a.png" in done.stderr
    done = sh("rtm pose --media there < r.jsonl")
    assert done.returncode == 0, done.stderr
    (frame,) = records(done.stdout)
    assert frame["note"] == "kept" and frame["instances"][0]["id"] == 4
    assert len(frame["instances"][0]["keypoints"]) == 17


def test_labelled_boxes_of_coco_get_keypoints(sh: Shell, tmp_path: Path) -> None:
    labels: dict[str, Any] = {
        "categories": [{"id": 1, "name": "person"}],
        "images": [{"id": 1, "file_name": "a.png", "width": 80, "height": 60}],
        "annotations": [
            {"bbox": [10, 5, 30, 50], "keypoints": [20, 20, 2] + [0] * 48, "num_keypoints": 1, "iscrowd": 0},
            {"bbox": [1, 1, 30, 50], "keypoints": [0] * 51, "num_keypoints": 0, "iscrowd": 0},
            {"bbox": [0, 0, 80, 60], "keypoints": [0] * 51, "num_keypoints": 0, "iscrowd": 1},
        ],
    }
    for number, annotation in enumerate(labels["annotations"]):
        annotation |= {"id": number, "image_id": 1, "category_id": 1}
    (tmp_path / "labels.json").write_text(json.dumps(labels))
    done = sh(f"{GREY} a.png && rtm pose . --boxes labels.json")
    assert done.returncode == 0, done.stderr
    (frame,) = records(done.stdout)
    assert [person["box"] for person in frame["instances"]] == [[10, 5, 40, 55]]


@pytest.mark.parametrize(
    ("command", "code", "says"),
    [
        ("rtm pose demo --boxes x.json --media y.mp4", 2, b"--media"),
        ("rtm pose --det-every 3 < /dev/null", 2, b"--det-every"),
        ("rtm pose demo --engine abacus", 2, b"abacus"),
        ("rtm pose demo --device cuda", 4, b"--device cpu"),
        ("rtm pose demo --precision float16", 2, b"float16"),
        ("rtm pose nowhere.mp4", 3, b"nowhere.mp4"),
        ("rtm detect demo nowhere.mp4", 3, b"nowhere.mp4"),
        ("rtm pose demo --det-size big", 2, b"--det-size"),
        ("rtm pose demo --pose-nms high", 2, b"--pose-nms"),
    ],
)
def test_what_cannot_be_done_is_one_line_and_no_record(
    sh: Shell, command: str, code: int, says: bytes
) -> None:
    done = sh(command)
    assert done.returncode == code, done.stderr
    assert says in done.stderr and done.stderr.count(b"\n") == 1
    assert done.stdout == b""


def test_the_bundled_models_find_the_people_of_the_demo_clip(sh: Shell, tmp_path: Path) -> None:
    done = sh("rtm pose demo --every 10 --draw drawn.mp4")
    frames = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 0 and [f["frame"] for f in frames] == list(range(0, 250, 10))
    assert {f["source"] for f in frames} == {"demo"}
    assert all(any(person["score"] > 0.4 for person in f["instances"]) for f in frames)
    assert len(frames[0]["instances"]) >= 2  # both photographs are in view
    drawn = list(open_media(tmp_path / "drawn.mp4"))
    assert len(drawn) == 25 and abs((drawn[-1].time or 0) - 9.6) < 1e-3


def test_pose_imports_no_torch(sh: Shell) -> None:
    done = sh(
        f"{PYTHON} -c \"import sys; from rtmcli.cli.app import main; main(['pose', 'demo', '--max-frames', '1']); "
        "assert not set(['torch', 'scipy', 'onnx', 'openvino', 'pycocotools']) & set(sys.modules), 'too much'\""
    )
    assert done.returncode == 0, done.stderr
