"""`rtm convert` as it is typed."""

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from rtmcli.cli.app import main
from tests.helpers.tiny_models import tiny_pose_onnx

POINTS = [[float(i), float(2 * i), 0.9] for i in range(133)]


def rtm(*arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "rtmcli", *arguments], input=stdin, capture_output=True, text=True, timeout=60
    )


def record(number: int, *, skeleton: str | None = "coco133", extra: dict[str, object] | None = None) -> str:
    person = {"id": 3, "box": [0, 0, 200, 300], "score": 0.9, "keypoints": POINTS, "mood": "good"}
    frame = {
        "source": "v.mp4",
        "frame": number,
        "time": number / 25,
        "skeleton": skeleton,
        "instances": [person],
    }
    return (
        json.dumps({key: value for key, value in (frame | (extra or {})).items() if value is not None}) + "\n"
    )


def test_points_change_their_skeleton_and_unknown_keys_stay() -> None:
    run = rtm("convert", "--skeleton", "halpe26", stdin=record(0, extra={"camera": "left"}))
    assert run.returncode == 0, run.stderr
    frame = json.loads(run.stdout)
    assert (frame["skeleton"], frame["camera"], frame["instances"][0]["mood"]) == ("halpe26", "left", "good")
    points = frame["instances"][0]["keypoints"]
    assert len(points) == 26
    assert points[:17] == POINTS[:17] and points[17] is None and points[20] == POINTS[17]


def test_hands_go_out_and_come_back_through_pipes(tmp_path: Path) -> None:
    whole = record(0) + record(1)
    (tmp_path / "whole.jsonl").write_text(whole)
    boxes = rtm("convert", "--boxes-from", "lefthand,righthand", str(tmp_path / "whole.jsonl"))
    assert boxes.returncode == 0, boxes.stderr
    frames = [json.loads(line) for line in boxes.stdout.splitlines()]
    assert [one["part"] for one in frames[0]["instances"]] == ["lefthand", "righthand"]
    assert {one["id"] for frame in frames for one in frame["instances"]} == {3}
    for frame in frames:  # what rtm pose --model rtmpose-m-hand21 adds
        frame["skeleton"] = "hand21"
        for one in frame["instances"]:
            one["keypoints"] = [[500.0, 600.0, 0.5]] * 21
    (tmp_path / "hands.jsonl").write_text("".join(json.dumps(frame) + "\n" for frame in frames))
    merged = rtm("convert", "--merge", str(tmp_path / "hands.jsonl"), stdin=whole)
    assert merged.returncode == 0, merged.stderr
    for line in merged.stdout.splitlines():
        points = json.loads(line)["instances"][0]["keypoints"]
        assert points[:91] == POINTS[:91]
        assert points[91:] == [[500.0, 600.0, 0.5]] * 42


def test_a_hand_model_refines_the_hands_of_a_whole_body(tmp_path: Path) -> None:
    """coco133 -> hand21 -> coco133 through the real verbs; this hand model puts every point in the middle."""
    picture, model = tmp_path / "people.png", tmp_path / "rtmpose-m_hand21_256x256.onnx"
    cv2.imwrite(str(picture), np.zeros((480, 640, 3), np.uint8))
    model.write_bytes(tiny_pose_onnx(keypoints=21, width=256, height=256))
    people = [
        {"box": [0, 0, 300, 400], "score": 0.9, "keypoints": [[x + i, 20.0 + 2 * i, 0.9] for i in range(133)]}
        for x in (10.0, 300.0)
    ]
    whole = {
        "source": str(picture),
        "frame": 0,
        "frames": 1,
        "width": 640,
        "height": 480,
        "skeleton": "coco133",
    }
    (tmp_path / "whole.jsonl").write_text(json.dumps(whole | {"instances": people}) + "\n")
    boxes = rtm("convert", "--boxes-from", "lefthand,righthand", str(tmp_path / "whole.jsonl"))
    hands = rtm("pose", "--model", str(model), stdin=boxes.stdout)
    assert hands.returncode == 0, hands.stderr
    refined = json.loads(hands.stdout)
    assert refined["skeleton"] == "hand21"
    assert [(one["part"], one["of"]) for one in refined["instances"]] == [
        (part, person) for person in (0, 1) for part in ("lefthand", "righthand")
    ]
    (tmp_path / "hands.jsonl").write_text(hands.stdout)
    merged = json.loads(
        rtm("convert", "--merge", str(tmp_path / "hands.jsonl"), str(tmp_path / "whole.jsonl")).stdout
    )
    assert merged["skeleton"] == "coco133"
    for before, after in zip(people, merged["instances"], strict=True):
        assert after["keypoints"][:91] == before["keypoints"][:91]
        for first in (91, 112):
            x, y, _ = before["keypoints"][first + 10]  # the middle of a hand on a line
            np.testing.assert_allclose(after["keypoints"][first : first + 21], [[x, y, 0.75]] * 21, atol=1e-3)


@pytest.mark.parametrize("form", ["csv", "mmpose", "coco"])
def test_every_format_of_one_file_is_read_back(form: str, tmp_path: Path) -> None:
    out = rtm("convert", "--to", form, "-o", str(tmp_path / "walk"), stdin=record(0) + record(1))
    assert out.returncode == 0, out.stderr
    back = rtm("convert", "--from", form, str(tmp_path / "walk"))
    assert back.returncode == 0, back.stderr
    frames = [json.loads(line) for line in back.stdout.splitlines()]
    assert [frame["instances"][0]["keypoints"] for frame in frames] == [POINTS, POINTS] or form != "csv"
    assert all(len(frame["instances"][0]["keypoints"]) == 133 for frame in frames)
    assert all(frame["instances"][0]["keypoints"][5] == POINTS[5] for frame in frames)


