"""RTMO: one sample is one image with the poses of everybody in it (recipes `rtmo-*`)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from random import Random
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from rtmcli.metrics.coco import keypoint_figures
from rtmcli.skeletons import load_skeleton
from rtmcli.training.augment.random_scene import SceneStage, random_scene
from rtmcli.training.augment.scene import Scene
from rtmcli.training.data.dataset import DataSet
from rtmcli.training.losses.rtmo_head import LossWeights, People, rtmo_loss
from rtmcli.training.model import normalise, unwrapped
from rtmcli.training.recipe import Recipe
from rtmcli.training.tasks.base import Batch, Share, Terms
from rtmcli.training.tasks.coco_truth import coco_truth
from rtmcli.training.tasks.multiscale import random_size, resize_batch
from rtmcli.training.tasks.scenes import SceneTask, ignored_pixels, stacked, validation_batches


class OneStageTask(SceneTask[SceneStage]):
    """One sample is one image with poses; the input size changes from batch to batch."""

    points = True

    def __init__(self, recipe: Recipe, sets: list[DataSet]) -> None:
        super().__init__(recipe, sets)
        self.skeleton = load_skeleton(recipe.model.skeleton)
        scenes = recipe.scenes
        first = SceneStage(
            mosaic=scenes.mosaic,
            shift=scenes.scene_shift,
            rotation=scenes.scene_rotation,
            scale=scenes.scene_scale,
            shear=scenes.shear,
            mixup=scenes.mixup if scenes.mixup[1] else None,
            flip=recipe.crops.flip,
            hsv=recipe.crops.hsv,
        )
        second = replace(
            first,
            mosaic=scenes.mosaic_2,
            shift=scenes.scene_shift_2,
            rotation=scenes.scene_rotation_2,
            scale=scenes.scene_scale_2,
            mixup=None,
        )
        self.stages = first, second

    def augmented(self, others: Callable[[], Scene], stage: SceneStage, random: np.random.Generator) -> Scene:
        return random_scene(others, size=self.size, flip_indices=self.skeleton.flip, stage=stage, rng=random)

    def collate(self, samples: list[dict[str, Any]]) -> Batch:
        scenes = [s["scene"] for s in samples]
        people = []
        for scene in scenes:
            visible = torch.from_numpy((scene.visible > 0).astype(np.float32))
            people.append(
                People(
                    torch.from_numpy(scene.boxes),
                    torch.from_numpy(scene.keypoints),
                    visible,
                    torch.ones_like(visible),
                    torch.from_numpy(scene.areas),
                    ignored_pixels(scene),
                )
            )
        return Batch(stacked(scenes), {"people": people}, [s["name"] for s in samples])

    def loss(
        self, network: nn.Module, batch: Batch, epoch: int, step: int, share: Share
    ) -> tuple[Tensor, Terms]:
        images = normalise(batch.images, self.card)
        people = batch.targets["people"]
        low, high = self.recipe.scenes.sides
        if high and epoch < self.recipe.stages.second:
            # Drawn from the step, so that all processes agree and a resumed run draws the same.
            side = random_size(low, high, Random(f"{self.recipe.run.seed} {step}"))
            images, people = resize_batch(images, people, (side, side))
        sigmas = torch.tensor(self.skeleton.sigmas, dtype=torch.float32, device=images.device)
        return rtmo_loss(
            network(images),
            unwrapped(network).head.dcc,
            people,
            sigmas=sigmas,
            weights=self.weights(epoch),
            share=share,
        )

    def weights(self, epoch: int) -> LossWeights:
        """The weights of the loss in an epoch."""
        numbers = self.recipe.rtmo
        first = LossWeights(
            cls=numbers.cls,
            bbox=numbers.bbox,
            oks=numbers.oks,
            vis=numbers.vis,
            mle=numbers.mle,
            aux=numbers.aux if epoch >= self.recipe.stages.second else 0.0,
            power=numbers.power,
            center_by_keypoints=numbers.center_by_keypoints,
        )
        if epoch < numbers.proxy_from:
            return first
        return replace(
            first,
            cls=numbers.cls_proxy,
            oks=numbers.oks_proxy,
            mle=numbers.mle_proxy,
            power=numbers.power_proxy,
            proxy=True,
        )

    def evaluate(self, network: nn.Module, data: DataSet, device: torch.device) -> dict[str, float]:
        results: list[dict[str, Any]] = []
        for names, images, placements in validation_batches(data, self.card):
            people = unwrapped(network).detect(normalise(images.to(device), self.card))
            for name, placement, found in zip(names, placements, people, strict=True):
                points = placement.to_image(found.keypoints.cpu().numpy())
                scores = found.keypoint_scores.cpu().numpy()[..., None]
                for pose, value in zip(
                    np.concatenate([points, scores], -1), found.scores.tolist(), strict=True
                ):
                    results.append(
                        {
                            "image_id": name,
                            "category_id": 1,
                            "keypoints": pose.ravel().tolist(),
                            "score": value,
                        }
                    )
        return keypoint_figures(coco_truth(data), results, self.skeleton.sigmas)
