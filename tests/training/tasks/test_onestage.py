"""RTMO: validation places images as training does."""

from pathlib import Path

import numpy as np
import torch

from rtmcli.networks.rtmo import Detections
from rtmcli.skeletons import load_skeleton
from rtmcli.training.data.dataset import load_set
from rtmcli.training.recipe_file import load_recipe, with_values
from rtmcli.training.tasks.onestage import OneStageTask
from tests.training.test_overfit import PLAIN


class Knowing(torch.nn.Module):
    """Says of each image what its training sample is labelled with, if it gets that very image."""

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


def test_rtmo_is_validated_on_images_placed_as_in_training(dots: Path) -> None:
    recipe = with_values(load_recipe("rtmo-t"), **PLAIN, width=96, height=64)
    data = load_set(dots / "labels.json", dots / "images", skeleton=load_skeleton("coco17"))
    task = OneStageTask(recipe, [data])
    samples = [task.draw(0, i, 0, np.random.default_rng(0)) for i in range(len(data.images))]
    assert task.evaluate(Knowing(samples), data, torch.device("cpu"))["AP"] > 0.999
