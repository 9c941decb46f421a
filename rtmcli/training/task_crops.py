"""Top-down training: RTMPose and RTMW learn one person's crop (recipes `rtmpose-*`, `rtmw-*`)."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from rtmcli.codecs import simcc
from rtmcli.cv import cv2
from rtmcli.geometry import boxes as geometry
from rtmcli.geometry.affine import to_image, topdown_matrix, warp
from rtmcli.metrics.coco import keypoint_figures
from rtmcli.skeletons import load_skeleton
from rtmcli.training.augment_crop import CropRecipe, random_crop
from rtmcli.training.data import DataSet
from rtmcli.training.losses import simcc_kl
from rtmcli.training.recipe import Recipe
from rtmcli.training.tasks import Batch, Share, Terms, make_card, normalise

FACE = range(23, 91)  # of a whole body's 133 points


class CropTask:
    """One sample is one person; the loss is the KL divergence of SimCC vectors."""

    sums_samples = True

    def __init__(self, recipe: Recipe, sets: list[DataSet]) -> None:
        self.recipe, self.sets = recipe, sets
        self.skeleton = load_skeleton(recipe.skeleton)
        self.card = make_card(recipe)
        self.size = recipe.width, recipe.height
        self.stages = crop_recipes(recipe)

    def sizes(self) -> list[int]:
        return [len(data.people) for data in self.sets]

    def draw(self, number: int, index: int, epoch: int, random: np.random.Generator) -> dict[str, Any]:
        data = self.sets[number]
        place, person = data.people[index]
        picture = data.pictures[place]
        image = data.store.read(picture.name)
        box = geometry.clip(picture.labels.boxes[person], (image.shape[1], image.shape[0]))
        center, scale = geometry.center_scale(box)
        crop = random_crop(
            image,
            center,
            scale,
            picture.labels.keypoints[person],
            picture.labels.weights[person],
            size=self.size,
            flip_indices=self.skeleton.flip,
            upper=self.skeleton.upper,
            lower=self.skeleton.lower,
            recipe=self.stages[epoch >= self.recipe.second],
            rng=random,
        )
        x, y, inside = simcc.encode(
            crop.keypoints[None],
            (crop.visible > 0)[None].astype(np.float32),
            size=self.size,
            sigma=self.recipe.sigma,
            ratio=self.recipe.ratio,
        )
        weights = inside[0] * crop.visible
        if self.recipe.keypoint_weights:
            weights = weights * self.skeleton.weights
        return {
            "name": f"{picture.name} person {person} ({data.source})",
            "image": crop.image,
            "x": x[0],
            "y": y[0],
            "weights": weights.astype(np.float32),
            "keypoints": crop.keypoints,
        }

    def collate(self, samples: list[dict[str, Any]]) -> Batch:
        stacked = {
            k: torch.from_numpy(np.stack([s[k] for s in samples])) for k in ("image", "x", "y", "weights")
        }
        return Batch(stacked.pop("image"), stacked, [s["name"] for s in samples])

    def loss(
        self, network: nn.Module, batch: Batch, epoch: int, step: int, share: Share
    ) -> tuple[Tensor, Terms]:
        predicted = network(normalise(batch.images, self.card))
        targets = batch.targets
        total = simcc_kl(
            [p.float() for p in predicted],
            [targets["x"], targets["y"]],
            targets["weights"],
            beta=self.recipe.beta,
            mask=FACE if self.recipe.face_weight != 1 else (),
            mask_weight=self.recipe.face_weight,
        )
        with torch.no_grad():
            near = _near(predicted, (targets["x"], targets["y"]), targets["weights"])
        return total, {"kl": total.detach() / len(batch.names), "pck05": near}

    def evaluate(self, network: nn.Module, data: DataSet, device: torch.device) -> dict[str, float]:
        crops, results = [], []
        for at, (place, person) in enumerate(data.people):
            picture = data.pictures[place]
            image = data.store.read(picture.name)
            center, scale = geometry.center_scale(picture.labels.boxes[person])
            scale = geometry.fix_aspect(scale, self.size[0] / self.size[1])
            matrix = topdown_matrix(center, scale, self.size)
            crops.append((warp(image, matrix, self.size), center, scale, picture))
            if len(crops) == 64 or at + 1 == len(data.people):
                results += self._poses(network, crops, device)
                crops = []
        return keypoint_figures(coco_truth(data), results, self.skeleton.sigmas)

    def picture(self, sample: dict[str, Any]) -> np.ndarray:
        image = sample["image"].copy()
        for k, (x, y) in enumerate(sample["keypoints"]):
            if sample["weights"][k] > 0:
                color = self.skeleton.colors[k]
                cv2.circle(image, (round(float(x)), round(float(y))), 2, color[::-1], -1, cv2.LINE_AA)
        # the labels themselves, as strips: what the network is asked for
        strip = np.zeros((8, image.shape[1], 3), np.uint8)
        row = cv2.resize(sample["x"].max(0)[None], (image.shape[1], 1))[0]
        strip[:] = (255 * row).astype(np.uint8)[None, :, None]
        return np.concatenate([image, strip])

    @torch.no_grad()
    def _poses(self, network: nn.Module, crops: list[Any], device: torch.device) -> list[dict[str, Any]]:
        images = torch.from_numpy(np.stack([c[0] for c in crops])).to(device)
        x, y = (p.float().cpu().numpy() for p in network(normalise(images, self.card)))
        keypoints, scores = simcc.decode(x, y, ratio=self.recipe.ratio)
        found = []
        for points, score, (_, center, scale, picture) in zip(keypoints, scores, crops, strict=True):
            points = to_image(points, center, scale, self.size)
            good = score[score > 0.2]
            found.append(
                {
                    "image_id": picture.id,
                    "category_id": 1,
                    "keypoints": np.concatenate([points, score[:, None]], 1).ravel().tolist(),
                    "score": float(good.mean()) if len(good) else 0.0,
                }
            )
        return found


def crop_recipes(recipe: Recipe) -> tuple[CropRecipe, CropRecipe]:
    """The two stages' augmentation."""
    common: dict[str, Any] = {
        "flip": recipe.flip,
        "half_body": recipe.half_body,
        "blur": recipe.blur,
        "median_blur": recipe.blur,
    }
    first = CropRecipe(
        shift=recipe.shift,
        scale=recipe.scale,
        rotation=recipe.rotation,
        hsv=recipe.hsv,
        photometric=recipe.photometric,
        cutout=recipe.cutout,
        **common,
    )
    second = CropRecipe(
        shift=recipe.shift_2,
        scale=recipe.scale_2,
        rotation=recipe.rotation_2,
        hsv=recipe.hsv_2,
        photometric=recipe.photometric_2,
        cutout=recipe.cutout_2,
        **common,
    )
    return first, second


