"""Boxes to estimate poses in, from a COCO label file or a COCO detection file."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from rtmcli.errors import DataError
from rtmcli.formats.coco import check_results
from rtmcli.formats.image_matching import ImageMatcher
from rtmcli.formats.labels import labels_of, points_of, read_json
from rtmcli.formats.mpii import is_mpii
from rtmcli.geometry.boxes import clip, from_xywh
from rtmcli.records.frame import Instance

# COCO's category of people.
PERSON = 1


@dataclass(slots=True)
class GivenBoxes:
    """Boxes by image.

    Attributes:
        name: the file.
        images: entries with `id` and, where known, `file_name`, in the file's order.
        people: boxes by the image's id.
        listed: whether the file lists its images (labels); a detection file only has their ids.
        notes: what must be known about the file.
    """

    name: str
    images: Sequence[Mapping[str, Any]]
    people: dict[Any, list[Instance]]
    listed: bool
    notes: list[str] = field(default_factory=list)
    matcher: ImageMatcher = field(init=False)

    def __post_init__(self) -> None:
        self.matcher = ImageMatcher(self.images, labels=self.name)

    def of_file(self, path: str | Path) -> list[Instance] | None:
        """The boxes of an image file, found by `ImageMatcher`; None where the file does not know the image."""
        image = self.matcher.find_file(str(path))
        return None if image is None else self.people.get(image["id"], [])


def read_coco_boxes(path: str | Path) -> GivenBoxes:
    """Boxes of a label file or a detection file.

    Of labels the boxes of people with a labelled point, crowds left out, clipped to the image and scored 1, as
    evaluations with ground-truth boxes do. Of detections (`[{"image_id", "category_id", "bbox", "score"}]`) the boxes
    of people as they are: category 1, or the only category of the file.
    """
    data = read_json(path)
    if isinstance(data, list) and not is_mpii(data):
        return _detections(data, str(path))
    truth = labels_of(data, path)
    labels = {c["id"]: c.get("name", "person") for c in truth["categories"]}
    images = {image["id"]: image for image in truth["images"]}
    people: dict[Any, list[Instance]] = {key: [] for key in images}
    for entry in truth["annotations"]:
        image = images.get(entry["image_id"])
        box, points = entry.get("bbox", ()), points_of(entry)
        unlabelled = len(points) > 0 and not (points[:, 2] > 0).any()
        if image is None or entry.get("iscrowd") or unlabelled or len(box) != 4 or min(box[2:]) <= 0:
            continue
        size = (image["width"], image["height"]) if "width" in image and "height" in image else None
        label = labels.get(entry["category_id"], "person")
        people[image["id"]].append(_boxed({"score": 1.0, **entry}, label, size))
    return GivenBoxes(str(path), truth["images"], people, listed=True)


def _detections(data: Any, name: str) -> GivenBoxes:
    entries = check_results(data, name)
    if any("bbox" not in entry for entry in entries):
        raise DataError(f"{name} has results without a bbox, not detections")
    categories = sorted({str(entry.get("category_id", PERSON)) for entry in entries})
    notes = []
    chosen = str(PERSON)
    if chosen not in categories and categories:
        if len(categories) > 1:
            raise DataError(
                f"{name} has boxes of the categories {', '.join(categories)} and none of {PERSON}, COCO's person; "
                "keep those of one category"
            )
        chosen = categories[0]
        notes.append(f"{name} has boxes of category {chosen} alone: they are taken as people")
    people: dict[Any, list[Instance]] = {}
    for entry in entries:
        boxes = people.setdefault(entry["image_id"], [])
        if str(entry.get("category_id", PERSON)) == chosen:
            boxes.append(_boxed(entry, "person", None))
    # Some detectors write the name of the image as its id.
    images = [
        {"id": key} if not isinstance(key, str) or key.isdecimal() else {"id": key, "file_name": key}
        for key in people
    ]
    return GivenBoxes(name, images, people, listed=False, notes=notes)


def _boxed(entry: Mapping[str, Any], label: str, size: tuple[int, int] | None) -> Instance:
    box = from_xywh(np.array(entry["bbox"], np.float32))
    if size is not None:
        box = clip(box, size)
    return Instance(box=box.astype(np.float32), score=float(entry["score"]), label=label)