@pytest.mark.parametrize(
    ("name", "package"),
    [
        ("walk.parquet", "pyarrow"),
        ("walk.parquet/", "pyarrow"),
        ("walk.slp", "sleap_io"),
        ("walk.h5", "tables"),
    ],
)
def test_the_extension_names_the_format_of_both_sides(
    name: str, package: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "walk.jsonl").write_text(record(0) + record(1))
    code = main(["convert", str(tmp_path / "walk.jsonl"), "-o", f"{tmp_path}/{name}"])
    if importlib.util.find_spec(package) is None:
        said = capsys.readouterr().err
        assert code == 4 and "pip install 'rtmcli[" in said and said.count("\n") == 1
        assert not (tmp_path / name).exists()
        return
    assert code == 0
    assert main(["convert", str(tmp_path / name), "-o", str(tmp_path / "back.jsonl")]) == 0
    frames = [json.loads(line) for line in (tmp_path / "back.jsonl").read_text().splitlines()]
    assert [(frame["frame"], frame["skeleton"]) for frame in frames] == [(0, "coco133"), (1, "coco133")]
    assert [frame["instances"][0]["keypoints"] for frame in frames] == [POINTS, POINTS]


def test_a_folder_is_openposes(tmp_path: Path) -> None:
    out = rtm("convert", "--to", "openpose", "-o", str(tmp_path / "op"), stdin=record(0) + record(1))
    assert out.returncode == 0, out.stderr
    back = rtm("convert", str(tmp_path / "op"))
    frames = [json.loads(line) for line in back.stdout.splitlines()]
    assert [(frame["source"], frame["frame"], frame["skeleton"]) for frame in frames] == [
        ("v", 0, "coco133"),
        ("v", 1, "coco133"),
    ]


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["--to", "openpose"], 2, "name a folder with -o FOLDER"),
        (["--skeleton", "coco71"], 2, "no such skeleton 'coco71'"),
        (["--skeleton", "ap10k17"], 2, "cannot become ap10k17"),
        (["--boxes-from", "tail"], 2, "has no part 'tail'"),
        (["--boxes-from", "face", "--merge", "x"], 2, "give one of them"),
        (["--from", "coco"], 2, "needs a file or folder by name"),
        (["--labels", "x"], 2, "--labels has no effect without --from coco"),
        (["--from", "mmpose", "nowhere.json"], 3, "cannot read nowhere.json"),
    ],
)
def test_what_cannot_be_is_one_sentence(arguments: list[str], code: int, said: str) -> None:
    run = rtm("convert", *arguments, stdin=record(0))
    assert run.returncode == code
    assert said in run.stderr and run.stderr.startswith("rtm convert: ") and run.stderr.count("\n") == 1
    assert "Traceback" not in run.stderr


def test_what_a_format_does_not_hold_is_said(tmp_path: Path) -> None:
    stdin = record(0, extra={"width": 640, "height": 480})
    run = rtm("convert", "--to", "openpose", "-o", str(tmp_path), stdin=stdin)
    said = "rtm convert: openpose does not hold times, image sizes, boxes and scores of people\n"
    assert (run.returncode, run.stderr) == (0, said)
    assert rtm("convert", "-q", "--to", "openpose", "-o", str(tmp_path), stdin=stdin).stderr == ""
    assert rtm("convert", "--to", "csv", stdin=stdin).stderr == ""
    run = rtm("convert", "--to", "dlc", "-o", str(tmp_path / "a.csv"), stdin=stdin.replace("0.9]", "1.25]"))
    assert run.stderr.splitlines()[1] == (
        "rtm convert: dlc holds scores from 0 to 1: those of keypoints beyond are clipped"
    )


def test_records_without_a_skeleton_name_the_flag() -> None:
    run = rtm("convert", "--skeleton", "coco17", stdin=record(0, skeleton=None))
    assert run.returncode == 3 and "--source-skeleton" in run.stderr
    run = rtm(
        "convert", "--skeleton", "coco17", "--source-skeleton", "coco133", stdin=record(0, skeleton=None)
    )
    assert json.loads(run.stdout)["skeleton"] == "coco17"


def test_an_empty_stream_and_empty_frames_pass() -> None:
    assert rtm("convert", "--skeleton", "coco17", stdin="").stdout == ""
    empty = '{"source":"v.mp4","frame":0,"skeleton":"coco133","instances":[]}\n'
    assert json.loads(rtm("convert", "--skeleton", "coco17", stdin=empty).stdout)["skeleton"] == "coco17"
    assert json.loads(rtm("convert", "--to", "coco", stdin=empty).stdout) == []


@pytest.mark.parametrize(
    "arguments", [["--skeleton", "coco17"], ["--boxes-from", "face"], ["--to", "csv"], ["--to", "coco"]]
)
def test_converting_imports_no_heavy_package(arguments: list[str], tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text(record(0))
    script = (
        "from rtmcli.cli.app import main\n"
        f"assert main(['convert', {str(tmp_path / 'a.jsonl')!r}, *{arguments!r}]) == 0\n"
        "import sys; assert not {'cv2', 'torch', 'scipy', 'onnxruntime', 'av'} & set(sys.modules), sys.modules.keys()"
    )
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)
    assert run.returncode == 0, run.stderr
