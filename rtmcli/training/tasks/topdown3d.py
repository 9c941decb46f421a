"""RTMW3D: one sample is one person's crop with depths (recipes `rtmw3d-*`).

Depth is in metres from the root, the middle of the hips, away from the camera; mirroring and rotating the image do not
change it. A keypoint of unknown depth trains x and y only.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from rtmcli.arrays import Float32Array
from rtmcli.codecs import simcc3d
from rtmcli.training.augment.crop import Crop
from rtmcli.training.data.dataset import DataSet
from rtmcli.training.losses.simcc import bone_length, simcc_kl
from rtmcli.training.recipe import Recipe
from rtmcli.training.tasks.base import Batch, Terms
from rtmcli.training.tasks.topdown import Found, TopDownTask, as_arrays, near_share

# Each keypoint's parent in the bone term of the published RTMW3D. One that is its own parent has a bone of length 0.
PARENTS = (
    0, 1, 2, 3, 4, 5, 6, 5, 6, 7, 8, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 23, 24, 25, 26, 27, 28, 29, 30,
    31, 32, 33, 34, 35, 36, 37, 38, 2, 2, 2, 2, 2, 3, 3, 3, 3, 3, 50, 50, 51, 52, 0, 0, 0, 0, 0, 2, 2, 2, 2, 2, 2, 3, 3,
    3, 3, 3, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7, 91, 92, 93, 94, 91, 96, 97, 98, 91, 100,
    101, 102, 91, 104, 105, 106, 91, 108, 109, 110, 8, 112, 113, 114, 113, 112, 117, 118, 117, 112, 121, 122, 123, 112,
    125, 126, 127, 112, 129, 130, 131,
)  # fmt: skip


class TopDown3DTask(TopDownTask):
    """One sample is one person; the loss is the KL divergence along x, y and z, and the bone lengths."""

    def __init__(self, recipe: Recipe, sets: list[DataSet]) -> None:
        super().__init__(recipe, sets)
        numbers = recipe.topdown
        self.volume = simcc3d.Volume(
            size=(*self.size, numbers.depth),
            sigma=(*numbers.sigma, numbers.sigma_z),
            ratio=numbers.ratio,
            depth_range=numbers.z_range,
        )

    def encode(self, crop: Crop, depths: Float32Array | None) -> dict[str, Float32Array]:
        space, known = None, np.zeros(len(crop.keypoints), bool)
        if depths is not None and np.isfinite(depths).any():
            from_root, known = self.from_root(depths), np.isfinite(depths)
            # An unknown keypoint takes the root's depth, which is within the bins, and has weight 0.
            z = np.where(known, from_root, 0).astype(np.float32)
            if not known[list(self.volume.root)].all():
                z[list(self.volume.root)] = 0
            space = np.stack([np.zeros_like(z), np.zeros_like(z), z], axis=-1)[None]  # (1, K, 3)
        seen = (crop.visible > 0)[None].astype(np.float32)
        labels = simcc3d.encode(crop.keypoints[None], space, seen, volume=self.volume)
        return {
            "x": labels.x[0],
            "y": labels.y[0],
            "z": labels.z[0],
            "weights": self.weighted(labels.weights[0] * crop.visible),
            "weights_z": self.weighted(labels.weights_z[0] * crop.visible * known),
        }

    def from_root(self, depths: Float32Array) -> Float32Array:
        """Depths (..., K) relative to the middle of the hips; unchanged where that is unknown."""
        root = depths[..., list(self.volume.root)].mean(axis=-1, keepdims=True)
        return np.where(np.isfinite(root), depths - root, depths)

    def label_loss(self, predicted: Any, batch: Batch) -> tuple[Tensor, Terms]:
        targets, numbers = batch.targets, self.recipe.topdown
        labels = [targets[axis] for axis in "xyz"]
        weights, weights_z = targets["weights"], targets["weights_z"]
        outputs = [p.float() for p in predicted]
        total = simcc_kl(outputs, labels, [weights, weights, weights_z], beta=numbers.beta)
        terms: Terms = {"kl": total.detach() / len(batch.names)}
        with torch.no_grad():
            if numbers.bone and weights.shape[1] <= len(PARENTS):
                # As in RTMW3D's BoneLoss it is taken on bins by argmax: it is logged and has no gradient.
                deep = (weights_z > 0).any(dim=1)
                bone = bone_length(
                    _peaks(outputs, deep), _peaks(labels, deep), weights, parents=PARENTS[: weights.shape[1]]
                )
                terms["bone"] = numbers.bone * bone
            terms["pck05"] = near_share(outputs[:2], labels[:2], weights)
            off = (outputs[2].argmax(-1) - labels[2].argmax(-1)).abs().float() * (weights_z > 0)
            terms["z_bins"] = off.sum() / (weights_z > 0).sum().clamp(min=1)
        return total + terms.get("bone", 0), terms

    def decode(self, predicted: Any) -> tuple[Float32Array, Float32Array | None, Float32Array]:
        x, y, z = as_arrays(predicted)
        points, _, scores = simcc3d.decode(x, y, z, volume=self.volume)
        return points[..., :2], points[..., 2], scores

    def figures(self, people: list[Found], data: DataSet) -> dict[str, float]:
        """The keypoints' figures in the image, and `z_error`: metres, mean over the keypoints of known depth."""
        figures = super().figures(people, data)
        errors: list[Float32Array] = []
        for found in people:
            labels = data.images[found.image].labels
            if labels.depths is not None and found.depths is not None:
                off = np.abs(found.depths - self.from_root(labels.depths[found.person]))
                errors.append(off[np.isfinite(off) & (labels.weights[found.person] > 0)])
        known = np.concatenate(errors) if errors else np.zeros(0)
        return {**figures, "z_error": float(known.mean())} if len(known) else figures


def _peaks(vectors: Sequence[Tensor], deep: Tensor) -> Tensor:
    """Bins of the maxima (B, K, 3); z is 0 in samples whose depth is unknown."""
    x, y, z = (axis.argmax(dim=-1) for axis in vectors)
    return torch.stack([x, y, z * deep[:, None]], dim=-1).float()
