"""RTMPose and RTMW: one sample is one person's crop (recipes `rtmpose-*`, `rtmw-*`)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from rtmcli.arrays import Float32Array, FloatArray, Image
from rtmcli.codecs import simcc
from rtmcli.geometry import boxes as geometry
from rtmcli.inference.preprocess import Placement, fill_input
from rtmcli.metrics.coco import keypoint_figures
from rtmcli.opencv import cv2
from rtmcli.skeletons import load_skeleton
from rtmcli.training.augment.crop import Crop, CropStage, random_crop
from rtmcli.training.data.dataset import DataSet
from rtmcli.training.data.soft_maps import SoftMap, soft_labels
from rtmcli.training.losses.simcc import simcc_kl
from rtmcli.training.model import make_card, normalise
from rtmcli.training.recipe import Recipe
from rtmcli.training.tasks.base import Batch, Share, Terms
from rtmcli.training.tasks.coco_truth import coco_truth

# Face keypoints of a whole body's 133.
FACE = range(23, 91)


class Found(NamedTuple):
    """One person's pose: indices in the set, points (K, 2) in the image, depths (K,) or None, scores (K,)."""

    image: int
    person: int
    points: Float32Array
    depths: Float32Array | None
    scores: Float32Array


class TopDownTask:
    """One sample is one person; the loss is the KL divergence of SimCC vectors."""

    sums_samples = True

    def __init__(self, recipe: Recipe, sets: list[DataSet]) -> None:
        self.recipe, self.sets = recipe, sets
        self.skeleton = load_skeleton(recipe.model.skeleton)
        self.card = make_card(recipe)
        self.size = recipe.model.width, recipe.model.height
        self.stages = crop_stages(recipe)

    def sizes(self) -> list[int]:
        return [len(data.people) for data in self.sets]

    def draw(self, number: int, index: int, epoch: int, random: np.random.Generator) -> dict[str, Any]:
        data = self.sets[number]
        place, person = data.people[index]
        entry = data.images[place]
        labels = entry.labels
        image = data.store.read(entry.name)
        box = geometry.clip(labels.boxes[person], (image.shape[1], image.shape[0]))
        center, scale = geometry.center_scale(box)
        crop = random_crop(
            image,
            center,
            scale,
            labels.keypoints[person],
            labels.weights[person],
            size=self.size,
            flip_indices=self.skeleton.flip,
            upper=self.skeleton.upper,
            lower=self.skeleton.lower,
            stage=self.stages[self.recipe.stages.index(epoch)],
            rng=random,
        )
        depths = None if labels.depths is None else labels.depths[person]
        if depths is not None and crop.flipped:
            depths = depths[self.skeleton.flip]
        targets = self.encode(crop, depths)
        if labels.maps and (soft := labels.maps[person]) is not None:
            self.soften(targets, soft, crop)
        return {
            "name": f"{entry.name} person {person} ({data.source})",
            "image": crop.image,
            "keypoints": crop.keypoints,
            **targets,
        }

    def encode(self, crop: Crop, depths: Float32Array | None) -> dict[str, Float32Array]:
        """The targets of a crop: labels by name, and `weights` (K,). depths: (K,) metres or NaN, or None."""
        x, y, inside = simcc.encode(
            crop.keypoints[None],
            (crop.visible > 0)[None].astype(np.float32),
            size=self.size,
            sigma=self.recipe.topdown.sigma,
            ratio=self.recipe.topdown.ratio,
        )
        return {"x": x[0], "y": y[0], "weights": self.weighted(inside[0] * crop.visible)}

    def weighted(self, weights: FloatArray) -> Float32Array:
        """Weights (K,) of the labels, multiplied by the skeleton's own with `keypoint_weights`."""
        own = self.skeleton.weights if self.recipe.topdown.keypoint_weights else 1.0
        return (weights * own).astype(np.float32)

    def soften(self, targets: dict[str, Float32Array], soft: SoftMap, crop: Crop) -> None:
        """Replace the targets of the labels by those of a teacher's heatmaps."""
        targets["x"], targets["y"], seen = soft_labels(
            soft,
            crop.matrix,
            size=self.size,
            flip=self.skeleton.flip if crop.flipped else None,
            count=len(self.skeleton),
            ratio=self.recipe.topdown.ratio,
        )
        targets["weights"] = self.weighted(seen * crop.visible)

    def collate(self, samples: list[dict[str, Any]]) -> Batch:
        names = [key for key in samples[0] if key not in ("name", "keypoints")]
        stacked = {key: torch.from_numpy(np.stack([s[key] for s in samples])) for key in names}
        return Batch(stacked.pop("image"), stacked, [s["name"] for s in samples])

    def loss(
        self, network: nn.Module, batch: Batch, epoch: int, step: int, share: Share
    ) -> tuple[Tensor, Terms]:
        return self.label_loss(network(normalise(batch.images, self.card)), batch)

    def label_loss(self, predicted: Any, batch: Batch) -> tuple[Tensor, Terms]:
        """The loss of the network's output, and its terms."""
        targets, numbers = batch.targets, self.recipe.topdown
        total = simcc_kl(
            [p.float() for p in predicted],
            [targets["x"], targets["y"]],
            targets["weights"],
            beta=numbers.beta,
            mask=FACE if numbers.face_weight != 1 else (),
            mask_weight=numbers.face_weight,
        )
        with torch.no_grad():
            near = near_share(predicted, (targets["x"], targets["y"]), targets["weights"])
        return total, {"kl": total.detach() / len(batch.names), "pck05": near}

    def evaluate(self, network: nn.Module, data: DataSet, device: torch.device) -> dict[str, float]:
        return self.figures(list(self.found(network, data, device)), data)

    def figures(self, people: list[Found], data: DataSet) -> dict[str, float]:
        """COCO's figures of poses found in the labelled boxes."""
        results = []
        for found in people:
            good = found.scores[found.scores > 0.2]
            results.append(
                {
                    "image_id": data.images[found.image].id,
                    "category_id": 1,
                    "keypoints": np.concatenate([found.points, found.scores[:, None]], 1).ravel().tolist(),
                    "score": float(good.mean()) if len(good) else 0.0,
                }
            )
        return keypoint_figures(coco_truth(data), results, self.skeleton.sigmas)

    @torch.no_grad()
    def found(self, network: nn.Module, data: DataSet, device: torch.device) -> Iterator[Found]:
        """The pose in each person's labelled box."""
        for start in range(0, len(data.people), 64):
            people = data.people[start : start + 64]
            crops = np.empty((len(people), self.card.height, self.card.width, 3), np.uint8)
            placements = []
            for crop, (index, person) in zip(crops, people, strict=True):
                entry = data.images[index]
                image = data.store.read(entry.name)
                placements.append(self.place(image, entry.labels.boxes[person], crop))
            images = torch.from_numpy(crops).to(device)
            points, depths, scores = self.decode(network(normalise(images, self.card)))
            for n, (index, person) in enumerate(people):
                where = placements[n].to_image(points[n])
                yield Found(index, person, where, None if depths is None else depths[n], scores[n])

    def place(self, image: Image, box: Float32Array, crop: Image) -> Placement:
        """Fill `crop` (H, W, 3) with a person's crop, as `rtm pose` does."""
        return fill_input(image, self.card, crop, box)

    def decode(self, predicted: Any) -> tuple[Float32Array, Float32Array | None, Float32Array]:
        """Points (N, K, 2) in crop pixels, depths (N, K) in metres from the root or None, scores (N, K)."""
        x, y = as_arrays(predicted)
        points, scores = simcc.decode(x, y, ratio=self.recipe.topdown.ratio)
        return points, None, scores

    def preview(self, sample: dict[str, Any]) -> np.ndarray:
        image = sample["image"].copy()
        for k, (x, y) in enumerate(sample["keypoints"]):
            if sample["weights"][k] > 0:
                color = self.skeleton.colors[k]
                cv2.circle(image, (round(float(x)), round(float(y))), 2, color[::-1], -1, cv2.LINE_AA)
        # The targets along x as a strip below the crop.
        strip = np.zeros((8, image.shape[1], 3), np.uint8)
        row = cv2.resize(self.strip(sample)[None], (image.shape[1], 1))[0]
        strip[:] = (255 * row).astype(np.uint8)[None, :, None]
        return np.concatenate([image, strip])

    def strip(self, sample: dict[str, Any]) -> Float32Array:
        """The targets along x, all keypoints in one row."""
        return np.asarray(sample["x"].max(0), np.float32)


