"""RTMDet: one sample is one image with the boxes of everybody in it (recipes `rtmdet-*`)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from rtmcli.metrics.coco import box_figures
from rtmcli.networks.rtmdet import decode
from rtmcli.training.augment.random_scene import DetectorStage, random_detector_scene
from rtmcli.training.augment.scene import Scene
from rtmcli.training.data.dataset import DataSet
from rtmcli.training.losses.rtmdet_head import Objects, rtmdet_loss
from rtmcli.training.model import normalise
from rtmcli.training.recipe import Recipe
from rtmcli.training.tasks.base import Batch, Share, Terms
from rtmcli.training.tasks.coco_truth import coco_truth
from rtmcli.training.tasks.scenes import SceneTask, ignored_pixels, stacked, validation_batches


class DetectorTask(SceneTask[DetectorStage]):
    """One sample is one image with boxes."""

    points = False

    def __init__(self, recipe: Recipe, sets: list[DataSet]) -> None:
        super().__init__(recipe, sets)
        scenes = recipe.scenes
        first = DetectorStage(
            mosaic=scenes.mosaic,
            resize=scenes.resize,
            mixup=scenes.mixup_probability,
            flip=recipe.crops.flip,
            hsv=recipe.crops.hsv,
        )
        self.stages = first, replace(first, mosaic=scenes.mosaic_2, resize=scenes.resize_2, mixup=0.0)

    def augmented(
        self, others: Callable[[], Scene], stage: DetectorStage, random: np.random.Generator
    ) -> Scene:
        return random_detector_scene(others, size=self.size, stage=stage, rng=random)

    def collate(self, samples: list[dict[str, Any]]) -> Batch:
        scenes = [s["scene"] for s in samples]
        objects = [
            Objects(torch.from_numpy(s.boxes), torch.from_numpy(s.labels), ignored_pixels(s)) for s in scenes
        ]
        return Batch(stacked(scenes), {"objects": objects}, [s["name"] for s in samples])

    def loss(
        self, network: nn.Module, batch: Batch, epoch: int, step: int, share: Share
    ) -> tuple[Tensor, Terms]:
        scores, distances = network(normalise(batch.images, self.card))
        loss = rtmdet_loss(scores, distances, batch.targets["objects"], share=share)
        return loss.total, {"cls": sum_of(loss.cls), "bbox": sum_of(loss.bbox)}

    def evaluate(self, network: nn.Module, data: DataSet, device: torch.device) -> dict[str, float]:
        score, iou = self.card.score, self.card.iou
        assert score is not None and iou is not None
        results: list[dict[str, Any]] = []
        for names, images, placements in validation_batches(data, self.card):
            with torch.no_grad():
                scores, distances = network(normalise(images.to(device), self.card))
            found = decode(
                [s.float() for s in scores],
                [d.float() for d in distances],
                score=score,
                iou=iou,
                before=1000,
                keep=100,
                size=self.size,
            )
            for name, placement, (boxes, values, labels) in zip(names, placements, found, strict=True):
                corners = placement.to_image(boxes.cpu().numpy().reshape(-1, 2, 2)).reshape(-1, 4)
                for box, value, label in zip(corners, values.tolist(), labels.tolist(), strict=True):
                    results.append(
                        {
                            "image_id": name,
                            "category_id": label + 1,
                            "bbox": [*map(float, box[:2]), float(box[2] - box[0]), float(box[3] - box[1])],
                            "score": value,
                        }
                    )
        return box_figures(coco_truth(data), results)


def sum_of(levels: list[Tensor]) -> Tensor:
    """The sum over the levels, for the log."""
    return torch.stack(levels).sum().detach()
