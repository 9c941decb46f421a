"""Labelled images for training: COCO files and records, with images in folders, tars or zips.

Labels are read once into arrays, images when a sample is drawn. Keypoints are mapped to the recipe's skeleton when they
are read (`skeleton_map`), so that mirroring and half bodies need one skeleton only.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from rtmcli.arrays import Float32Array
from rtmcli.errors import DataError
from rtmcli.formats.image_matching import match_files
from rtmcli.formats.image_names import listing
from rtmcli.skeletons import Skeleton
from rtmcli.terminal.messages import say
from rtmcli.training.data.image_store import Store
from rtmcli.training.data.labels import LabelledImage, read_coco, read_records


@dataclass(eq=False)
class DataSet:
    """A labelled set in a target skeleton.

    ratio: samples per epoch as a fraction of the set; 3 takes it three times, 0.3 draws another part each epoch.
    classes: names of a detector's classes by label; empty for keypoints.
    people: (image, person) of everybody with a box of at least a pixel and a labelled keypoint, for crops.
    """

    source: str
    store: Store
    images: list[LabelledImage]
    ratio: float = 1.0
    classes: tuple[str, ...] = ()
    people: list[tuple[int, int]] = field(init=False)

    def __post_init__(self) -> None:
        self.people = [
            (i, j)
            for i, entry in enumerate(self.images)
            for j in range(len(entry.labels.boxes))
            if (entry.labels.weights[j] > 0).any() and _sides(entry.labels.boxes[j]).min() >= 1
        ]


def load_set(
    labels: Path,
    images: Path | None,
    *,
    skeleton: Skeleton | None,
    source_skeleton: str | None = None,
    classes: Sequence[str] | None = None,
    ratio: float = 1.0,
) -> DataSet:
    """A set from a COCO file or from records (`rtm pose ... > teacher.jsonl`).

    Args:
        images: where the pixels are; for a COCO file by default the folder of the labels.
        skeleton: the target; None for a detector.
        source_skeleton: of the labels, where the file does not say it.
        classes: of a detector; by default `person` where the labels have it, else all of theirs.

    Raises:
        DataError: not such a file. UsageError: its keypoints cannot be mapped to the target skeleton, or it lacks
            one of the classes.

    Example:
        from pathlib import Path

        from rtmcli import load_set, load_skeleton

        people = load_set(Path("labels.json"), Path("images"), skeleton=load_skeleton("coco17"))
        print(len(people.images), len(people.people))
    """
    if not labels.is_file():
        raise DataError(f"no label file {labels}; --data takes a COCO .json or records .jsonl")
    if labels.suffix in (".jsonl", ".ndjson"):
        entries, chosen = read_records(labels, skeleton, classes)
    else:
        entries, chosen = read_coco(labels, skeleton, source_skeleton, classes)
    if not entries:
        raise DataError(f"{labels} lists no images; choose another file")
    store = Store(images if images is not None else labels.parent)
    entries = _as_stored(entries, store, str(labels))
    return DataSet(str(labels), store, entries, ratio, chosen)


def _as_stored(entries: list[LabelledImage], store: Store, labels: str) -> list[LabelledImage]:
    """The images under their names in the store, which may differ in separators, folders or what hosts add.

    An image that is not there keeps its name, for `check_set` to list. Raises DataError where most are not.
    """
    if all(entry.name in store for entry in entries):
        return entries
    names = list(dict.fromkeys(entry.name for entry in entries))
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
    return [replace(entry, name=stored.get(entry.name, entry.name)) for entry in entries]


def check_set(data: DataSet) -> Iterator[str]:
    """One line per fault of a set: unreadable images, boxes and keypoints outside of them, empty boxes and areas."""
    for entry in data.images:
        try:
            height, width = data.store.read(entry.name).shape[:2]
        except DataError as error:
            yield str(error)
            continue
        labels = entry.labels
        for j, box in enumerate(labels.boxes):
            who = f"{data.source}: image {entry.name}, person {j}"
            if _sides(box).min() < 1:
                yield f"{who}: the box {box.tolist()} is empty"
            elif box[0] >= width or box[1] >= height or box[2] <= 0 or box[3] <= 0:
                yield f"{who}: the box {box.tolist()} lies outside the image of {width} x {height}"
            if labels.areas[j] <= 0:
                yield f"{who}: its area is {labels.areas[j]:g}"
            known = labels.weights[j] > 0
            points = labels.keypoints[j][known]
            grown = np.array([width, height]) * 0.5
            if ((points < -grown) | (points > np.array([width, height]) + grown)).any():
                yield f"{who}: a labelled keypoint lies far outside the image"
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
