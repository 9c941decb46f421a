"""Whole pictures: validation looks at them as training does."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from rtmcli.metrics.coco import box_figures, keypoint_figures
from rtmcli.networks.rtmo import Detections
from rtmcli.skeletons import load_skeleton
from rtmcli.training.data.dataset import load_set
from rtmcli.training.recipe import load_recipe
from rtmcli.training.tasks.topdown import coco_truth
from rtmcli.training.tasks.whole_image import OneStageTask
from tests.training.test_overfit import PLAIN


class Knowing(torch.nn.Module):
    """Says of each picture what its training sample is labelled with, if it gets that very picture."""

    def __init__(self, samples: list[dict]) -> None:
        super().__init__()
        self.scenes = [sample["scene"] for sample in samples]

    def detect(self, images: torch.Tensor) -> list[Detections]:
        found = []
        for image, scene in zip(images, self.scenes, strict=True):
            np.testing.assert_array_equal(image.permute(1, 2, 0).byte().numpy(), scene.image)
            boxes, points = torch.from_numpy(scene.boxes), torch.from_numpy(scene.keypoints)
            found.append(Detections(torch.ones(len(boxes)), boxes, points, torch.ones(points.shape[:2])))
        return found


def test_rtmo_is_validated_on_pictures_placed_as_in_training(dots: Path) -> None:
    recipe = replace(load_recipe("rtmo-t"), **PLAIN, width=96, height=64)
    data = load_set(dots / "labels.json", dots / "images", skeleton=load_skeleton("coco17"))
    task = OneStageTask(recipe, [data])
    samples = [task.draw(0, i, 0, np.random.default_rng(0)) for i in range(len(data.pictures))]
    assert task.evaluate(Knowing(samples), data, torch.device("cpu"))["AP"] > 0.999


def test_people_found_in_a_crowd_are_not_held_against_a_network(dots: Path) -> None:
    content = json.loads((dots / "labels.json").read_text())
    content["annotations"].append(
        {"id": 99, "image_id": 0, "category_id": 1, "iscrowd": 1, "bbox": [60, 60, 20, 30], "area": 600}
    )
    (dots / "labels.json").write_text(json.dumps(content))
    data = load_set(dots / "labels.json", dots / "images", skeleton=load_skeleton("coco17"))
    found = [(number, [15, 10, 50, 75], 0.8) for number in range(8)] + [(0, [62, 62, 12, 20], 0.9)]
    results = [{"image_id": i, "category_id": 1, "bbox": box, "score": score} for i, box, score in found]
    assert box_figures(coco_truth(data), results)["AP"] > 0.999
    points = {note["image_id"]: note["keypoints"] for note in content["annotations"] if not note["iscrowd"]}
    poses = [r | {"keypoints": points[r["image_id"]]} for r in results[:-1]]
    poses.append(results[-1] | {"keypoints": [v for _ in range(17) for v in (68.0, 72.0, 1.0)]})
    assert keypoint_figures(coco_truth(data), poses, load_skeleton("coco17").sigmas)["AP"] > 0.999
