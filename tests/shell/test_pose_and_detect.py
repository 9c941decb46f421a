"""`rtm detect` and `rtm pose` through real pipes, on the demo clip that ships in the package."""

import json
import shlex
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.shell import Shell

DEMO = "demo --max-frames 6"
PYTHON = shlex.quote(sys.executable)
# Writes a grey picture without anybody to the file that follows.
GREY = f"{PYTHON} -c 'import cv2, numpy, sys; cv2.imwrite(sys.argv[1], numpy.full((60, 80, 3), 99, numpy.uint8))'"


def records(stdout: bytes) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stdout.splitlines()]


def test_one_line_a_frame_with_everything_the_record_promises(sh: Shell) -> None:
    done = sh(f"rtm pose {DEMO} | tee out.jsonl | rtm schema --check -")
    assert done.returncode in (0, 3), done.stderr  # cut by --max-frames, which the check may mention
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


def test_detect_piped_into_pose_is_pose(sh: Shell) -> None:
    done = sh(
        f"rtm detect {DEMO} | rtm pose > two.jsonl && rtm pose {DEMO} > one.jsonl && cmp one.jsonl two.jsonl"
    )
    assert done.returncode == 0, done.stderr + done.stdout


def test_jobs_change_the_speed_and_no_byte(sh: Shell) -> None:
    done = sh(
        "rtm pose demo --max-frames 12 --det-every 4 --jobs 1 --threads 1 > one.jsonl && "
        "rtm pose demo --max-frames 12 --det-every 4 --jobs 3 --threads 1 > three.jsonl && "
        "cmp one.jsonl three.jsonl && wc -l < one.jsonl"
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) == 12


def test_pose_track_is_pose_piped_into_track(sh: Shell) -> None:
    done = sh(
        f"rtm pose {DEMO} --track > a.jsonl && rtm pose {DEMO} | rtm track > b.jsonl && cmp a.jsonl b.jsonl"
    )
    assert done.returncode == 0, done.stderr


def test_options_come_from_the_environment(sh: Shell) -> None:
    done = sh("rtm pose demo --max-frames 1", RTM_MODEL="nothing-like-this")
    assert done.returncode == 4 and b"nothing-like-this" in done.stderr
    done = sh("rtm detect demo --max-frames 1", RTM_DETECTOR="rtmpose-t")
    assert done.returncode == 2 and b"rtmpose-t poses boxes" in done.stderr


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


def test_a_file_cut_short_gives_its_frames_and_then_exit_code_3(sh: Shell) -> None:
    make = """
import av, numpy as np
with av.open("whole.mkv", "w") as out:
    stream = out.add_stream("mpeg4", rate=10)
    stream.width, stream.height, stream.pix_fmt, stream.gop_size = 160, 120, "yuv420p", 5
    rng = np.random.default_rng(0)
    for _ in range(40):
        frame = av.VideoFrame.from_ndarray(rng.integers(0, 256, (120, 160, 3), np.uint8), format="bgr24")
        out.mux(stream.encode(frame))
    out.mux(stream.encode())
data = open("whole.mkv", "rb").read()
open("cut.mkv", "wb").write(data[: len(data) // 2])
"""
    done = sh(f"{PYTHON} -c '{make}' && rtm detect cut.mkv")
    assert done.returncode == 3
    assert b"cut.mkv" in done.stderr and done.stderr.count(b"\n") == 1
    assert 10 <= len(records(done.stdout)) < 40
    done = sh("rtm detect cut.mkv --on-error skip")
    assert done.returncode == 0 and 10 <= len(records(done.stdout)) < 40


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


def test_pose_imports_no_torch(sh: Shell) -> None:
    done = sh(
        f"{PYTHON} -c \"import sys; from rtmcli.cli.app import main; main(['pose', 'demo', '--max-frames', '1']); "
        "assert not set(['torch', 'scipy', 'onnx', 'openvino', 'pycocotools']) & set(sys.modules), 'too much'\""
    )
    assert done.returncode == 0, done.stderr
