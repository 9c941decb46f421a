"""Records to COCO results."""

from collections.abc import Callable, Iterable
from pathlib import Path, PurePath
from typing import Any, BinaryIO

import numpy as np
import orjson

from rtmcli.errors import DataError
from rtmcli.formats.categories import CategoryOf
from rtmcli.formats.coco_boxes import PERSON
from rtmcli.formats.image_matching import ImageMatcher
from rtmcli.formats.image_names import listing, trailing_number
from rtmcli.formats.labels import POINT_FIELDS, read_labels, reorder
from rtmcli.geometry.boxes import to_xywh
from rtmcli.geometry.oks import ranking_scores
from rtmcli.records.frame import Frame, Instance
from rtmcli.records.line_io import Sink
from rtmcli.skeletons.of_frame import skeleton_of


def write_coco_results(
    frames: Iterable[Frame],
    sink: str | BinaryIO,
    *,
    labels: str | Path | None = None,
    note: Callable[[str], None] | None = None,
) -> int:
    """Write records as COCO results: one list, each entry written as its frame comes. Returns the number of entries.

    `image_id` is that of the image in `labels`, and `category_id` that of the instance's class there; without labels
    the number at the end of an image's name, or of a video's frame, and 1. Where the first image has no number in its
    name, all are numbered from 1, as `write_coco_labels` does. `score` is what COCO's metric ranks by
    (`rtm eval --rank`). A point that does not exist is 0, 0, 0. A coco133 is written in the fields of COCO-WholeBody.

    Args:
        note: called with what must be known, such as records whose image the labels do not have.

    Raises DataError where the labels do not have most of the images or have no category for an instance, for an image
    without a number in its name, and where two sources would get one number.

    Example:
        from rtmcli import read_frames, write_coco_results

        write_coco_results(read_frames("walk.jsonl"), "results.json")
    """
    numbering: _ByLabels | _ByNames | _ByOrder | None = _ByLabels(labels) if labels is not None else None
    count = records = 0
    with Sink(sink) as out:
        out.write(b"[")
        for place, frame in enumerate(frames, 1):
            if numbering is None:
                numbering = _ByNames() if _number(frame) is not None else _ByOrder()
            if not frame.instances:
                continue
            records += 1
            image_id = numbering.image_id(frame, place)
            if image_id is None:
                continue
            for one in frame.instances:
                entry = _result(one, image_id, numbering.category_id(one, frame), frame)
                numbering.in_file_order(entry)
                out.write(
                    (b",\n" if count else b"\n") + orjson.dumps(entry, option=orjson.OPT_SERIALIZE_NUMPY)
                )
                count += 1
        for text in numbering.check(records) if numbering is not None else ():
            if note is not None:
                note(text)
        out.write(b"\n]\n")
    return count


class _ByLabels:
    """Ids of a label file."""

    def __init__(self, path: str | Path) -> None:
        truth = read_labels(path)
        self._path = path
        self._matcher = ImageMatcher(truth["images"], labels=str(path))
        self._category_of = CategoryOf(truth)
        self._orders = {
            category: np.argsort(order).tolist() for category, order in truth["keypoint_orders"].items()
        }
        self._names = [str(c.get("name", c["id"])) for c in truth["categories"]]
        self._unmatched: list[str] = []

    def image_id(self, frame: Frame, place: int) -> Any:
        """The id of a frame's image; None where the labels do not have it."""
        image = self._matcher.find(frame)
        if image is None:
            self._unmatched.append(_image_name(frame))
        return None if image is None else image["id"]

    def category_id(self, one: Instance, frame: Frame) -> Any:
        if not self._names:
            return PERSON
        category = self._category_of(one)
        if category is None:
            raise DataError(
                f"{_image_name(frame)}: {self._path} has no category for an instance of class {one.label!r}; it has "
                f"{', '.join(self._names)}"
            )
        return category

    def in_file_order(self, entry: dict[str, Any]) -> None:
        """Bring the keypoints of a result into the order that the labels name them in."""
        reorder(entry, self._orders.get(entry["category_id"], ()))

    def check(self, records: int) -> list[str]:
        """Notes at the end. Raises DataError where most records have no image."""
        missing = self._unmatched
        if not missing:
            return self._matcher.notes()
        text = f"{len(missing)} of {records} records are of images that {self._path} does not have: {listing(missing)}"
        if 2 * len(missing) > records:
            raise DataError(text)
        return [f"{text}; they are left out", *self._matcher.notes()]