def _near(predicted: Any, targets: Any, weights: Tensor) -> Tensor:
    """Share of labelled points within 5 % of the input's sides, axis by axis (the reference's logged accuracy)."""
    ok = weights > 0
    for p, t in zip(predicted, targets, strict=True):
        distance = (p.argmax(-1) - t.argmax(-1)).abs() / p.shape[-1]
        ok = ok & (distance < 0.05)
    return ok.sum() / (weights > 0).sum().clamp(min=1)


def coco_truth(data: DataSet) -> dict[str, Any]:
    """A set as COCO labels, for the evaluation."""
    notes: list[dict[str, Any]] = []
    for picture in data.pictures:
        labels = picture.labels
        for j, box in enumerate(labels.boxes):
            seen = (labels.weights[j] > 0).astype(float)[:, None] * 2
            notes.append(
                {
                    "id": len(notes) + 1,
                    "image_id": picture.id,
                    "category_id": 1,
                    "bbox": [float(box[0]), float(box[1]), float(box[2] - box[0]), float(box[3] - box[1])],
                    "area": float(labels.areas[j]),
                    "iscrowd": 0,
                    "num_keypoints": int((seen > 0).sum()),
                    "keypoints": np.concatenate([labels.keypoints[j], seen], 1).ravel().tolist(),
                }
            )
    return {"images": [{"id": p.id} for p in data.pictures], "annotations": notes, "categories": [{"id": 1}]}
