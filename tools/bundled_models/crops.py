"""The crops that the bundled pose network learns from, cut once and kept as plain arrays.

Every person is stored as one 336 x 252 crop (height x width) with one and a half times the field of a network's
crop, so that one resampling a visit does scale, turn, shift and mirror; and the teacher's heat maps are stored
beside it for the network's own field. All positions are kept in the unit of the network's field: `n` is
(x - box centre) / field width, the same unit for x and y, so a field of 3:4 reaches from -1/2 to 1/2 in x and
from -2/3 to 2/3 in y.
"""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch

from rtmcli.errors import DataError
from rtmcli.zoo.family_pixels import IMAGENET_RGB
from tools.bundled_models.onnx_teacher import Teacher, load_graph

CROP = (252, 336)  # width, height of a stored crop
FIELD = 1.5  # field of a stored crop in fields of the network
PADDING = 1.25  # field of the network in boxes (RTMPose)
ASPECT = 3 / 4
TEACHER_SIZE = (192, 256)
MAP_SIZE = (48, 64)
FLIP = [0, 2, 1, 4, 3, 6, 5, 8, 7, 10, 9, 12, 11, 14, 13, 16, 15]  # coco17


@dataclass
class Person:
    """One annotated person: the box it is cut by and its labels in pixels of the picture."""

    image_id: int
    annotation_id: int
    box: tuple[float, float, float, float]  # x, y, width, height
    keypoints: np.ndarray  # (17, 3): x, y, weight of the label
    scores: np.ndarray | None  # (17,) a teacher's heights where the labels are a teacher's


