"""Tasks on whole images: scenes to be augmented, batches for validation, and previews."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from typing import Any, Generic, TypeVar

import numpy as np
import torch
from torch import Tensor

from rtmcli.inference.preprocess import Placement, fill_input
from rtmcli.opencv import cv2
from rtmcli.training.augment.scene import Scene
from rtmcli.training.data.dataset import DataSet
from rtmcli.training.model import make_card
from rtmcli.training.recipe import Recipe
from rtmcli.zoo.card import Card

Stage = TypeVar("Stage")


class SceneTask(ABC, Generic[Stage]):
    """What the tasks on whole images share: one sample is one image, mixed with others of its set.

    Attributes:
        points: whether scenes have keypoints.
        stages: the augmentation of both stages.
    """

    sums_samples = False
    points: bool
    stages: tuple[Stage, Stage]

    def __init__(self, recipe: Recipe, sets: list[DataSet]) -> None:
        self.recipe, self.sets = recipe, sets
        self.card = make_card(recipe)
        self.size = recipe.model.width, recipe.model.height

    def sizes(self) -> list[int]:
        return [len(data.images) for data in self.sets]

    def draw(self, number: int, index: int, epoch: int, random: np.random.Generator) -> dict[str, Any]:
        data = self.sets[number]
        others = drawn_from(data, index, random, points=self.points)
        scene = self.augmented(others, self.stages[self.recipe.stages.index(epoch)], random)
        return {"name": f"{data.images[index].name} ({data.source})", "scene": scene}

    @abstractmethod
    def augmented(self, others: Callable[[], Scene], stage: Stage, random: np.random.Generator) -> Scene:
        """A scene of the first image that `others` returns, and of more as the stage asks."""

    def preview(self, sample: dict[str, Any]) -> np.ndarray:
        return draw_scene(sample["scene"])


def drawn_from(
    data: DataSet, index: int, random: np.random.Generator, *, points: bool
) -> Callable[[], Scene]:
    """A function that returns the sample's own image first, then random ones of the set."""
    pending = [index]

    def draw() -> Scene:
        place = pending.pop() if pending else int(random.integers(len(data.images)))
        return make_scene(data, place, points=points)

    return draw


def make_scene(data: DataSet, index: int, *, points: bool) -> Scene:
    """An image of a set with its labels; crowds become ignored pixels."""
    entry = data.images[index]
    labels, image = entry.labels, data.store.read(entry.name)
    ignored = None
    if len(labels.crowds):
        ignored = np.zeros(image.shape[:2], np.uint8)
        for x1, y1, x2, y2 in np.maximum(labels.crowds, 0).astype(int):
            ignored[y1:y2, x1:x2] = 1
    count = labels.keypoints.shape[1] if points else 0
    return Scene(
        image=image,
        boxes=labels.boxes,
        labels=labels.classes,
        areas=labels.areas,
        keypoints=labels.keypoints[:, :count],
        visible=labels.weights[:, :count],
        ignored=ignored,
    )


def stacked(scenes: list[Scene]) -> Tensor:
    """(N, H, W, 3) uint8."""
    return torch.from_numpy(np.stack([s.image for s in scenes]))


def ignored_pixels(scene: Scene) -> Tensor | None:
    """(H, W) bool: pixels without a loss of the background; None for no such pixels."""
    return None if scene.ignored is None else torch.from_numpy(scene.ignored > 0)


def validation_batches(
    data: DataSet, card: Card, batch: int = 16
) -> Iterator[tuple[list[Any], Tensor, list[Placement]]]:
    """Batches of ids, images (N, H, W, 3) preprocessed as `rtm detect` and `rtm pose` do it, and placements."""
    for start in range(0, len(data.images), batch):
        entries = data.images[start : start + batch]
        inputs = np.empty((len(entries), card.height, card.width, 3), np.uint8)
        placements = [
            fill_input(data.store.read(entry.name), card, slot)
            for entry, slot in zip(entries, inputs, strict=True)
        ]
        yield [entry.id for entry in entries], torch.from_numpy(inputs), placements


def draw_scene(scene: Scene) -> np.ndarray:
    """The scene with its boxes and keypoints and its ignored pixels darkened, for `--show-batch`."""
    image = scene.image.copy()
    if scene.ignored is not None:
        image[scene.ignored > 0] //= 2
    for box in scene.boxes.round().astype(int).tolist():
        cv2.rectangle(image, (box[0], box[1]), (box[2], box[3]), (80, 220, 80), 1)
    for points, visible in zip(scene.keypoints, scene.visible, strict=True):
        for (x, y), seen in zip(points, visible, strict=True):
            if seen > 0:
                cv2.circle(image, (round(float(x)), round(float(y))), 2, (60, 60, 255), -1, cv2.LINE_AA)
    return image
