"""Detectors: images in, boxes out. RTMDet, YOLOX and any other network with the outputs `dets` and `labels`."""

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Literal, overload

import numpy as np
import numpy.typing as npt

from rtmcli.arrays import AnyImage, Float32Array, Image, IndexArray
from rtmcli.errors import DataError, UsageError
from rtmcli.geometry import boxes as geometry
from rtmcli.inference.open_model import OpenModel, open_model, run_checked
from rtmcli.inference.preprocess import Batch, Placement, check_images, fill_input
from rtmcli.records.frame import Instance
from rtmcli.zoo.resolve import DEFAULT_DETECTOR

# For cards without a threshold: near the best F1 of every RTMDet measured (benchmarks/detector_threshold.py).
SCORE_THRESHOLD = 0.3


class Detector:
    """Finds people, or the other classes that a model was trained for.

    Args:
        model: name, file or open model; the bundled `rtmdet-nano` by default.
        engine, device, precision, threads: as for `rtmcli.engines.open_engine`.
        score_threshold: keep boxes with a higher score; by default the card's threshold, else 0.3. Boxes below the
            threshold that the model file was exported with cannot come back.
        iou_threshold: drop a box that overlaps a better one of its class by a higher IoU; by default only the
            non-maximum suppression inside the model applies.
        classes: names of the classes to keep, or "all"; by default "person" where the model has it, else all.
        size, family: what a file without a card does not say (`rtmcli.zoo.infer_card`).

    Attributes:
        card: the model's card. engine: the open engine.

    Example:
        import numpy as np
        from rtmcli import Detector
        detector = Detector(score_threshold=0.4)
        image = np.zeros((480, 640, 3), np.uint8)  # BGR, for example from cv2.imread
        for person in detector(image):
            print(person.label, person.box, person.score)
    """

    def __init__(
        self,
        model: str | Path | OpenModel | None = None,
        *,
        engine: str = "onnxruntime",
        device: str = "cpu",
        precision: str | None = None,
        threads: int | None = None,
        score_threshold: float | None = None,
        iou_threshold: float | None = None,
        classes: Collection[str] | Literal["all"] | None = None,
        size: tuple[int, int] | None = None,
        family: str | None = None,
    ) -> None:
        opened = open_model(
            model or DEFAULT_DETECTOR, task="detector", engine=engine, device=device, precision=precision,
            threads=threads, size=size, family=family,
        )  # fmt: skip
        self.engine, self.card = opened.engine, opened.card
        default = SCORE_THRESHOLD if self.card.threshold is None else self.card.threshold
        self.score_threshold = default if score_threshold is None else score_threshold
        self.iou_threshold = iou_threshold
        self._labels = _labels(self.card.classes, classes)
        self._batch = Batch(self.card, self.engine.inputs[0].name)
        self._single = self.engine.inputs[0].shape[0] == 1

    @overload
    def __call__(self, images: AnyImage) -> list[Instance]: ...

    @overload
    def __call__(self, images: Sequence[AnyImage]) -> list[list[Instance]]: ...

    def __call__(self, images: AnyImage | Sequence[AnyImage]) -> list[Instance] | list[list[Instance]]:
        """Boxes of each image, best first.

        Args:
            images: one image (H, W, 3) uint8 BGR, or several of any sizes.

        Returns:
            The instances of the image, or a list for each image: label, box in pixels of that image, clipped to it, and
            score.
        """
        if isinstance(images, np.ndarray) and images.ndim < 4:
            return self._each([images])[0]
        return self._each(list(images))

    def _each(self, images: Sequence[Image]) -> list[list[Instance]]:
        check_images(images)
        if self._single and len(images) > 1:
            return [found for image in images for found in self._each([image])]
        if not images:
            return []
        slots = self._batch.slots(len(images))  # (N, H, W, 3)
        places = [fill_input(image, self.card, slot) for image, slot in zip(images, slots, strict=True)]
        outputs = run_checked(self.engine, self._batch.feed(len(images)), ["dets", "labels"], self.card)
        return [
            self._instances(dets, labels, image, place)
            for dets, labels, image, place in zip(
                outputs["dets"], outputs["labels"], images, places, strict=True
            )
        ]

    def _instances(
        self,
        dets: Float32Array,
        labels: npt.NDArray[np.int64],
        image: Image,
        place: Placement,
    ) -> list[Instance]:
        """One image's rows (M, 5) and (M,) as instances; padding rows have score 0."""
        found = dets[:, 4] > self.score_threshold
        if found.any() and labels[found].max() >= len(self.card.classes):
            names = self.card.classes
            raise DataError(
                f"{self.card.name} gave the label {labels[found].max()}, but has "
                f"{len(names)} class{'es' * (len(names) > 1)} ({', '.join(names[:3])}{', ...' * (len(names) > 3)}); "
                "name all of them with --det-classes"
            )
        kept = found & np.isin(labels, self._labels)
        scores, labels = dets[kept, 4], labels[kept]
        corners = place.to_image(dets[kept, :4].reshape(-1, 2, 2))  # (M, 2 corners, 2)
        height, width = image.shape[:2]
        boxes = np.clip(corners, 0, np.array([width, height])).astype(np.float32).reshape(-1, 4)
        order = np.argsort(-scores, kind="stable")
        if self.iou_threshold is not None:
            order = self._suppress(boxes, scores, labels)
        return [
            Instance(label=self.card.classes[labels[i]], box=boxes[i], score=float(scores[i]))
            for i in order
            if boxes[i, 2] > boxes[i, 0] and boxes[i, 3] > boxes[i, 1]
        ]

    def _suppress(
        self,
        boxes: Float32Array,
        scores: Float32Array,
        labels: npt.NDArray[np.int64],
    ) -> IndexArray:
        """Indices that non-maximum suppression of each class keeps, best score first."""
        assert self.iou_threshold is not None
        kept = [np.zeros(0, np.intp)]
        for label in np.unique(labels):
            (of_class,) = np.nonzero(labels == label)
            kept.append(of_class[geometry.nms(boxes[of_class], scores[of_class], self.iou_threshold)])
        found = np.concatenate(kept)
        return found[np.argsort(-scores[found], kind="stable")]


def _labels(known: Sequence[str], wanted: Collection[str] | Literal["all"] | None) -> list[int]:
    """Label numbers of the wanted classes. Raises UsageError for a class the model does not have."""
    if wanted is None:
        wanted = ("person",) if "person" in known else known
    if wanted == "all":
        wanted = known
    for name in wanted:
        if name not in known:
            raise UsageError(f"this detector has no class {name!r}; it has {', '.join(known)}")
    return [known.index(name) for name in wanted]