@dataclass
class Crops:
    """People ready for training; all arrays share their first axis."""

    images: np.ndarray  # (N, 336, 252, 3) uint8, RGB
    points: np.ndarray  # (N, 17, 2) float32 in fields
    weights: np.ndarray  # (N, 17) float32: 1 labelled by hand, a teacher's confidence, 0 unknown
    maps: np.ndarray  # (N, 17, 64, 48) uint8: the teacher's heat maps, 255 is a height of 1
    taught: np.ndarray  # (N,) bool: the maps come from the teacher (else drawn from its points)

    def save(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        for name, array in vars(self).items():
            np.save(folder / f"{name}.npy", array)

    @staticmethod
    def load(folder: Path) -> Crops:
        names = ("images", "points", "weights", "maps", "taught")
        return Crops(*(np.load(folder / f"{name}.npy", mmap_mode="r") for name in names))


def cut_people(
    folder: Path, *, min_labels: int = 0, min_side: float = 24.0
) -> Iterator[tuple[Person, np.ndarray]]:
    """Every usable person of a data folder with its picture (H, W, 3, BGR), picture by picture.

    Usable for training: at least three labelled points, or none at all but a box of `min_side` both ways (the
    teacher speaks for those). With `min_labels`, just whoever has as many labelled points. Crowds are left out.
    """
    labels = json.loads((folder / "person_keypoints.json").read_text())
    people: dict[int, list[Person]] = {}
    for note in labels["annotations"]:
        keypoints = np.array(note.get("keypoints", [0] * 51), np.float32).reshape(17, 3)
        keypoints[:, 2] = keypoints[:, 2] > 0
        labelled = int(keypoints[:, 2].sum())
        small = min(note["bbox"][2:]) < min_side
        usable = labelled >= min_labels if min_labels else labelled >= 3 or (labelled == 0 and not small)
        if note.get("iscrowd") or not usable:
            continue
        scores = note.get("teacher_scores")
        person = Person(
            note["image_id"], note["id"], tuple(note["bbox"]), keypoints, np.array(scores) if scores else None
        )
        people.setdefault(note["image_id"], []).append(person)
    for entry, image in read_pictures(folder, labels):
        for person in people.get(entry["id"], []):
            yield person, image


def read_pictures(folder: Path, labels: dict) -> Iterator[tuple[dict, np.ndarray]]:
    """The label file's entry and pixels of each picture, from `images/` or from the tar files."""
    entries = {entry["file_name"]: entry for entry in labels["images"]}
    if (folder / "images").is_dir():
        for name, entry in entries.items():
            yield entry, _readable(cv2.imread(str(folder / "images" / name)), name)
        return
    for shard in sorted(folder.glob("*.tar")):
        with tarfile.open(shard) as archive:
            for member in archive:
                stream = archive.extractfile(member)
                if stream is not None and member.name in entries:
                    data = np.frombuffer(io.BytesIO(stream.read()).getbuffer(), np.uint8)
                    yield entries[member.name], _readable(cv2.imdecode(data, cv2.IMREAD_COLOR), member.name)


def _readable(image: np.ndarray | None, name: str) -> np.ndarray:
    if image is None:
        raise DataError(f"{name} cannot be decoded as a picture; fetch the data folder again")
    return image


def field_of(box: tuple[float, float, float, float]) -> tuple[np.ndarray, float]:
    """Centre and width in pixels of the network's field around a box: grown to 3:4, then by 1.25."""
    x, y, w, h = box
    return np.array([x + w / 2, y + h / 2]), PADDING * max(w, h * ASPECT)


def cut(
    image: np.ndarray,
    box: tuple[float, float, float, float],
    size: tuple[int, int],
    grow: float = 1.0,
    *,
    halve: bool = True,
) -> np.ndarray:
    """The field of `box`, times `grow`, as a crop of `size` (W, H); the field's middle lies at (W / 2, H / 2).

    With `halve`, a picture that would shrink by more than two is first halved by area averaging, against aliasing.
    """
    centre, width = field_of(box)
    factor = size[0] / (width * grow)
    while halve and factor < 0.5:
        half = (max(image.shape[1] // 2, 1), max(image.shape[0] // 2, 1))
        ratio = np.array([half[0] / image.shape[1], half[1] / image.shape[0]])
        image, centre, factor = (
            cv2.resize(image, half, interpolation=cv2.INTER_AREA),
            centre * ratio,
            factor * 2,
        )
    shift = np.array(size) / 2 - factor * centre
    matrix = np.array([[factor, 0, shift[0]], [0, factor, shift[1]]])
    return cv2.warpAffine(image, matrix, size, flags=cv2.INTER_LINEAR)


def cut_for_teacher(image: np.ndarray, box: tuple[float, float, float, float]) -> np.ndarray:
    """TinyPose's own crop (256, 192, 3): the corner pixels' centres lie on the corners of the field."""
    centre, width = field_of(box)
    factor = (TEACHER_SIZE[0] - 1) / width
    if factor < 0.5:
        half = (image.shape[1] // 2, image.shape[0] // 2)
        image, centre, factor = cv2.resize(image, half, interpolation=cv2.INTER_AREA), centre / 2, factor * 2
    shift = (np.array(TEACHER_SIZE) - 1) / 2 - factor * centre
    matrix = np.array([[factor, 0, shift[0]], [0, factor, shift[1]]])
    return cv2.warpAffine(image, matrix, TEACHER_SIZE, flags=cv2.INTER_LINEAR)


def normalise(crops: np.ndarray, device: str = "cpu") -> torch.Tensor:
    """BGR uint8 crops (N, H, W, 3) -> the normalised RGB batch (N, 3, H, W)."""
    batch = torch.from_numpy(np.ascontiguousarray(crops[..., ::-1])).to(device).permute(0, 3, 1, 2).float()
    mean = torch.tensor(IMAGENET_RGB["mean"], device=device).view(1, 3, 1, 1)
    return (batch - mean) / torch.tensor(IMAGENET_RGB["std"], device=device).view(1, 3, 1, 1)


@torch.no_grad()
def teach(teacher: Teacher, crops: np.ndarray, device: str = "cpu") -> np.ndarray:
    """The teacher's heat maps, mean of the crop and its mirror image: (N, 17, 64, 48) in [0, 1]."""
    batch = normalise(crops, device)
    (maps,) = teacher(torch.cat([batch, batch.flip(3)]))
    straight, mirrored = maps.chunk(2)
    return ((straight + mirrored.flip(3)[:, FLIP]) / 2).clamp(0, 1).cpu().numpy()


def peaks(maps: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where each heat map is highest, in fields, with a parabola through the neighbours; and how high."""
    count, points, height, width = maps.shape
    flat = maps.reshape(count, points, -1)
    best, score = flat.argmax(-1), flat.max(-1)
    y, x = best // width, best % width
    padded = np.pad(maps, ((0, 0), (0, 0), (1, 1), (1, 1)), mode="edge")
    n, k = np.ogrid[:count, :points]

    def offset(before: np.ndarray, after: np.ndarray) -> np.ndarray:
        bend = 2 * score - before - after
        return np.where(bend > 1e-6, (after - before) / np.maximum(2 * bend, 1e-6), 0).clip(-0.5, 0.5)

    dx = offset(padded[n, k, y + 1, x], padded[n, k, y + 1, x + 2])
    dy = offset(padded[n, k, y, x + 1], padded[n, k, y + 2, x + 1])
    place = np.stack([(x + dx) / (width - 1) - 0.5, ((y + dy) / (height - 1) - 0.5) / ASPECT], -1)
    return place.astype(np.float32), score


def draw_maps(points: np.ndarray, heights: np.ndarray) -> np.ndarray:
    """Gaussians of the teacher's width (2 cells of 64 x 48) at `points` (17, 2, in fields): (17, 64, 48)."""
    x = np.arange(MAP_SIZE[0])[None] - (points[:, :1] + 0.5) * (MAP_SIZE[0] - 1)  # (17, 48)
    y = np.arange(MAP_SIZE[1])[None] - (points[:, 1:] * ASPECT + 0.5) * (MAP_SIZE[1] - 1)  # (17, 64)
    shape = np.exp(-(y[:, :, None] ** 2 + x[:, None, :] ** 2) / (2 * 2.0**2))
    return (shape * heights[:, None, None]).astype(np.float32)


def prepare_crops(data: Path, teacher_file: Path, folder: Path, *, device: str = "cpu", log=print) -> None:
    """Cut `train` and `train_sports`, run the teacher over `train`, and write the arrays to `folder`.

    The points of `train_sports` are that same teacher's already, so its maps are drawn from them.
    """
    teacher = Teacher(load_graph(teacher_file)).eval().to(device)
    teacher = teacher.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    parts: list[Crops] = []
    for name in ("train", "train_sports"):
        people, images, asked = [], [], []
        for person, image in cut_people(data / name):
            people.append(person)
            images.append(cut(image, person.box, CROP, FIELD)[..., ::-1])
            if person.scores is None:
                asked.append(cut_for_teacher(image, person.box))
        maps = np.zeros((len(people), 17, MAP_SIZE[1], MAP_SIZE[0]), np.uint8)
        points = np.zeros((len(people), 17, 2), np.float32)
        weights = np.zeros((len(people), 17), np.float32)
        for i, person in enumerate(people):
            centre, width = field_of(person.box)
            points[i] = (person.keypoints[:, :2] - centre) / width
            weights[i] = person.keypoints[:, 2]
            if person.scores is not None:
                maps[i] = np.round(255 * draw_maps(points[i], (person.scores * weights[i]).clip(0, 1)))
        for at in range(0, len(asked), 16):
            seen = teach(teacher, np.stack(asked[at : at + 16]), device)
            place, score = peaks(seen)
            maps[at : at + 16] = np.round(255 * seen)
            # a point without a label takes the teacher's, trusted by its height: see the card's diary
            silent = weights[at : at + 16] == 0
            trust = 0.6 * ((score - 0.3) / 0.4).clip(0, 1)
            points[at : at + 16] = np.where(silent[..., None], place, points[at : at + 16])
            weights[at : at + 16] = np.where(silent, trust, weights[at : at + 16])
            if at % 640 == 0:
                log(f"teacher: {at} of {len(asked)} people of {name}")
        taught = np.full(len(people), bool(asked))
        parts.append(Crops(np.stack(images), points, weights, maps, taught))
    joined = [np.concatenate(arrays) for arrays in zip(*(vars(part).values() for part in parts), strict=True)]
    Crops(*joined).save(folder)
