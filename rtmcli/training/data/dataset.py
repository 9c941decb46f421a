"""Labelled pictures for training: COCO files and records, in folders, tar shards or zips, mixed as a recipe asks.

A set is read once into plain arrays; pixels are read when a sample is drawn. Points are told in the recipe's
skeleton from the start (`skeleton_map`), so all geometry afterwards uses one flip and one pair of halves.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from rtmcli.arrays import Float32Array
from rtmcli.errors import DataError
from rtmcli.formats.image_matching import listing, match_files
from rtmcli.skeletons import Skeleton
from rtmcli.terminal.messages import say
from rtmcli.training.data.image_store import Store
from rtmcli.training.data.labels import Picture, from_coco, from_records


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
        list(from_records(labels, skeleton))
        if records
        else list(from_coco(labels, skeleton, source_skeleton))
    )
    if not pictures:
        raise DataError(f"{labels} holds no pictures; is it the right file?")
    store = Store(images if images is not None else labels.parent)
    pictures = _as_stored(pictures, store, str(labels))
    return DataSet(str(labels), store, pictures, ratio)


def _as_stored(pictures: list[Picture], store: Store, labels: str) -> list[Picture]:
    """The pictures under their names in the store, which may differ in separators, folders or what hosts add.

    A picture that is not there keeps its name, for `check_set` to list. Raises DataError where most are not.
    """
    if all(picture.name in store for picture in pictures):
        return pictures
    names = list(dict.fromkeys(picture.name for picture in pictures))
    images = [{"id": name, "file_name": name} for name in names]
    stored, notes = match_files(images, store.names(), labels=labels)
    missing = [name for name in names if name not in stored]
    text = (
        f"{len(missing)} of the {len(names)} images of {labels} are not in {store.path}: {listing(missing)}"
    )
    if 2 * len(missing) > len(names):
        raise DataError(f"{text}; name their folder or archive with --images")
    for note in [*notes, *([text] if missing else [])]:
        say(note, program="rtm train")
    return [replace(picture, name=stored.get(picture.name, picture.name)) for picture in pictures]


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
            if labels.maps and (soft := labels.maps[j]) is not None:
                try:
                    soft.read(labels.keypoints.shape[1])
                except DataError as error:
                    yield f"{who}: {error}"


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


def _sides(box: Float32Array) -> Float32Array:
    return box[2:] - box[:2]
