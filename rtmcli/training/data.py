"""Labelled pictures for training: COCO files and records, in folders, tar shards or zips, mixed as a recipe asks.

A set is read once into plain arrays; pixels are read when a sample is drawn. Points are told in the recipe's
skeleton from the start (`skeleton_map`), so all geometry afterwards uses one flip and one pair of halves.
"""

from __future__ import annotations

import json
import tarfile
import threading
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from rtmcli.cv import cv2
from rtmcli.errors import DataError, UsageError
from rtmcli.skeletons import Skeleton, load_skeleton
from rtmcli.training.skeleton_map import convert_keypoints

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False, slots=True)
class Labels:
    """Who is in one picture.

    boxes: (G, 4) x1, y1, x2, y2. keypoints: (G, K, 2). weights: (G, K) 0 where unknown, 1 a label, between: a
    teacher's confidence. areas: (G,). crowds: (C, 4) boxes in which nobody is told apart. classes: (G,).
    """

    boxes: Floats
    keypoints: Floats
    weights: Floats
    areas: Floats
    crowds: Floats
    classes: npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False, slots=True)
class Picture:
    """A picture of a set: its name in the store, its id in the label file, and who is in it."""

    name: str
    id: Any
    labels: Labels


class Store:
    """The pixels of a set by name: a folder, a tar, a zip, or a folder of tars or zips.

    Archives stay closed until the first picture is asked for, and each process and thread opens its own.
    """

    def __init__(self, path: Path) -> None:
        if not path.exists():
            raise DataError(f"no pictures at {path}; name a folder, a tar or a zip with --images")
        self.path = path
        shards = sorted([*path.glob("*.tar"), *path.glob("*.zip")]) if path.is_dir() else [path]
        self.members: dict[str, tuple[Path, int, int]] = {}
        for shard in shards:
            self.members.update(_members(shard))
        self._open = threading.local()

    def read(self, name: str) -> npt.NDArray[np.uint8]:
        """The picture (H, W, 3) BGR. Raises DataError where it is missing or damaged."""
        data = self.bytes_of(name)
        image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR) if data else None
        if image is None:
            raise DataError(
                f"{name} in {self.path} cannot be decoded as a picture; 'rtm train --check' lists all"
            )
        return np.asarray(image, np.uint8)

    def bytes_of(self, name: str) -> bytes:
        place = self.members.get(name) or self.members.get(Path(name).name)
        if place is None:
            file = self.path / name
            if self.path.is_dir() and file.is_file():
                return file.read_bytes()
            raise DataError(f"{name} is in the labels but not in {self.path}; 'rtm train --check' lists all")
        shard, start, size = place
        if shard.suffix == ".zip":
            return self._archive(shard).read(name if name in self._names(shard) else Path(name).name)
        with shard.open("rb") as file_:
            file_.seek(start)
            return file_.read(size)

    def _archive(self, shard: Path) -> zipfile.ZipFile:
        opened = self._open.__dict__.setdefault("zips", {})
        if shard not in opened:
            opened[shard] = zipfile.ZipFile(shard)
        return opened[shard]

    def _names(self, shard: Path) -> set[str]:
        return set(self._archive(shard).NameToInfo)

    def __getstate__(self) -> dict[str, Any]:
        return {"path": self.path, "members": self.members}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state, _open=threading.local())


@dataclass(eq=False)
class DataSet:
    """A labelled set in a target skeleton.

    ratio: samples an epoch as a share of the set; 3 takes it three times, 0.3 draws that part anew each epoch.
    people: (picture, person) of everybody with a usable box and a point, for crops.
    """

    source: str
    store: Store
    pictures: list[Picture]
    ratio: float = 1.0
    people: list[tuple[int, int]] = field(init=False)

    def __post_init__(self) -> None:
        self.people = [
            (i, j)
            for i, picture in enumerate(self.pictures)
            for j in range(len(picture.labels.boxes))
            if (picture.labels.weights[j] > 0).any() and _sides(picture.labels.boxes[j]).min() >= 1
        ]


