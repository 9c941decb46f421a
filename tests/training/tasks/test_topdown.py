"""Top-down training: validation judges the crops that `rtm pose` takes."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch

from rtmcli.engines.base import Port
from rtmcli.inference.open_model import OpenModel
from rtmcli.inference.topdown import TopDown
from rtmcli.opencv import cv2
from rtmcli.records.frame import Instance
from rtmcli.skeletons import load_skeleton
from rtmcli.training.data.dataset import load_set
from rtmcli.training.recipe_file import load_recipe, with_values
from rtmcli.training.tasks.topdown import TopDownTask


class Recorder(torch.nn.Module):
    """A network and an engine that keeps its input (N, 3, H, W) and gives an empty vector for every keypoint."""

    inputs, outputs = (
        [Port("input", (None, 3, 64, 64), "float32")],
        [Port(name, (), "float32") for name in ("simcc_x", "simcc_y")],
    )

    def facts(self) -> dict[str, Any]:
        return {"device": "cuda"}

    def forward(self, images: Any, names: Any = None) -> Any:
        if isinstance(images, dict):
            self.seen = images["input"].copy()
            return {name: np.zeros((len(self.seen), 17, 128), np.float32) for name in ("simcc_x", "simcc_y")}
        self.seen = images.numpy()
        return torch.zeros(len(images), 17, 128), torch.zeros(len(images), 17, 128)


def enlarge(dots: Path, factor: int) -> None:
    """Larger images with their labels, so that crops shrink by more than two."""
    content = json.loads((dots / "labels.json").read_text())
    for entry, note in zip(content["images"], content["annotations"], strict=True):
        file = str(dots / "images" / entry["file_name"])
        cv2.imwrite(file, cv2.resize(cv2.imread(file), None, fx=factor, fy=factor))
        note["bbox"] = [factor * value for value in note["bbox"]]
    (dots / "labels.json").write_text(json.dumps(content))


def test_validation_judges_the_crops_that_rtm_pose_takes(dots: Path) -> None:
    enlarge(dots, 4)
    data = load_set(dots / "labels.json", dots / "images", skeleton=load_skeleton("coco17"))
    task = TopDownTask(with_values(load_recipe("rtmpose-t"), width=64, height=64), [data])
    validation, product = Recorder(), Recorder()
    found = list(task.found(validation, data, torch.device("cpu")))
    images = [data.store.read(entry.name) for entry in data.images]
    people = [[Instance(box=entry.labels.boxes[0], score=1.0)] for entry in data.images]
    poses = TopDown(OpenModel(product, task.card))(images, people)
    np.testing.assert_allclose(validation.seen, product.seen, atol=1e-5)
    for one, (instance,) in zip(found, poses, strict=True):
        assert instance.keypoints is not None
        np.testing.assert_allclose(one.points, instance.keypoints[:, :2], atol=1e-3)
