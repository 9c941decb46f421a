"""The check of every export: the same real images through torch and through the written file."""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from rtmcli.arrays import Float32Array, Image
from rtmcli.codecs import simcc
from rtmcli.engines.base import Engine
from rtmcli.errors import RtmError
from rtmcli.geometry import boxes as geometry
from rtmcli.inference.detector import Detector
from rtmcli.inference.preprocess import PADDING, Batch, fill_input
from rtmcli.media import open_media
from rtmcli.zoo.card import Card

# Pixels of the network's input, p99: of all keypoints in float32, of the confident ones in float16 and bfloat16.
TOLERANCE = {"float32": 0.1, "float16": 1.0, "bfloat16": 1.0, "int8": math.inf}
CONFIDENT = 0.5  # a keypoint that torch scores above this must not move in lower precision
FEW = 17  # with fewer confident keypoints, all of them are held to the tolerance
MIN_SIMILARITY = 0.97  # of int8 to the float model; 1 is equal
AP_LOSS = {"float32": 0.001, "float16": 0.003, "bfloat16": 0.003, "int8": 0.01}
IMAGES, CROPS = 12, 24
BOXES = 20  # of an image; weaker ones vary around the threshold
SURE = 0.3  # lowest score of a box that is compared; where no image has one, the best BOXES are compared


@dataclass(frozen=True, slots=True)
class Parity:
    """The differences of an exported model from its torch network.

    Attributes:
        what: `keypoints` or `boxes`; pictures: number of images; compared: number of keypoints or boxes.
        unmatched: boxes that only one model found.
        median, p99, worst: distances in pixels of the network's input.
        p99_confident: p99 of the keypoints that torch scores above CONFIDENT; None for boxes, or where there are few.
        score: the largest difference of a score.
        similarity: mean OKS of the poses, or mean IoU of the boxes; a box that only one model found counts as 0.
        precision, tolerance: the limit of p99 in float32, and p99_confident in lower precision.
        ap_before, ap_after: of torch and of the exported model, where labels were given.
    """

    what: str
    pictures: int
    compared: int
    unmatched: int
    median: float
    p99: float
    worst: float
    score: float
    similarity: float
    precision: str
    tolerance: float
    p99_confident: float | None = None
    ap_before: float | None = None
    ap_after: float | None = None

    @property
    def p99_held(self) -> float:
        """The distance that `tolerance` limits: in lower precision a keypoint without a clear maximum may jump."""
        if self.precision == "float32" or self.p99_confident is None:
            return self.p99
        return self.p99_confident

    @property
    def failure(self) -> str | None:
        """What exceeds a limit, in words; None where the export passes."""
        if self.precision == "int8":
            if self.ap_before is None and self.similarity < MIN_SIMILARITY:
                return (
                    f"the similarity of {self.what} to torch's is {self.similarity:.3f}, "
                    f"the limit is {MIN_SIMILARITY}"
                )
        elif self.p99_held > self.tolerance:
            which = "confident " if self.p99_held is self.p99_confident else ""
            return (
                f"{which}{self.what} differ from torch's by {self.p99_held:.3g} px at p99, "
                f"the limit is {self.tolerance:g} px"
            )
        if self.unmatched > 0.02 * self.compared and self.precision != "int8":
            return f"{self.unmatched} boxes of {self.compared + self.unmatched} were found by one model only"
        if self.ap_before is not None and self.ap_after is not None:
            loss, most = self.ap_before - self.ap_after, AP_LOSS[self.precision]
            if loss > most:
                return f"AP falls from {self.ap_before:.4f} to {self.ap_after:.4f}, the limit is a loss of {most:g}"
        return None

    def to_dict(self) -> dict[str, Any]:
        """For a table or a JSON line."""
        row = {key: value for key, value in asdict(self).items() if value is not None}
        if not math.isfinite(self.tolerance):
            row.pop("tolerance")  # JSON has no infinity
        return {**row, "passed": self.failure is None}