def load_set(
    labels: Path,
    images: Path | None,
    *,
    skeleton: Skeleton | None,
    source_skeleton: str | None = None,
    ratio: float = 1.0,
) -> DataSet:
    """A set from a COCO file or from records (`rtm pose ... > teacher.jsonl`).

    Args:
        images: where the pixels are; for a COCO file by default the folder of the labels.
        skeleton: the target; None for a detector.
        source_skeleton: of the labels, where the file does not say it.

    Raises:
        DataError: not such a file. UsageError: its points cannot be told in the target skeleton.
    """
    if not labels.is_file():
        raise DataError(f"no label file {labels}; --data takes a COCO .json or records .jsonl")
    records = labels.suffix in (".jsonl", ".ndjson")
    pictures = (
        list(_from_records(labels, skeleton))
        if records
        else list(_from_coco(labels, skeleton, source_skeleton))
    )
    if not pictures:
        raise DataError(f"{labels} holds no pictures; is it the right file?")
    store = Store(images if images is not None else labels.parent)
    return DataSet(str(labels), store, pictures, ratio)


def check_set(data: DataSet) -> Iterator[str]:
    """One line for each thing that is wrong with a set: unreadable pictures, boxes and points outside, no area."""
    for picture in data.pictures:
        try:
            height, width = data.store.read(picture.name).shape[:2]
        except DataError as error:
            yield str(error)
            continue
        labels = picture.labels
        for j, box in enumerate(labels.boxes):
            who = f"{data.source}: picture {picture.name}, person {j}"
            if _sides(box).min() < 1:
                yield f"{who}: the box {box.tolist()} is empty"
            elif box[0] >= width or box[1] >= height or box[2] <= 0 or box[3] <= 0:
                yield f"{who}: the box {box.tolist()} lies outside the picture of {width} x {height}"
            if labels.areas[j] <= 0:
                yield f"{who}: its area is {labels.areas[j]:g}"
            known = labels.weights[j] > 0
            points = labels.keypoints[j][known]
            grown = np.array([width, height]) * 0.5
            if ((points < -grown) | (points > np.array([width, height]) + grown)).any():
                yield f"{who}: a labelled point lies far outside the picture"


def epoch_order(sizes: list[int], ratios: list[float], *, seed: int, epoch: int) -> list[tuple[int, int]]:
    """(set, sample) of one epoch, shuffled; the same for the same seed and epoch on every process."""
    random = np.random.default_rng((seed, epoch, 1))
    order: list[tuple[int, int]] = []
    for number, (size, ratio) in enumerate(zip(sizes, ratios, strict=True)):
        whole, part = int(ratio), ratio - int(ratio)
        chosen = [*range(size)] * whole
        if part:
            chosen += random.permutation(size)[: round(part * size)].tolist()
        order += [(number, index) for index in chosen]
    return [order[i] for i in random.permutation(len(order))]


