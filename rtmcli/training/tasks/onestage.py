"""RTMO: one sample is one image with the poses of everybody in it (recipes `rtmo-*`)."""

from __future__ import annotations

from dataclasses import replace
from random import Random
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from rtmcli.metrics.coco import keypoint_figures
from rtmcli.skeletons import load_skeleton
from rtmcli.training.augment.random_scene import (
    SceneStage,
    random_scene,
)
from rtmcli.training.data.dataset import DataSet
from rtmcli.training.losses.rtmo_head import LossWeights, People, rtmo_loss
from rtmcli.training.model import make_card, normalise
from rtmcli.training.recipe import Recipe
from rtmcli.training.tasks.base import Batch, Share, Terms
from rtmcli.training.tasks.coco_truth import coco_truth
from rtmcli.training.tasks.multiscale import random_size, resize_batch
from rtmcli.training.tasks.scenes import draw_scene, drawn_from, ignored_pixels, stacked, validation_batches


class OneStageTask:
    """One sample is one image with poses; the input size changes from batch to batch."""

    sums_samples = False

    def __init__(self, recipe: Recipe, sets: list[DataSet]) -> None:
        self.recipe, self.sets = recipe, sets
        self.skeleton = load_skeleton(recipe.model.skeleton)
        self.card = make_card(recipe)
        self.size = recipe.model.width, recipe.model.height
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

    def sizes(self) -> list[int]:
        return [len(data.images) for data in self.sets]

    def draw(self, number: int, index: int, epoch: int, random: np.random.Generator) -> dict[str, Any]:
        data = self.sets[number]
        others = drawn_from(data, index, random, points=True)
        stage = self.stages[1 if epoch >= self.recipe.stages.second else 0]
        scene = random_scene(others, size=self.size, flip_indices=self.skeleton.flip, stage=stage, rng=random)
        return {
            "name": f"{data.images[index].name} ({data.source})",
            "scene": scene,
        }

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
        bare: Any = network.module if hasattr(network, "module") else network
        return rtmo_loss(
            network(images), bare.head.dcc, people, sigmas=sigmas, weights=self.weights(epoch), share=share
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
        bare: Any = network.module if hasattr(network, "module") else network
        for names, images, placements in validation_batches(data, self.card):
            people = bare.detect(normalise(images.to(device), self.card))
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

    def preview(self, sample: dict[str, Any]) -> np.ndarray:
        return draw_scene(sample["scene"])