def crop_stages(recipe: Recipe) -> tuple[CropStage, CropStage]:
    """The augmentation of both stages."""
    numbers = recipe.crops
    first = CropStage(
        flip=numbers.flip,
        half_body=numbers.half_body,
        shift=numbers.shift,
        scale=numbers.scale,
        rotation=numbers.rotation,
        hsv=numbers.hsv,
        photometric=numbers.photometric,
        blur=numbers.blur,
        median_blur=numbers.blur,
        cutout=numbers.cutout,
        # The heatmaps of the pretraining go with the unbiased affine map.
        udp=recipe.topdown.heatmap,
    )
    second = replace(
        first,
        shift=numbers.shift_2,
        scale=numbers.scale_2,
        rotation=numbers.rotation_2,
        hsv=numbers.hsv_2,
        photometric=numbers.photometric_2,
        cutout=numbers.cutout_2,
    )
    return first, second


def near_share(predicted: Any, targets: Any, weights: Tensor) -> Tensor:
    """Share of labelled keypoints within 5 % of the input's sides, axis by axis (the accuracy that mmpose logs)."""
    ok = weights > 0
    for p, t in zip(predicted, targets, strict=True):
        distance = (p.argmax(-1) - t.argmax(-1)).abs() / p.shape[-1]
        ok = ok & (distance < 0.05)
    return ok.sum() / (weights > 0).sum().clamp(min=1)


def as_arrays(predicted: Sequence[Tensor]) -> list[Float32Array]:
    """A network's outputs as float32 arrays."""
    return [p.float().cpu().numpy() for p in predicted]
