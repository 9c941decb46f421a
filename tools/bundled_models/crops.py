"""The crops that the bundled pose network learns from, cut once and kept as plain arrays.

Every person is stored as one 336 x 252 crop (height x width) with one and a half times the field of a network's
crop, so that one resampling a visit does scale, turn, shift and mirror; and the teacher's heat maps are stored
beside it for the network's own field. All positions are kept in the unit of the network's field: `n` is
(x - box centre) / field width, the same unit for x and y, so a field of 3:4 reaches from -1/2 to 1/2 in x and
from -2/3 to 2/3 in y.
"""

from __future__ import annotations

import functools
import io
import json
import tarfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch

from rtmcli.errors import DataError
from rtmcli.zoo.family_pixels import IMAGENET_RGB

CROP = (252, 336)  # width, height of a stored crop
FIELD = 1.5  # field of a stored crop in fields of the network
PADDING = 1.25  # field of the network in boxes (RTMPose)
ASPECT = 3 / 4
FOLDERS = ("train", "train_sports", "train_people")  # of the data folder, as pictures for training
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
    source: np.ndarray  # (N,) int64: index of the folder in FOLDERS
    pictures: np.ndarray  # (N,) int64: id of the picture in its label file

    def save(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        for name, array in vars(self).items():
            np.save(folder / f"{name}.npy", array)

    @staticmethod
    def load(folder: Path) -> Crops:
        names = ("images", "points", "weights", "maps", "source", "pictures")
        return Crops(*(np.load(folder / f"{name}.npy", mmap_mode="r") for name in names))

    @staticmethod
    def join(parts: Sequence[Crops]) -> Crops:
        return Crops(
            *(np.concatenate(arrays) for arrays in zip(*(vars(p).values() for p in parts), strict=True))
        )


def held_out(picture: int) -> bool:
    """Whether a picture of `train` belongs to the tenth that is measured and not trained on."""
    return zlib.crc32(str(picture).encode()) % 10 == 0


def compared(picture: int) -> bool:
    """Whether a picture of `train` belongs to another tenth, measured as well: how much is overfit."""
    return zlib.crc32(str(picture).encode()) % 10 == 1


def cut_people(
    folder: Path,
    *,
    min_labels: int = 0,
    min_side: float = 24.0,
    chosen: Callable[[int], bool] = lambda picture: True,
) -> Iterator[tuple[Person, np.ndarray]]:
    """Every usable person of a data folder with its picture (H, W, 3, BGR), picture by picture.

    Usable for training: at least three labelled points, or none and a box of `min_side` pixels both ways (whose
    points are the teacher's). With `min_labels`, everybody with as many labelled points. Crowds are left out, and
    pictures whose id is not `chosen`.
    """
    labels = json.loads((folder / "person_keypoints.json").read_text())
    people: dict[int, list[Person]] = {}
    for note in labels["annotations"]:
        keypoints = np.array(note.get("keypoints", [0] * 51), np.float32).reshape(17, 3)
        keypoints[:, 2] = keypoints[:, 2] > 0
        labelled = int(keypoints[:, 2].sum())
        small = min(note["bbox"][2:]) < min_side
        usable = labelled >= min_labels if min_labels else labelled >= 3 or (labelled == 0 and not small)
        if note.get("iscrowd") or not usable or not chosen(note["image_id"]):
            continue
        scores = note.get("teacher_scores")
        person = Person(
            note["image_id"], note["id"], tuple(note["bbox"]), keypoints, np.array(scores) if scores else None
        )
        people.setdefault(note["image_id"], []).append(person)
    labels["images"] = [entry for entry in labels["images"] if entry["id"] in people]
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


@functools.cache
def constant(values: Sequence[float], device: str | torch.device) -> torch.Tensor:
    """A small tensor that is made once for each device: a copy to a GPU waits for all work before it."""
    return torch.tensor(values, device=device)


def normalise(crops: np.ndarray, device: str = "cpu") -> torch.Tensor:
    """BGR uint8 crops (N, H, W, 3) -> the normalised RGB batch (N, 3, H, W)."""
    batch = torch.from_numpy(np.ascontiguousarray(crops[..., ::-1])).to(device).permute(0, 3, 1, 2).float()
    mean, std = (constant(tuple(IMAGENET_RGB[key]), device).view(1, 3, 1, 1) for key in ("mean", "std"))
    return (batch - mean) / std
