"""Every family of pose models runs through `rtm pose --model FILE`, from files that look like the official ones."""

import json
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import onnx
import pytest
import torch

from rtmcli.export.onnx import export_onnx
from tests.helpers.catalogue import card_of, filled_network

pytestmark = pytest.mark.slow  # a minute each: the exporter, and networks of up to 57 million parameters


@pytest.mark.parametrize(
    ("name", "points", "deep"),
    [
        ("rtmo-t_coco17_416x416", 17, False),
        ("rtmw-m_coco133_256x192", 133, False),
        ("rtmw3d-l_coco133_384x288", 133, True),
    ],
)
def test_a_file_of_the_family_gives_valid_records(
    sh: Callable[..., CompletedProcess[bytes]], tmp_path: Path, name: str, points: int, deep: bool
) -> None:
    file = tmp_path / f"{name}.onnx"
    export_onnx(filled_network(name, dtype=torch.float32), card_of(name), file)
    model = onnx.load(file)
    del model.metadata_props[:]  # as the official exports: no card
    onnx.save(model, file)

    done = sh(f"rtm pose demo --max-frames 2 --model {file} | tee out.jsonl | rtm schema --check -")
    assert done.returncode == 0, done.stderr.decode()
    frames = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert len(frames) == 2
    people = [person for frame in frames for person in frame["instances"]]
    # Random weights of a one-stage model may find nobody; a top-down model poses every box of the detector.
    assert people or name.startswith("rtmo")
    for person in people:
        assert len(person["keypoints"]) == points
        assert ("keypoints3d" in person) == deep
        if deep:
            # Two points of the codec, each within 2.1744869 m of where the network puts the root (RTMW3D)
            assert all(abs(z) <= 2 * 2.1745 for _, _, z, _ in person["keypoints3d"])
