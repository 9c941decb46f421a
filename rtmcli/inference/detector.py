"""Pictures in, boxes out: RTMDet, YOLOX and whatever else gives `dets` and `labels`."""

from collections.abc import Collection, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from rtmcli.arrays import Float32Array, Image, IndexArray
from rtmcli.errors import UsageError
from rtmcli.geometry import boxes as geometry
from rtmcli.geometry.letterbox import letterbox
from rtmcli.inference.open_model import OpenModel, check_task, open_model, run_checked
from rtmcli.inference.preprocess import Batch, check_pictures
from rtmcli.records.frame import Instance
from rtmcli.zoo.resolve import DEFAULT_DETECTOR

SCORE = 0.3  # near the best F1 of every RTMDet measured (benchmarks/detector_threshold.py), for cards that say nothing
PAD = 114


class Detector:
    """Finds people (or what else the model was trained for).

    Args:
        model: name, file or open model; the bundled `rtmdet-nano` by default.
        engine, device, precision, threads: as for `rtmcli.engines.open_engine`.
        score: keep boxes scored above, by default the card's threshold, else 0.3; the model file itself stops at the
            score it was exported with.
        nms: drop a box that overlaps a better one of its class by more than this IoU; by default the model's own
            suppression stands alone.
        classes: names of the classes to keep; by default "person" where the model knows it, else all.
        size, family: what a file without a card does not say (`rtmcli.zoo.infer_card`).

    Attributes:
        card: the model's card. engine: the open engine.
    """

    def __init__(
        self,
        model: str | Path | OpenModel | None = None,
        *,
        engine: str = "onnxruntime",
        device: str = "cpu",
        precision: str | None = None,
        threads: int | None = None,
        score: float | None = None,
        nms: float | None = None,
        classes: Collection[str] | None = None,
        size: tuple[int, int] | None = None,
        family: str | None = None,
    ) -> None:
        opened = check_task(
            model
            if isinstance(model, OpenModel)
            else open_model(
                model or DEFAULT_DETECTOR, engine=engine, device=device, precision=precision,
                threads=threads, size=size, family=family,
            ),
            "detector",
        )  # fmt: skip
        self.engine, self.card = opened.engine, opened.card
        default = SCORE if self.card.threshold is None else self.card.threshold
        self.score, self.nms = default if score is None else score, nms
        self._labels = _labels(self.card.classes, classes)
        self._batch = Batch(self.card, self.engine.inputs[0].name)
        self._single = self.engine.inputs[0].shape[0] == 1

    def __call__(self, images: Sequence[Image]) -> list[list[Instance]]:
        """Boxes of each picture, best first.

        Args:
            images: (H, W, 3) uint8 BGR, of any sizes.

        Returns:
            For each picture its instances: label, box in pixels of that picture, clipped to it, and score.
        """
        check_pictures(images)
        if self._single and len(images) > 1:
            return [found for image in images for found in self([image])]
        if not images:
            return []
        slots = self._batch.slots(len(images))  # (N, H, W, 3)
        factors = []
        for image, slot in zip(images, slots, strict=True):
            _, factor = letterbox(image, (self.card.width, self.card.height), PAD, out=slot)
            factors.append(factor)
        outputs = run_checked(self.engine, self._batch.feed(len(images)), ["dets", "labels"], self.card)
        return [
            self._instances(dets, labels, image, factor)
            for dets, labels, image, factor in zip(
                outputs["dets"], outputs["labels"], images, factors, strict=True
            )
        ]

    def _instances(
        self,
        dets: Float32Array,
        labels: npt.NDArray[np.int64],
        image: Image,
        factors: tuple[float, float],
    ) -> list[Instance]:
        """One picture's rows (M, 5) and (M,) as instances; padding rows have score 0."""
        kept = (dets[:, 4] > self.score) & np.isin(labels, self._labels)
        scores, labels = dets[kept, 4], labels[kept]
        boxes: Float32Array = np.divide(dets[kept, :4], np.array([*factors, *factors], np.float32))
        np.clip(boxes, 0, np.array(image.shape[1::-1] * 2, np.float32), out=boxes)
        order = np.argsort(-scores, kind="stable")
        if self.nms is not None:
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
        """Indices kept by a suppression class by class, best score first."""
        assert self.nms is not None
        kept = [np.zeros(0, np.intp)]
        for label in np.unique(labels):
            (of_class,) = np.nonzero(labels == label)
            kept.append(of_class[geometry.nms(boxes[of_class], scores[of_class], self.nms)])
        found = np.concatenate(kept)
        return found[np.argsort(-scores[found], kind="stable")]


def _labels(known: Sequence[str], wanted: Collection[str] | None) -> list[int]:
    """Label numbers of the wanted classes. Raises UsageError for a class the model does not know."""
    if wanted is None:
        wanted = ("person",) if "person" in known else known
    for name in wanted:
        if name not in known:
            raise UsageError(f"this detector knows no class {name!r}; it knows {', '.join(known)}")
    return [known.index(name) for name in wanted]