def sample_images(source: str | Path | None, *, most: int = IMAGES) -> list[Image]:
    """Images at equal distances from a folder or a video; by default from the packaged clip."""
    name = "demo" if source is None else str(source)
    with open_media(name) as media:
        total = media.total or most
    with open_media(name, every=max(1, total // most)) as media:
        images = []
        for picture in media:
            images.append(picture.image)
            if len(images) == most:
                break
    return images


def sample_feeds(images: Sequence[Image], engine: Engine, card: Card, *, most: int = CROPS) -> list[Any]:
    """Inputs of one image or crop each, in the engine's own form."""
    batch = Batch(card, engine.inputs[0].name)
    feeds = []
    for image, box in _views(images, card, most):
        fill_input(image, card, batch.slots(1)[0], box)
        feeds.append({name: value.copy() for name, value in batch.feed(1).items()})
    return feeds


def compare(
    reference: Engine, result: Engine, card: Card, images: Sequence[Image], *, precision: str = "float32"
) -> Parity:
    """Run both engines on the same images. Raises RtmError where a detector finds nothing in any of them."""
    feeds = zip(sample_feeds(images, reference, card), sample_feeds(images, result, card), strict=True)
    pairs = [(reference(a), result(b)) for a, b in feeds]
    common: dict[str, Any] = {
        "pictures": len(images),
        "precision": precision,
        "tolerance": TOLERANCE[precision],
    }
    if card.task == "topdown":
        before = np.concatenate([points_of(a, card) for a, _ in pairs])  # (N, K, 3)
        after = np.concatenate([points_of(b, card) for _, b in pairs])
        away = np.linalg.norm(before[..., :2] - after[..., :2], axis=-1)  # (N, K)
        score = float(np.abs(before[..., 2] - after[..., 2]).max())
        return Parity(
            what="keypoints", compared=away.size, unmatched=0, score=score,
            similarity=float(_similarity(away, card).mean()), p99_confident=_p99(away[before[..., 2] > CONFIDENT]),
            **common, **_distances(away),
        )  # fmt: skip
    return _compare_boxes(pairs, card, common)


def points_of(outputs: Any, card: Card) -> Float32Array:
    """Keypoints (N, K, 3) in input pixels, with score, of the outputs of a pose model under either contract."""
    if "keypoints" in outputs:
        found: Float32Array = outputs["keypoints"]
        return found
    points, scores = simcc.decode(outputs["simcc_x"], outputs["simcc_y"], card.codec.get("ratio", 2.0))
    return np.concatenate([points, scores[..., None]], axis=-1, dtype=np.float32)


def _compare_boxes(pairs: Sequence[tuple[Any, Any]], card: Card, common: dict[str, Any]) -> Parity:
    what = "keypoints" if card.task == "onestage" else "boxes"
    key = "keypoints" if card.task == "onestage" else "labels"
    best = max((float(a["dets"][0, :, 4].max(initial=0)) for a, _ in pairs), default=0.0)
    least = SURE if best > SURE else 1e-9
    away: list[Float32Array] = []
    confident = [np.empty(0, np.float32)]
    scores, similar, unmatched = [0.0], list[float](), 0
    for a, b in pairs:
        rows = np.flatnonzero(a["dets"][0, :, 4] > least)[:BOXES]
        others = np.flatnonzero(b["dets"][0, :, 4] > 0)
        left = set(others.tolist())
        for row in rows:
            mine = a["dets"][0, row]
            overlap = geometry.iou_matrix(mine[None, :4], b["dets"][0, others, :4])[0]
            if what == "boxes":
                overlap = np.where(b["labels"][0, others] == a["labels"][0, row], overlap, 0)
            partner = int(others[overlap.argmax()]) if len(others) else -1
            if partner not in left or overlap.max() < 0.5:
                unmatched += 1
                similar.append(0.0)
                continue
            left.discard(partner)
            theirs = b["dets"][0, partner]
            scores.append(abs(float(mine[4] - theirs[4])))
            if what == "boxes":
                away.append(np.abs(mine[:4] - theirs[:4]))
                similar.append(float(overlap.max()))
            else:
                gap = np.linalg.norm(a[key][0, row, :, :2] - b[key][0, partner, :, :2], axis=-1)
                away.append(gap)
                confident.append(gap[a[key][0, row, :, 2] > CONFIDENT])
                size = float(geometry.areas(mine[None, :4])[0])
                similar.append(float(_similarity(gap[None], card, area=size).mean()))
    if not away:
        raise RtmError(
            f"{card.name} finds nothing in {len(pairs)} images, so the export cannot be checked; "
            "give --images DIR with images of what it finds"
        )
    together = np.concatenate(away)
    return Parity(
        what=what, compared=len(away), unmatched=unmatched, score=max(scores), similarity=float(np.mean(similar)),
        p99_confident=_p99(np.concatenate(confident)), **common, **_distances(together),
    )  # fmt: skip


def _p99(away: Float32Array) -> float | None:
    return float(np.percentile(away, 99)) if away.size >= FEW else None


def _distances(away: Float32Array) -> dict[str, Any]:
    median, p99 = np.percentile(away, (50, 99))
    return {"median": float(median), "p99": float(p99), "worst": float(away.max())}


def _similarity(away: Float32Array, card: Card, *, area: float | None = None) -> Float32Array:
    """OKS terms (N, K) of distances in input pixels; a crop's person fills 1 / 1.25 of each side."""
    from rtmcli.skeletons import load_skeleton

    try:
        sigmas = load_skeleton(card.skeleton or "coco17").sigmas
    except RtmError:
        sigmas = np.empty(0)
    if len(sigmas) != away.shape[1]:
        sigmas = np.full(away.shape[1], 0.05)
    size = area if area is not None else card.width * card.height / PADDING**2
    terms: Float32Array = np.exp(-(away**2) / (2 * (2 * sigmas) ** 2 * max(size, 1.0)))
    return terms


def _views(images: Sequence[Image], card: Card, most: int) -> list[tuple[Image, Float32Array | None]]:
    """Whole images, or for a pose model the people in them; an image without people is one crop."""
    if card.task != "topdown":
        return [(image, None) for image in images]
    detector = Detector(threads=1)
    views: list[tuple[Image, Float32Array | None]] = []
    for image in images:
        people = [person.box for person in detector([image])[0] if person.box is not None]
        whole = np.array([0, 0, image.shape[1], image.shape[0]], np.float32)
        views += [(image, box) for box in people[:4]] or [(image, whole)]
    step = max(1, len(views) // most)
    return views[::step][:most]
