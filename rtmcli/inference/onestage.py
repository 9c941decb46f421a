"""Pictures in, poses out, without a detector: RTMO."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from rtmcli.arrays import Float32Array, Image
from rtmcli.errors import UsageError
from rtmcli.geometry import affine
from rtmcli.geometry import boxes as geometry
from rtmcli.inference.open_model import OpenModel, check_task, open_model, run_checked
from rtmcli.inference.preprocess import Batch, check_pictures
from rtmcli.records.frame import Instance
from rtmcli.skeletons import load_skeleton

SCORE = 0.3
PAD = 114


class OneStage:
    """Finds people and their poses in one run of one network.

    Args:
        model: name, file or open model.
        engine, device, precision, threads: as for `rtmcli.engines.open_engine`.
        score: keep people scored above; the model file itself stops at the score it was exported with.
        nms: drop a person whose box overlaps a better one by more than this IoU; by default the model's own
            suppression stands alone.
        size, skeleton: what a file without a card does not say (`rtmcli.zoo.infer_card`).

    Attributes:
        card: the model's card. engine: the open engine. skeleton: the skeleton of the keypoints.
    """

    def __init__(
        self,
        model: str | Path | OpenModel,
        *,
        engine: str = "onnxruntime",
        device: str = "cpu",
        precision: str | None = None,
        threads: int | None = None,
        score: float | None = None,
        nms: float | None = None,
        size: tuple[int, int] | None = None,
        skeleton: str | None = None,
    ) -> None:
        opened = check_task(
            model
            if isinstance(model, OpenModel)
            else open_model(
                model, engine=engine, device=device, precision=precision,
                threads=threads, size=size, skeleton=skeleton,
            ),
            "onestage",
        )  # fmt: skip
        self.engine, self.card = opened.engine, opened.card
        if self.card.skeleton is None:
            raise UsageError(f"{self.card.name} does not say what its keypoints are; give --skeleton NAME")
        self.skeleton = load_skeleton(self.card.skeleton)
        self.score, self.nms = SCORE if score is None else score, nms
        self._batch = Batch(self.card, self.engine.inputs[0].name)
        self._single = self.engine.inputs[0].shape[0] == 1

    def __call__(self, images: Sequence[Image]) -> list[list[Instance]]:
        """People of each picture, best first.

        Args:
            images: (H, W, 3) uint8 BGR, of any sizes.

        Returns:
            For each picture its instances: box clipped to it, score, and keypoints (K, 3): x, y in pixels of the
            picture and the network's visibility in 0..1.
        """
        check_pictures(images)
        if not images:
            return []
        if self._single and len(images) > 1:
            return [people for image in images for people in self([image])]
        size = (self.card.width, self.card.height)
        places = []
        for image, slot in zip(images, self._batch.slots(len(images)), strict=True):
            matrix, center, scale = affine.fit_matrix((image.shape[1], image.shape[0]), size)
            affine.warp(image, matrix, size, PAD, out=slot)
            places.append((center, scale))
        out = run_checked(self.engine, self._batch.feed(len(images)), ["dets", "keypoints"], self.card)
        found = []
        for dets, keypoints, image, (center, scale) in zip(
            out["dets"], out["keypoints"], images, places, strict=True
        ):
            kept = dets[:, 4] > self.score
            boxes = affine.to_image(
                dets[kept, :4].reshape(-1, 2, 2), center, scale, size
            )  # (M, 2 corners, 2)
            points = np.array(keypoints[kept], np.float32)  # (M, K, 3)
            points[..., :2] = affine.to_image(points[..., :2], center, scale, size)
            found.append(self._instances(boxes.reshape(-1, 4), dets[kept, 4], points, image))
        return found

    def _instances(
        self, boxes: Float32Array, scores: Float32Array, points: Float32Array, image: Image
    ) -> list[Instance]:
        height, width = image.shape[:2]
        boxes = np.clip(boxes, 0, np.array([width, height] * 2)).astype(np.float32)
        if self.nms is None:
            order = np.argsort(-scores, kind="stable")
        else:
            order = geometry.nms(boxes, scores, self.nms)
        return [
            Instance(label="person", box=boxes[i], score=float(scores[i]), keypoints=points[i]) for i in order
        ]
