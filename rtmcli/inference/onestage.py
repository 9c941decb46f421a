"""One-stage pose estimation: images in, poses out, without a detector (RTMO)."""

from collections.abc import Sequence
from pathlib import Path
from typing import overload

import numpy as np

from rtmcli.arrays import AnyImage, Float32Array, Image
from rtmcli.errors import UsageError
from rtmcli.geometry import boxes as geometry
from rtmcli.inference.open_model import OpenModel, open_model, run_checked
from rtmcli.inference.preprocess import Batch, check_images, fill_input
from rtmcli.records.frame import Instance
from rtmcli.skeletons import load_skeleton

SCORE_THRESHOLD = 0.3


class OneStage:
    """Finds people and their poses in one run of one network.

    Args:
        model: name, file or open model.
        engine, device, precision, threads: as for `rtmcli.engines.open_engine`.
        score_threshold: keep people with a higher score, by default 0.3. Those below the threshold that the model file
            was exported with cannot come back.
        iou_threshold: drop a person whose box overlaps a better one by a higher IoU; by default only the
            non-maximum suppression inside the model applies.
        size, skeleton: what a file without a card does not say (`rtmcli.zoo.infer_card`).

    Attributes:
        card: the model's card. engine: the open engine. skeleton: the skeleton of the keypoints.

    Example:
        import numpy as np
        from rtmcli import OneStage
        pose = OneStage("rtmo-s", score_threshold=0.4)  # 'rtm models pull rtmo-s' fetches it
        image = np.zeros((480, 640, 3), np.uint8)  # BGR, for example from cv2.imread
        for person in pose(image):
            print(person.score, person.keypoints[:, :2])
    """

    def __init__(
        self,
        model: str | Path | OpenModel,
        *,
        engine: str = "onnxruntime",
        device: str = "cpu",
        precision: str | None = None,
        threads: int | None = None,
        score_threshold: float | None = None,
        iou_threshold: float | None = None,
        size: tuple[int, int] | None = None,
        skeleton: str | None = None,
    ) -> None:
        opened = open_model(
            model, task="onestage", engine=engine, device=device, precision=precision, threads=threads,
            size=size, skeleton=skeleton,
        )  # fmt: skip
        self.engine, self.card = opened.engine, opened.card
        if self.card.skeleton is None:
            raise UsageError(f"{self.card.name} does not say what its keypoints are; give --skeleton NAME")
        self.skeleton = load_skeleton(self.card.skeleton)
        self.score_threshold = SCORE_THRESHOLD if score_threshold is None else score_threshold
        self.iou_threshold = iou_threshold
        self._batch = Batch(self.card, self.engine.inputs[0].name)
        self._single = self.engine.inputs[0].shape[0] == 1

    @overload
    def __call__(self, images: AnyImage) -> list[Instance]: ...

    @overload
    def __call__(self, images: Sequence[AnyImage]) -> list[list[Instance]]: ...

    def __call__(self, images: AnyImage | Sequence[AnyImage]) -> list[Instance] | list[list[Instance]]:
        """People of each image, best first.

        Args:
            images: one image (H, W, 3) uint8 BGR, or several of any sizes.

        Returns:
            The instances of the image, or a list for each image: box clipped to it, score, and keypoints (K, 3): x, y
            in pixels of the image and the network's visibility in 0..1.
        """
        if isinstance(images, np.ndarray) and images.ndim < 4:
            return self._each([images])[0]
        return self._each(list(images))

    def _each(self, images: Sequence[Image]) -> list[list[Instance]]:
        check_images(images)
        if not images:
            return []
        if self._single and len(images) > 1:
            return [people for image in images for people in self._each([image])]
        slots = self._batch.slots(len(images))  # (N, H, W, 3)
        places = [fill_input(image, self.card, slot) for image, slot in zip(images, slots, strict=True)]
        out = run_checked(self.engine, self._batch.feed(len(images)), ["dets", "keypoints"], self.card)
        found = []
        for dets, keypoints, image, place in zip(out["dets"], out["keypoints"], images, places, strict=True):
            kept = dets[:, 4] > self.score_threshold
            boxes = place.to_image(dets[kept, :4].reshape(-1, 2, 2))  # (M, 2 corners, 2)
            points = np.array(keypoints[kept], np.float32)  # (M, K, 3)
            points[..., :2] = place.to_image(points[..., :2])
            found.append(self._instances(boxes.reshape(-1, 4), dets[kept, 4], points, image))
        return found

    def _instances(
        self, boxes: Float32Array, scores: Float32Array, points: Float32Array, image: Image
    ) -> list[Instance]:
        height, width = image.shape[:2]
        boxes = np.clip(boxes, 0, np.array([width, height, width, height])).astype(np.float32)
        if self.iou_threshold is None:
            order = np.argsort(-scores, kind="stable")
        else:
            order = geometry.nms(boxes, scores, self.iou_threshold)
        return [
            Instance(label="person", box=boxes[i], score=float(scores[i]), keypoints=points[i]) for i in order
        ]
