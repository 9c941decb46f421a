"""Top-down pose estimation: images and boxes in, poses out, one crop a person (RTMPose, RTMW, RTMW3D)."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import cast, overload

import numpy as np

from rtmcli.arrays import AnyImage, Float32Array, Image
from rtmcli.codecs import simcc, simcc3d
from rtmcli.errors import UsageError
from rtmcli.geometry.flip import unflip_simcc
from rtmcli.inference.box_arrays import People, as_instances
from rtmcli.inference.keypoints3d import in_space, volume_of
from rtmcli.inference.open_model import OpenModel, open_model, run_checked
from rtmcli.inference.preprocess import Batch, Placement, check_images, fill_input
from rtmcli.records.frame import Instance
from rtmcli.skeletons import load_skeleton
from rtmcli.zoo.resolve import DEFAULT_POSE

MAX_CROPS = 64  # in one run of the network: bounds the memory that a crowd takes
MAX_CROPS_ON_CPU = 4  # larger batches exceed the caches of a CPU, and each crop takes longer


class TopDown:
    """Estimates the pose of each box.

    Args:
        model: name, file or open model; the bundled `rtmpose-t` by default.
        engine, device, precision, threads: as for `rtmcli.engines.open_engine`.
        flip_test: average with the mirrored crop: about 0.01 more AP for twice the time.
        size, skeleton: what a file without a card does not say (`rtmcli.zoo.infer_card`).

    Attributes:
        card: the model's card. engine: the open engine. skeleton: the skeleton of the keypoints.

    Example:
        import numpy as np
        from rtmcli import Detector, TopDown
        detector, pose = Detector(), TopDown()
        image = np.zeros((480, 640, 3), np.uint8)  # BGR, for example from cv2.imread
        for person in pose(image, detector(image)):
            print(person.score, person.keypoints[:, :2])
    """

    def __init__(
        self,
        model: str | Path | OpenModel | None = None,
        *,
        engine: str = "onnxruntime",
        device: str = "cpu",
        precision: str | None = None,
        threads: int | None = None,
        flip_test: bool = False,
        size: tuple[int, int] | None = None,
        skeleton: str | None = None,
    ) -> None:
        opened = open_model(
            model or DEFAULT_POSE, task="topdown", engine=engine, device=device, precision=precision,
            threads=threads, size=size, skeleton=skeleton,
        )  # fmt: skip
        self.engine, self.card = opened.engine, opened.card
        self.skeleton = load_skeleton(self.card.skeleton or "coco17")
        self.flip_test = flip_test
        self._batch = Batch(self.card, self.engine.inputs[0].name)
        most = MAX_CROPS_ON_CPU if str(self.engine.facts().get("device")).startswith("cpu") else MAX_CROPS
        self._most = 1 if self.engine.inputs[0].shape[0] == 1 else most
        if flip_test and self.card.codec.get("name") == "simcc3d":
            raise UsageError(
                f"{self.card.name} estimates depth, for which there is no flip test; leave --flip-test out"
            )
        if flip_test and {"simcc_x", "simcc_y"} - {port.name for port in self.engine.outputs}:
            raise UsageError(
                f"{self.card.name} has no outputs simcc_x and simcc_y, which --flip-test averages; leave it out"
            )

    @overload
    def __call__(self, images: AnyImage, instances: People) -> list[Instance]: ...

    @overload
    def __call__(self, images: Sequence[AnyImage], instances: Sequence[People]) -> list[list[Instance]]: ...

    def __call__(
        self, images: AnyImage | Sequence[AnyImage], instances: People | Sequence[People]
    ) -> list[Instance] | list[list[Instance]]:
        """Fill in the keypoints of boxes.

        Args:
            images: one image (H, W, 3) uint8 BGR, or several of any sizes.
            instances: the people of the image, or those of each image: instances, or their boxes as an array (N, 4) or
                rows of x1, y1, x2, y2 in pixels. One without a box is returned as it is.

        Returns:
            New instances in the same order, with `keypoints` (K, 3): x, y in pixels of the image, and score; of
            models that estimate depth also `keypoints3d` (K, 4): x, y, z in metres from the root, and score.
            A list for one image, a list of lists for several.

        Raises UsageError for other arrays, and for boxes that are not finite or have no area.
        """
        if isinstance(images, np.ndarray) and images.ndim < 4:
            return self._each([images], [cast(People, instances)])[0]
        return self._each(list(images), cast(Sequence[People], instances))

    def _each(self, images: Sequence[Image], given: Sequence[People]) -> list[list[Instance]]:
        check_images(images)
        if len(images) != len(given):
            raise UsageError(
                f"got {len(images)} images and boxes for {len(given)}: give a list of boxes for each image, or "
                "one image and its boxes"
            )
        instances = [as_instances(people) for people in given]
        crops = [
            (image, person.box)
            for image, people in zip(images, instances, strict=True)
            for person in people
            if person.box is not None
        ]
        poses: list[tuple[Float32Array, Float32Array | None]] = []
        for first in range(0, len(crops), self._most):
            part = crops[first : first + self._most]
            poses += self._poses([image for image, _ in part], np.stack([box for _, box in part]))
        found = iter(poses)
        return [[_posed(person, found) for person in people] for people in instances]

    def _poses(
        self, images: Sequence[Image], boxes: Float32Array
    ) -> list[tuple[Float32Array, Float32Array | None]]:
        """Keypoints (K, 3), and (K, 4) in space where the model estimates depth, of N boxes (N, 4) in N images."""
        places = self._fill(images, boxes)
        points, depth, scores = self._decode(len(boxes))  # (N, K, 2), (N, K) or None, (N, K)
        points = np.stack([place.to_image(own) for place, own in zip(places, points, strict=True)])
        keypoints = np.concatenate([points, scores[..., None]], axis=-1, dtype=np.float32)  # (N, K, 3)
        if depth is None:
            return [(one, None) for one in keypoints]
        return [
            (k, in_space(p, d, s, image.shape[1::-1], volume_of(self.card)))
            for k, p, d, s, image in zip(keypoints, points, depth, scores, images, strict=True)
        ]

    def _fill(self, images: Sequence[Image], boxes: Float32Array) -> list[Placement]:
        """Write the crops of N people to the first N slots of the batch."""
        slots = self._batch.slots(len(images))  # (N, H, W, 3)
        return [
            fill_input(image, self.card, slot, box)
            for image, slot, box in zip(images, slots, boxes, strict=True)
        ]

    def _decode(self, n: int) -> tuple[Float32Array, Float32Array | None, Float32Array]:
        """Points in input pixels, their depth in metres if the model estimates it, and scores of the n crops."""
        card, engine = self.card, self.engine
        if card.codec.get("name") == "simcc3d":
            # x, y, z by position: in the published file the names are numbers.
            names = [port.name for port in engine.outputs]
            raw = run_checked(engine, self._batch.feed(n), names, card)
            decoded, _, scores = simcc3d.decode(*(raw[name] for name in names), volume=volume_of(card))
            return decoded[..., :2], decoded[..., 2], scores
        if card.contract == "deploy" and not self.flip_test:
            found = run_checked(engine, self._batch.feed(n), ["keypoints"], card)["keypoints"]  # (N, K, 3)
            return found[..., :2], None, found[..., 2]
        names = ["simcc_x", "simcc_y"]
        raw = run_checked(engine, self._batch.feed(n), names, card)
        x, y = raw["simcc_x"], raw["simcc_y"]  # (N, K, bins)
        if self.flip_test:
            raw = run_checked(engine, self._batch.feed(n, mirrored=True), names, card)
            back_x, back_y = unflip_simcc(raw["simcc_x"], raw["simcc_y"], self.skeleton.flip)
            x, y = (x + back_x) * np.float32(0.5), (y + back_y) * np.float32(0.5)
        points, scores = simcc.decode(x, y, ratio=card.codec.get("ratio", 2.0))
        return points.astype(np.float32), None, scores.astype(np.float32)


def _posed(person: Instance, poses: Iterator[tuple[Float32Array, Float32Array | None]]) -> Instance:
    """The person with the next pose; one without a box as it is."""
    if person.box is None:
        return person
    keypoints, deep = next(poses)
    return replace(person, keypoints=keypoints, keypoints3d=deep)
