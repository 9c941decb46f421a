"""`rtm pose --model rtmpose-m-ap10k17` finds animals without --detector.

It used the bundled detector, which knows people only, and ended with an error.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from rtmcli.zoo.metadata import append_card
from rtmcli.zoo.names import find_entry
from tests.helpers.tiny_models import tiny_pose_onnx, tiny_yolox_onnx

DOG = 16  # in COCO's 80 classes


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "home" / "models").mkdir(parents=True)
    return tmp_path / "home"


def install(home: Path, name: str, content: bytes) -> None:
    entry = find_entry(name)
    assert entry is not None
    path = home / "models" / f"{entry.name}.onnx"
    path.write_bytes(content)
    append_card(path, entry.card())


def pose(home: Path, tmp_path: Path, *options: str) -> subprocess.CompletedProcess[str]:
    cv2.imwrite(str(tmp_path / "a.png"), np.zeros((416, 416, 3), np.uint8))
    return subprocess.run(
        [sys.executable, "-m", "rtmcli", "pose", str(tmp_path / "a.png"), "--model", "rtmpose-m-ap10k17", *options],
        capture_output=True, text=True, timeout=120, env=os.environ | {"RTM_HOME": str(home)},
    )  # fmt: skip


def test_an_installed_detector_of_animals_is_used(home: Path, tmp_path: Path) -> None:
    rows = np.zeros((3549, 85))
    # The cell at column 26, row 26 of the finest level: a dog of 80 x 80 pixels with its centre at (208, 208).
    rows[26 * 52 + 26, :5] = [0, 0, np.log(10), np.log(10), 0.9]
    rows[26 * 52 + 26, 5 + DOG] = 1
    install(home, "yolox-nano-coco80", tiny_yolox_onnx(rows, side=416))
    install(home, "rtmpose-m-ap10k17", tiny_pose_onnx(width=256, height=256))
    run = pose(home, tmp_path)
    assert run.returncode == 0, run.stderr
    frame = json.loads(run.stdout)
    (animal,) = frame["instances"]
    assert (frame["skeleton"], animal["label"]) == ("ap10k17", "dog")
    np.testing.assert_allclose(animal["box"], [168, 168, 248, 248], atol=0.01)
    np.testing.assert_allclose(np.array(animal["keypoints"])[:, :2], 208, atol=1)


def test_without_one_the_command_that_downloads_it_is_named(home: Path, tmp_path: Path) -> None:
    install(home, "rtmpose-m-ap10k17", tiny_pose_onnx(width=256, height=256))
    run = pose(home, tmp_path)
    assert run.returncode == 4
    assert run.stderr.endswith(
        "model 'yolox-m-coco80' is not installed; 'rtm models pull yolox-m-coco80' downloads it\n"
    )


def test_a_detector_of_people_is_still_refused(home: Path, tmp_path: Path) -> None:
    install(home, "rtmpose-m-ap10k17", tiny_pose_onnx(width=256, height=256))
    run = pose(home, tmp_path, "--detector", "rtmdet-nano")
    assert run.returncode == 2 and "--detector yolox-m-coco80" in run.stderr
