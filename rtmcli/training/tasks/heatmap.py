"""Pretraining of a backbone on heatmaps (RTMPose, section 3.2; recipe `cspnext-m-udp`).

The head is discarded: `rtm train rtmpose-m --init` takes the backbone.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from torch import Tensor

from rtmcli.arrays import Float32Array, Image
from rtmcli.codecs import heatmap
from rtmcli.geometry.affine import udp_matrix, warp
from rtmcli.geometry.boxes import center_scale, fix_aspect
from rtmcli.inference.preprocess import Placement
from rtmcli.training.augment.crop import Crop
from rtmcli.training.data.soft_maps import SoftMap, soft_cells
from rtmcli.training.losses.dense import heatmap_mse
from rtmcli.training.tasks.base import Batch, Terms
from rtmcli.training.tasks.topdown import TopDownTask, as_arrays


class HeatmapTask(TopDownTask):
    """One sample is one person; the loss is the squared error of UDP's heatmaps, a quarter of the crop's sides."""

    sums_samples = False

    @property
    def map_size(self) -> tuple[int, int]:
        return self.size[0] // 4, self.size[1] // 4

    def encode(self, crop: Crop, depths: Float32Array | None) -> dict[str, Float32Array]:
        seen = (crop.visible > 0)[None].astype(np.float32)
        maps, inside = heatmap.encode_udp(crop.keypoints[None], seen, size=self.size, map_size=self.map_size)
        return {"maps": maps, "weights": self.weighted(inside[0] * crop.visible)}

    def soften(self, targets: dict[str, Float32Array], soft: SoftMap, crop: Crop) -> None:
        # UDP: the centres of corner cells lie on corner pixels.
        shrink = (np.array(self.map_size) - 1) / (np.array(self.size) - 1)
        targets["maps"], seen = soft_cells(
            soft,
            shrink[:, None] * crop.matrix,
            size=self.map_size,
            flip=self.skeleton.flip if crop.flipped else None,
            count=len(self.skeleton),
        )
        targets["weights"] = self.weighted(seen * crop.visible)

    def label_loss(self, predicted: Any, batch: Batch) -> tuple[Tensor, Terms]:
        loss = heatmap_mse(predicted.float(), batch.targets["maps"], batch.targets["weights"])
        return loss, {"mse": loss.detach()}

    def place(self, image: Image, box: Float32Array, crop: Image) -> Placement:
        """The crop by the unbiased map, which UDP's heatmaps need. `rtm pose` does not run this network."""
        center, scale = center_scale(box)
        scale = fix_aspect(scale, self.size[0] / self.size[1])
        warp(image, udp_matrix(center, scale, self.size), self.size, out=crop)
        return Placement(np.asarray(self.size, np.float32), scale, center - scale * np.float32(0.5))

    def decode(self, predicted: Any) -> tuple[Float32Array, Float32Array | None, Float32Array]:
        found = [heatmap.decode_udp(one, size=self.size) for one in as_arrays([predicted])[0]]
        return np.stack([points for points, _ in found]), None, np.stack([scores for _, scores in found])

    def strip(self, sample: dict[str, Any]) -> Float32Array:
        return np.asarray(sample["maps"].max(axis=(0, 1)), np.float32)