def _from_coco(path: Path, skeleton: Skeleton | None, source: str | None) -> Iterator[Picture]:
    try:
        content = json.loads(path.read_text())
        entries, notes = content["images"], content["annotations"]
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(
            f"{path} is not a COCO label file ({error!r}); it needs images and annotations"
        ) from None
    by_picture: dict[Any, list[dict[str, Any]]] = {}
    for note in notes:
        by_picture.setdefault(note["image_id"], []).append(note)
    count = max((len(note.get("keypoints", ())) // 3 for note in notes), default=0)
    pairs = _pairs(path, count, skeleton, source) if skeleton is not None else None
    categories = {c["id"]: i for i, c in enumerate(content.get("categories") or [{"id": 1}])}
    for entry in entries:
        mine = by_picture.get(entry["id"], [])
        crowds = [_corners(n["bbox"]) for n in mine if n.get("iscrowd")]
        kept = [n for n in mine if not n.get("iscrowd") and n.get("bbox")]
        raw = np.array([_points(n, count) for n in kept], np.float32).reshape(len(kept), count, 3)
        boxes = np.array([_corners(n["bbox"]) for n in kept], np.float32).reshape(-1, 4)
        areas = np.array([n.get("area") or 0.53 * n["bbox"][2] * n["bbox"][3] for n in kept], np.float32)
        classes = np.array([categories.get(n.get("category_id", 1), 0) for n in kept], np.int64)
        points, weights = _told(raw, pairs, skeleton)
        labels = Labels(boxes, points, weights, areas, np.array(crowds, np.float32).reshape(-1, 4), classes)
        yield Picture(entry["file_name"], entry["id"], labels)


def _from_records(path: Path, skeleton: Skeleton | None) -> Iterator[Picture]:
    """Records as a teacher's labels: a keypoint's weight is its score, at most 1."""
    from rtmcli.ndjson import read_frames

    for number, frame in enumerate(read_frames(str(path))):
        kept = [one for one in frame.instances if one.box is not None]
        name = str(frame.extra.get("file", frame.source))
        if skeleton is None:
            raw = np.zeros((len(kept), 0, 3), np.float32)
            pairs = None
        else:
            count = len(load_skeleton(frame.skeleton or skeleton.name))
            raw = np.array([_scored(one.keypoints, count) for one in kept], np.float32).reshape(-1, count, 3)
            pairs = _pairs(path, count, skeleton, frame.skeleton)
        points, weights = _told(raw, pairs, skeleton)
        boxes = np.array([one.box for one in kept], np.float32).reshape(-1, 4)
        areas = 0.53 * (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
        none, first = np.zeros((0, 4), np.float32), np.zeros(len(kept), np.int64)
        yield Picture(name, number, Labels(boxes, points, weights, areas, none, first))


def _told(
    raw: Floats, pairs: list[tuple[Any, int]] | None, skeleton: Skeleton | None
) -> tuple[Floats, Floats]:
    """Points (G, K, 2) and weights (G, K) in the target skeleton."""
    if skeleton is None:
        return np.zeros((len(raw), 0, 2), np.float32), np.zeros((len(raw), 0), np.float32)
    weights = np.minimum(raw[..., 2], 1)
    if pairs is None:
        return raw[..., :2], weights
    points, seen, _ = convert_keypoints(raw[..., :2], weights, pairs, len(skeleton))
    return points.astype(np.float32), seen.astype(np.float32)


def _pairs(path: Path, count: int, skeleton: Skeleton, source: str | None) -> list[tuple[Any, int]] | None:
    """How the file's points become the target's; None where they are the same."""
    if (source or skeleton.name) == skeleton.name and count in (0, len(skeleton)):
        return None
    if source is None:
        raise UsageError(
            f"{path} has {count} points a person and {skeleton.name} has {len(skeleton)}; "
            "say which skeleton the labels have with --data-skeleton"
        )
    own = load_skeleton(source)
    found = own.training_maps.get(skeleton.name) or own.maps.get(skeleton.name)
    if found is None:
        raise UsageError(
            f"there is no map from {own.name} to {skeleton.name}; 'rtm convert' may know a way in between"
        )
    return [*found.pairs, *((points, index) for index, points in found.derived.items())]


def _points(note: Mapping[str, Any], count: int) -> list[list[float]]:
    flat = note.get("keypoints") or [0] * (3 * count)
    rows = [[float(v) for v in flat[i : i + 3]] for i in range(0, len(flat), 3)]
    return [[x, y, float(v > 0)] for x, y, v in rows] + [[0.0, 0.0, 0.0]] * (count - len(rows))


def _scored(keypoints: Any, count: int) -> list[list[float]]:
    rows = keypoints if keypoints is not None else [None] * count
    return [
        [0.0, 0.0, 0.0] if row is None else [float(row[0]), float(row[1]), float(max(row[2], 0))]
        for row in rows
    ]


def _corners(box: list[float]) -> list[float]:
    x, y, w, h = box
    return [x, y, x + w, y + h]


def _sides(box: Floats) -> Floats:
    return box[2:] - box[:2]


def _members(shard: Path) -> Iterator[tuple[str, tuple[Path, int, int]]]:
    """Names in an archive with where their bytes lie: known at once, so that reading one needs no search."""
    if shard.suffix == ".tar":
        with tarfile.open(shard) as archive:
            for member in archive:
                if member.isfile():
                    yield member.name, (shard, member.offset_data, member.size)
    elif shard.suffix == ".zip":
        with zipfile.ZipFile(shard) as archive_:
            for info in archive_.infolist():
                yield info.filename, (shard, 0, info.file_size)
