"""An option that changes nothing is an error that names it, the reason and the remedy: for every verb.

Exceptions, on purpose: --jobs, --threads and --batch-frames with a single image (they say how, not what), and options
set in the environment or in config.toml, which stand for other runs of the verb too.
"""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from rtmcli.cli.app import main
from rtmcli.zoo.card import Card
from rtmcli.zoo.metadata import append_card
from tests.helpers.clips import write_clip
from tests.helpers.tiny_models import tiny_detector_onnx, tiny_onestage_onnx

RECORD = '{"source":"a.png","frame":0,"frames":1,"skeleton":"coco17","instances":[]}\n'
TIMED = '{"source":"clip.mp4","frame":0,"frames":6,"time":0.0,"instances":[]}\n'

# The command, the option that is named, words of the reason.
CASES = [
    # Sources: a camera has neither jobs nor damage, an image file is a source of one frame.
    ("detect 99 --jobs 2", "--jobs", "camera or live stream"),
    ("detect rtsp://nowhere/a --batch-frames 2", "--batch-frames", "camera or live stream"),
    ("pose 99 --jobs 2", "--jobs", "camera or live stream"),
    ("detect 99 --on-error skip", "--on-error", "camera"),
    ("detect 99 --fps 5", "--fps", "none of them"),
    ("detect clip.mp4 --fps 5", "--fps", "none of them"),
    ("detect a.png b.png --every 2", "--every", "name their folder or a quoted glob"),
    ("detect a.png b.png --max-frames 1", "--max-frames", "name their folder or a quoted glob"),
    ("pose a.png --det-every 3", "--det-every", "name their folder or a quoted glob"),
    ("detect a.png --start 1", "--start", "--fps"),
    ("detect a.png --end 1", "--start and --end", "--fps"),
    # Engines and models.
    ("detect a.png --engine tensorrt --threads 2", "--threads", "GPU"),
    ("detect a.png --detector fixed.onnx --det-size 640x640", "--det-size", "takes images of 64x64"),
    ("detect a.png --detector fixed.onnx --family yolox", "--family", "it is of the family rtmdet"),
    ("pose a.png --size 128x128", "--size", "takes images of 192x256"),
    ("pose a.png --skeleton halpe26", "--skeleton", "its skeleton is coco17"),
    ("pose a.png --detector fixed.onnx --det-size 640x640", "--det-size", "takes images of 64x64"),
    ("pose a.png --detector fixed.onnx --family yolox", "--family", "it is of the family rtmdet"),
    # A one-stage model has no detector, and no crop to mirror.
    ("pose clip.mp4 --model rtmo.onnx --detector rtmdet-nano", "--detector", "one-stage model"),
    ("pose clip.mp4 --model rtmo.onnx --det-size 64x64", "--det-size", "one-stage model"),
    ("pose clip.mp4 --model rtmo.onnx --family yolox", "--family", "one-stage model"),
    ("pose clip.mp4 --model rtmo.onnx --tiles 2x2", "--tiles", "one-stage model"),
    ("pose clip.mp4 --model rtmo.onnx --det-classes person", "--det-classes", "one-stage model"),
    ("pose clip.mp4 --model rtmo.onnx --flip-test", "--flip-test", "one-stage model"),
    ("pose clip.mp4 --model rtmo.onnx --det-every 2", "--det-every", "one-stage model"),
    # Boxes that are given: by a file, or by records on standard input.
    ("pose . --boxes labels.json --detector rtmdet-nano", "--detector", "boxes are given"),
    ("pose . --boxes labels.json --det-every 2", "--det-every", "boxes are given"),
    ("pose . --boxes labels.json --det-size 640x640", "--det-size", "boxes are given"),
    ("pose . --boxes labels.json --family yolox", "--family", "boxes are given"),
    ("pose . --boxes labels.json --tiles 2x2", "--tiles", "boxes are given"),
    ("pose . --boxes labels.json --nms 0.5", "--nms", "boxes are given"),
    ("pose . --boxes labels.json --every 2", "--every", "which frames to read"),
    ("pose . --boxes labels.json --start 1", "--start", "which frames to read"),
    ("pose . --boxes labels.json --end 1", "--end", "which frames to read"),
    ("pose . --boxes labels.json --max-frames 2", "--max-frames", "which frames to read"),
    ("pose . --boxes labels.json --on-error skip", "--on-error", "which frames to read"),
    ("pose . --boxes labels.json --fps 5", "--fps", "which frames to read"),
    ("pose . --boxes labels.json --media b.png", "--media", "folder SOURCE"),
    ("pose . --boxes labels.json --score 0.5", "--score", "all of which score 1"),
    ("pose --det-every 2", "--det-every", "boxes are given"),
    ("pose --score 0.5", "--score", "rtm detect"),
    ("pose --max-frames 2", "--max-frames", "which frames to read"),
    ("pose clip.mp4 --media b.mp4", "--media", "where a SOURCE is named"),
    # Records.
    ("view timed.jsonl --live -o page.html", "--output", "writes no page"),
    ("view timed.jsonl --live --embed", "--embed", "writes no page"),
    ("view timed.jsonl -o page.html --port 80", "--port", "without --live"),
    ("draw image.jsonl -o out.png --fps 5", "--fps", "no video is written"),
    ("draw image.jsonl -o out/ --fps 5", "--fps", "no video is written"),
    ("draw timed.jsonl -o out.mp4 --fps 5", "--fps", "on records with times"),
    ("track timed.jsonl --offline --lookahead 1", "--lookahead", "reads all frames"),
    ("track timed.jsonl --min-length 1", "--min-length", "add --offline"),
    ("convert image.jsonl --labels labels.json", "--labels", "--from coco or --to coco"),
    ("schema --complete", "--complete", "--check"),
    # Evaluation.
    ("eval labels.json results.json --rank box", "--rank", "scores rank them"),
    ("eval labels.json results.json --oks-nms 0.5", "--oks-nms", "scores rank them"),
    ("eval labels.json results.json --unmatched skip", "--unmatched", "by id"),
    ("eval labels.json results.json --boxes --area box", "--area", "on boxes"),
    ("eval labels.json results.json --boxes --skeleton coco17", "--skeleton", "on boxes"),
    ("eval labels.json results.json --pck-threshold 0.1", "--pck-threshold", "--metric pck"),
    ("eval labels.json results.json --metric pck --area box", "--area", "--metric ap"),
    # Training, export, measurements.
    ("train rtmpose-t --data labels.json --val-images x", "--val-images", "give --val FILE too"),
    ("train rtmpose-t --data labels.json --check --device cuda", "--device", "--check"),
    ("train rtmpose-t --data labels.json --check --show-batch b.png", "--show-batch", "--check"),
    ("train rtmpose-t --data labels.json --show-batch b.png --workers 2", "--workers", "--show-batch"),
    ("export rtmpose-t --calib .", "--calib", "--int8"),
    ("export rtmpose-t --size 128x128", "--size", "its input is 192x256"),
    ("export rtmpose-t --skeleton halpe26", "--skeleton", "its skeleton is coco17"),
    ("bench --frames 5", "--frames", "give --pipeline VIDEO too"),
    ("bench --onestage rtmo.onnx", "--onestage", "give --people"),
    ("bench --plot cost.png", "--plot", "give --people"),
    ("bench --pipeline clip.mp4 --runs 5", "--runs", "--frames N instead"),
    ("bench --pipeline clip.mp4 --batch 2", "--batch", "--pipeline"),
    ("bench --people 1..2 --warmup 2", "--warmup", "--people"),
    # Models.
    ("models --task hand verify", "--task", "rtm models verify"),
    ("models --max-ms 5 show rtmpose-m", "--max-ms", "rtm models show"),
    ("models pull --from a.tar --checkpoint", "--checkpoint", "downloads nothing"),
    ("models pull --from a.tar --mirror https://host", "--mirror", "downloads nothing"),
    ("models bundle --from a.tar --trust", "--trust", "downloads nothing"),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two images, a clip, labels, results, records, a one-stage model and a detector with a card."""
    folder = tmp_path_factory.mktemp("effects")
    for name in ("a.png", "b.png"):
        cv2.imwrite(str(folder / name), np.zeros((40, 60, 3), np.uint8))
    write_clip(folder / "clip.mp4", 6, size=(64, 48))
    (folder / "rtmo.onnx").write_bytes(tiny_onestage_onnx())
    (folder / "fixed.onnx").write_bytes(tiny_detector_onnx())
    append_card(
        folder / "fixed.onnx",
        Card(
            name="fixed",
            family="rtmdet",
            size="nano",
            task="detector",
            width=64,
            height=64,
            classes=("person",),
        ),
    )
    points = [20.0, 20.0, 2] * 17
    person = {"id": 1, "image_id": 1, "category_id": 1, "bbox": [5, 5, 30, 30], "area": 900, "iscrowd": 0,
              "keypoints": points, "num_keypoints": 17}  # fmt: skip
    labels = {
        "images": [{"id": 1, "file_name": "a.png", "width": 60, "height": 40}],
        "annotations": [person],
        "categories": [{"id": 1, "name": "person"}],
    }
    (folder / "labels.json").write_text(json.dumps(labels))
    result = {"image_id": 1, "category_id": 1, "keypoints": points, "bbox": [5, 5, 30, 30], "score": 0.9}
    (folder / "results.json").write_text(json.dumps([result]))
    (folder / "image.jsonl").write_text(RECORD)
    (folder / "timed.jsonl").write_text(TIMED)
    return folder


@pytest.mark.parametrize(("command", "option", "words"), CASES, ids=[case[0] for case in CASES])
def test_it_is_wrong_usage_that_names_the_option_and_the_reason(
    folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    command: str,
    option: str,
    words: str,
) -> None:
    monkeypatch.chdir(folder)
    monkeypatch.setenv("RTM_HOME", str(tmp_path))
    before = sorted(folder.rglob("*"))
    code = main(command.split())
    out, err = capfd.readouterr()
    lines = [line for line in err.splitlines() if not line.startswith("rtm: ")]  # notes
    assert code == 2, err
    assert len(lines) == 1 and option in lines[0] and words in lines[0], err
    assert not [line for line in out.splitlines() if not line.startswith('{"machine"')]
    assert sorted(folder.rglob("*")) == before


def test_every_verb_with_options_that_can_be_without_effect_is_covered() -> None:
    covered = {command.split()[0] for command, _, _ in CASES}
    assert covered == {
        "detect",
        "pose",
        "track",
        "draw",
        "view",
        "convert",
        "schema",
        "eval",
        "train",
        "export",
        "bench",
        "models",
    }


@pytest.mark.parametrize(
    ("command", "variables"),
    [
        ("pose . --boxes labels.json", {"RTM_DETECTOR": "yolox-m", "RTM_NMS": "0.5", "RTM_EVERY": "2"}),
        ("pose a.png --model rtmo.onnx", {"RTM_DETECTOR": "yolox-m", "RTM_DET_EVERY": "5"}),
        ("detect a.png", {"RTM_MAX_FRAMES": "3", "RTM_ON_ERROR": "skip"}),
        ("eval labels.json results.json", {"RTM_RANK": "box", "RTM_PCK_THRESHOLD": "0.2"}),
    ],
)
def test_defaults_from_the_environment_may_be_without_effect(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str],
    command: str, variables: dict[str, str],
) -> None:  # fmt: skip
    monkeypatch.chdir(folder)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert main(command.split()) == 0
    assert capfd.readouterr().out


def test_the_default_value_may_be_given_anywhere(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(folder)
    assert main(["detect", "a.png", "--every", "1", "--on-error", "stop"]) == 0
