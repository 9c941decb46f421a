"""`-q` leaves nothing on stderr but errors, in every verb."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from rtmcli.cli.app import VERBS, main
from tests.helpers.clips import write_clip
from tests.helpers.labelled_sets import write_dots
from tests.helpers.toy_models import write_toy_pose_model

PERSON = '{"box":[0.0,0.0,9.0,9.0],"score":0.9}'
TOY = "--set width=64 --set height=64 --set batch=4 --set epochs=1 --set warmup=2"
TRAIN = f"train rtmpose-t --data labels.json --images images {TOY}"

# Each command, and whether it has something to say without -q on a terminal.
CASES = [
    ("detect mixed --on-error skip", True),
    ("detect a.png", True),
    ("pose a.png --track", True),
    ("pose images --boxes some.json", True),
    ("track short.jsonl", False),
    ("smooth short.jsonl", False),
    ("nms short.jsonl", False),
    ("angles poses.jsonl", False),
    ("draw short.jsonl -o drawn.mp4", False),
    ("view poses.jsonl -o page.html", False),
    ("convert short.jsonl --to csv", False),
    ("eval labels.json poses.jsonl --unmatched skip", True),
    (f"{TRAIN} --check", True),
    (f"{TRAIN} --out run --workers 0", False),
    ("export toy.safetensors --to torchscript -o exported.pt --images images --force", True),
    ("bench --models rtmpose-t --runs 1 --warmup 0", False),
    ("models bundle rtmpose-t -o a.tar", True),
    ("models verify", False),
    ("schema --check short.jsonl", True),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Inputs that verbs have notes about: a broken image, truncated records, labels of more images than there are."""
    folder = tmp_path_factory.mktemp("quiet")
    write_dots(folder)
    cv2.imwrite(str(folder / "a.png"), np.zeros((40, 60, 3), np.uint8))
    write_toy_pose_model(folder / "toy.safetensors")
    (folder / "mixed").mkdir()
    cv2.imwrite(str(folder / "mixed" / "a.png"), np.zeros((40, 60, 3), np.uint8))
    (folder / "mixed" / "b.png").write_bytes((folder / "a.png").read_bytes()[:40])
    write_clip(folder / "clip.mp4", 6, size=(64, 48))
    lines = [
        f'{{"source":"clip.mp4","frame":{n},"frames":6,"time":{n / 25},"width":64,"height":48,"instances":[{PERSON}]}}'
        for n in range(3)
    ]
    (folder / "short.jsonl").write_text("\n".join(lines) + "\n")
    labels = json.loads((folder / "labels.json").read_text())
    poses = [
        {
            "source": f"images/{image['file_name']}", "frame": 0, "frames": 1, "skeleton": "coco17",
            "instances": [{"box": [15, 10, 65, 85], "score": 0.9, "keypoints": [[20, 20, 0.5]] * 17}],
        }
        for image in labels["images"][:4]
    ]  # fmt: skip
    (folder / "poses.jsonl").write_text("".join(json.dumps(pose) + "\n" for pose in poses))
    labels["images"] = labels["images"][:6]
    labels["images"].append({"id": 99, "file_name": "gone.png"})
    labels["annotations"] = labels["annotations"][:6]
    (folder / "some.json").write_text(json.dumps(labels))
    return folder


@pytest.mark.parametrize(("command", "speaks"), CASES, ids=[case[0] for case in CASES])
def test_nothing_is_said(
    folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    command: str,
    speaks: bool,
) -> None:
    monkeypatch.chdir(folder)
    monkeypatch.setenv("RTM_HOME", str(tmp_path))
    # Advice for people at a terminal must be silent too.
    monkeypatch.setattr("rtmcli.terminal.messages.is_terminal", lambda: True)
    assert main([*command.split(), "-q"]) == 0
    assert capfd.readouterr().err == ""
    if speaks:
        assert main(command.split()) == 0
        assert capfd.readouterr().err != ""


def test_errors_are_said_all_the_same(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["track", "-q", "nowhere"]) == 3
    assert capfd.readouterr().err == "rtm track: cannot read nowhere: No such file or directory\n"


def test_every_verb_is_covered() -> None:
    assert {command.split()[0] for command, _ in CASES} == set(VERBS)