class _ByNames:
    """Numbers at the end of image names, or of video frames; 1 for the category."""

    def __init__(self) -> None:
        self._owners: dict[int, str] = {}
        # The frames of an endless video need no list: no other source may have their numbers.
        self._video: str | None = None

    def image_id(self, frame: Frame, place: int) -> int:
        found = _number(frame)
        if found is None:
            raise DataError(
                f"{_image_name(frame)}: no number in its name for image_id, and earlier images have one; give --labels "
                "FILE, which numbers the images"
            )
        number, of_video = found
        owner = self._video or self._owners.get(number)
        if owner not in (None, frame.source):
            raise DataError(
                f"{frame.source} and {owner} would both have an image {number}; give --labels FILE, or convert "
                "one source at a time"
            )
        if of_video:
            self._video = frame.source
        else:
            self._owners[number] = frame.source
        return number

    def category_id(self, one: Instance, frame: Frame) -> int:
        return PERSON

    def in_file_order(self, entry: dict[str, Any]) -> None:
        """Nothing to do: no file names the keypoints."""

    def check(self, records: int) -> list[str]:
        return []


class _ByOrder:
    """Images by their place from 1, as `coco_labels_writer` numbers them; 1 for the category."""

    def image_id(self, frame: Frame, place: int) -> int:
        return place

    def category_id(self, one: Instance, frame: Frame) -> int:
        return PERSON

    def in_file_order(self, entry: dict[str, Any]) -> None:
        """Nothing to do: no file names the keypoints."""

    def check(self, records: int) -> list[str]:
        return ["images without a number in their names are numbered from 1, as by --to coco-labels"]


def _result(one: Instance, image_id: Any, category_id: Any, frame: Frame) -> dict[str, Any]:
    entry: dict[str, Any] = {"image_id": image_id, "category_id": category_id}
    if one.keypoints is not None:
        points = np.where(np.isnan(one.keypoints), np.float32(0), one.keypoints)
        if frame.skeleton == "coco133":
            parts = skeleton_of(frame, points).parts
            for name, part in zip(POINT_FIELDS, parts.values(), strict=True):
                entry[name] = np.ascontiguousarray(points[list(part)].ravel())
        else:
            entry["keypoints"] = np.ascontiguousarray(points.ravel())
    if one.box is not None:
        entry["bbox"] = to_xywh(one.box)
    entry["score"] = _rank(one, frame.model or "")
    if one.id is not None:
        entry["track_id"] = one.id
    return entry


def _rank(one: Instance, model: str) -> float:
    """What COCO's metric ranks by: the box score of a one-stage model, else box score times keypoint scores."""
    box = 1.0 if one.score is None else one.score
    if one.keypoints is None or model.startswith("rtmo"):
        return box
    ranked = ranking_scores(np.array([box]), one.keypoints[None, :, 2], mode="box-keypoint")
    return float(ranked[0])


def _number(frame: Frame) -> tuple[int, bool] | None:
    """The number of a frame's image, and whether it is that of a video's frame; None for a name without a number."""
    if frame.time is not None or frame.frame > 0 or (frame.frames or 0) > 1:
        return frame.frame, True
    name = _image_name(frame)
    number = trailing_number(PurePath(name).stem)
    return None if number is None else (number, False)


def _image_name(frame: Frame) -> str:
    return str(frame.extra.get("file", frame.source))
