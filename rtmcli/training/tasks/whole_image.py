"""Whole-picture training: RTMO learns everybody's pose at once, RTMDet everybody's box."""

from __future__ import annotations

from random import Random
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from rtmcli.geometry import affine
from rtmcli.metrics.coco import box_figures, keypoint_figures
from rtmcli.networks.rtmdet import decode
from rtmcli.skeletons import load_skeleton
from rtmcli.training.augment.random_scene import (
    DetectorRecipe,
    SceneRecipe,
    random_detector_scene,
    random_scene,
)
from rtmcli.training.data.dataset import DataSet
from rtmcli.training.losses.rtmdet_head import Objects, rtmdet_loss
from rtmcli.training.losses.rtmo_head import People, Weights, rtmo_loss
from rtmcli.training.model import make_card, normalise
from rtmcli.training.recipe import Recipe
from rtmcli.training.tasks.base import Batch, Share, Terms
from rtmcli.training.tasks.multiscale import random_size, resize_batch
from rtmcli.training.tasks.scenes import centred, drawn_from, ignored_pixels, letterboxed, picture_of, stacked
from rtmcli.training.tasks.topdown import coco_truth


class DetectorTask:
    """One sample is one picture with boxes."""

    sums_samples = False

    def __init__(self, recipe: Recipe, sets: list[DataSet]) -> None:
        self.recipe, self.sets = recipe, sets
        self.card = make_card(recipe)
        self.size = recipe.width, recipe.height
        self.stages = (
            DetectorRecipe(
                mosaic=recipe.mosaic,
                resize=recipe.resize,
                mixup=recipe.mixup_probability,
                flip=recipe.flip,
                hsv=recipe.hsv,
            ),
            DetectorRecipe(
                mosaic=recipe.mosaic_2, resize=recipe.resize_2, mixup=0, flip=recipe.flip, hsv=recipe.hsv
            ),
        )

    def sizes(self) -> list[int]:
        return [len(data.pictures) for data in self.sets]

    def draw(self, number: int, index: int, epoch: int, random: np.random.Generator) -> dict[str, Any]:
        data = self.sets[number]
        others = drawn_from(data, index, random, points=False)
        stage = self.stages[epoch >= self.recipe.second]
        scene = random_detector_scene(others, size=self.size, recipe=stage, rng=random)
        return {"name": f"{data.pictures[index].name} ({data.source})", "scene": scene}

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
        results: list[dict[str, Any]] = []
        for names, images, factors in letterboxed(data, self.size):
            with torch.no_grad():
                scores, distances = network(normalise(images.to(device), self.card))
            found = decode(
                [s.float() for s in scores],
                [d.float() for d in distances],
                score=0.05,
                iou=0.6,
                before=1000,
                keep=100,
                size=self.size,
            )
            for name, factor, (boxes, values, labels) in zip(names, factors, found, strict=True):
                corners = boxes.cpu().numpy() / np.tile(factor, 2)
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

    def picture(self, sample: dict[str, Any]) -> np.ndarray:
        return picture_of(sample["scene"])


class OneStageTask:
    """One sample is one picture with poses; the input size changes from batch to batch."""

    sums_samples = False

    def __init__(self, recipe: Recipe, sets: list[DataSet]) -> None:
        self.recipe, self.sets = recipe, sets
        self.skeleton = load_skeleton(recipe.skeleton)
        self.card = make_card(recipe)
        self.size = recipe.width, recipe.height
        common: dict[str, Any] = {"flip": recipe.flip, "hsv": recipe.hsv, "shear": recipe.shear}
        mixup = recipe.mixup if recipe.mixup[1] else None
        self.stages = (
            SceneRecipe(
                mosaic=recipe.mosaic,
                shift=recipe.scene_shift,
                rotation=recipe.scene_rotation,
                scale=recipe.scene_scale,
                mixup=mixup,
                **common,
            ),
            SceneRecipe(
                mosaic=recipe.mosaic_2,
                shift=recipe.scene_shift_2,
                rotation=recipe.scene_rotation_2,
                scale=recipe.scene_scale_2,
                mixup=None,
                **common,
            ),
        )

    def sizes(self) -> list[int]:
        return [len(data.pictures) for data in self.sets]

    def draw(self, number: int, index: int, epoch: int, random: np.random.Generator) -> dict[str, Any]:
        data = self.sets[number]
        others = drawn_from(data, index, random, points=True)
        stage = self.stages[epoch >= self.recipe.second]
        scene = random_scene(
            others, size=self.size, flip_indices=self.skeleton.flip, recipe=stage, rng=random
        )
        return {
            "name": f"{data.pictures[index].name} ({data.source})",
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
        low, high = self.recipe.sides
        if high and epoch < self.recipe.second:
            # decided by the step, so that all processes agree and a resumed run draws the same
            side = random_size(low, high, Random(f"{self.recipe.seed} {step}"))
            images, people = resize_batch(images, people, (side, side))
        sigmas = torch.tensor(self.skeleton.sigmas, dtype=torch.float32, device=images.device)
        bare: Any = network.module if hasattr(network, "module") else network
        return rtmo_loss(
            network(images), bare.head.dcc, people, sigmas=sigmas, weights=self.weights(epoch), share=share
        )

    def weights(self, epoch: int) -> Weights:
        """The numbers of the loss in an epoch."""
        recipe = self.recipe
        aux = recipe.aux if epoch >= recipe.second else 0.0
        if epoch < recipe.proxy_from:
            return Weights(
                cls=recipe.cls,
                bbox=recipe.bbox,
                oks=recipe.oks,
                vis=recipe.vis,
                mle=recipe.mle,
                aux=aux,
                power=recipe.power,
                center_by_keypoints=recipe.center_by_keypoints,
            )
        return Weights(
            cls=recipe.cls_proxy,
            bbox=recipe.bbox,
            oks=recipe.oks_proxy,
            vis=recipe.vis,
            mle=recipe.mle_proxy,
            aux=aux,
            power=recipe.power_proxy,
            proxy=True,
            center_by_keypoints=recipe.center_by_keypoints,
        )

    def evaluate(self, network: nn.Module, data: DataSet, device: torch.device) -> dict[str, float]:
        results: list[dict[str, Any]] = []
        bare: Any = network.module if hasattr(network, "module") else network
        for names, images, places in centred(data, self.size):
            people = bare.detect(normalise(images.to(device), self.card))
            for name, (center, scale), found in zip(names, places, people, strict=True):
                points = affine.to_image(found.keypoints.cpu().numpy(), center, scale, self.size)
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

    def picture(self, sample: dict[str, Any]) -> np.ndarray:
        return picture_of(sample["scene"])


def sum_of(levels: list[Tensor]) -> Tensor:
    """The sum over the levels, for the log."""
    return torch.stack(levels).sum().detach()
