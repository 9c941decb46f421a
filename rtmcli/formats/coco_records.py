"""COCO files <-> records: labels and results in, results out, an image at a time."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path, PurePath
from typing import Any, BinaryIO

import numpy as np
import orjson

from rtmcli.errors import DataError
from rtmcli.formats.alphapose import alphapose_frames, is_alphapose, with_image_ids
from rtmcli.formats.categories import CategoryOf
from rtmcli.formats.coco import check_results, frames_of_results
from rtmcli.formats.coco_boxes import PERSON
from rtmcli.formats.image_matching import ImageMatcher, listing, trailing_number
from rtmcli.formats.labels import POINT_FIELDS, is_mpii, labels_of, points_of, read_json, read_labels
from rtmcli.geometry.boxes import from_xywh, to_xywh
from rtmcli.geometry.oks import ranking_scores
from rtmcli.records.frame import Frame, Instance
from rtmcli.records.line_io import Sink
from rtmcli.skeletons import load_skeleton

# Skeletons of COCO-form files by number of points, where the file does not say: those of the data sets in that form.
COMMON = {
    17: "coco17",
    133: "coco133",
    26: "halpe26",
    136: "halpe136",
    14: "crowdpose14",
    16: "mpii16",
    21: "hand21",
}


def read_coco_records(path: str | Path, *, labels: str | Path | None = None) -> Iterator[Frame]:
    """Records of a label file or a results file, one per image, also where no person is in it.

    Args:
        path: labels (`images`, `annotations`) or results (a list).
        labels: for results, the label file that their image ids belong to; without it an image is called after its
            id.

    A labelled keypoint scores 1; one without a label is missing (`null`).

    Example:
        from rtmcli import read_coco_records, write_frames

        write_frames(read_coco_records("labels.json"), "labels.jsonl")
    """
    data = read_json(path)
    if not isinstance(data, list) or is_mpii(data):
        yield from _frames_of_labels(labels_of(data, path))
        return
    truth = read_labels(labels) if labels is not None else None
    results = check_results(data, str(path))
    if truth is not None and labels is not None:
        results, _ = with_image_ids(results, truth, labels)
        known = {image["id"] for image in truth["images"]}
        strange = [repr(r["image_id"]) for r in results if r["image_id"] not in known]
        if strange:
            raise DataError(
                f"{path} has results of images that {labels} does not have: image_id {listing(strange)}"
            )
    foreign = truth is None and is_alphapose(results)
    frames = alphapose_frames(results, path) if foreign else _frames_of_results(results, truth)
    for frame in frames:
        for one in frame.instances:
            _forget_zeros(one)
            if one.score is not None:
                one.score = min(max(one.score, 0.0), 1.0)
        frame.skeleton = _common_skeleton(frame.instances)
        yield frame


def write_coco_results(
    frames: Iterable[Frame],
    sink: str | BinaryIO,
    *,
    labels: str | Path | None = None,
    note: Callable[[str], None] | None = None,
) -> int:
    """Write records as COCO results: one list, each entry written as its frame comes. Returns the number of entries.

    `image_id` is that of the image in `labels`, and `category_id` that of the instance's class there; without labels
    the number at the end of an image's name, or of a video's frame, and 1. `score` is what COCO's metric ranks by
    (`rtm eval --rank`). A point that does not exist is 0, 0, 0. A coco133 is written in the fields of COCO-WholeBody.

    Args:
        note: called with what must be known, such as records whose image the labels do not have.

    Raises DataError where the labels do not have most of the images or have no category for an instance, for an image
    without a number in its name, and where two sources would get one number.

    Example:
        from rtmcli import read_frames, write_coco_results

        write_coco_results(read_frames("walk.jsonl"), "results.json")
    """
    numbering = _ByLabels(labels) if labels is not None else _ByNames()
    count = records = 0
    with Sink(sink) as out:
        out.write(b"[")
        for frame in frames:
            if not frame.instances:
                continue
            records += 1
            image_id = numbering.image_id(frame)
            if image_id is None:
                continue
            for one in frame.instances:
                entry = _result(one, image_id, numbering.category_id(one, frame), frame)
                out.write(
                    (b",\n" if count else b"\n") + orjson.dumps(entry, option=orjson.OPT_SERIALIZE_NUMPY)
                )
                count += 1
        for text in numbering.check(records):
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
        self._names = [str(c.get("name", c["id"])) for c in truth["categories"]]
        self._unmatched: list[str] = []

    def image_id(self, frame: Frame) -> Any:
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

    def check(self, records: int) -> list[str]:
        """Notes at the end. Raises DataError where most records have no image."""
        missing = self._unmatched
        if not missing:
            return self._matcher.notes()
        text = f"{len(missing)} of {records} records are of images that {self._path} does not have: {listing(missing)}"
        if 2 * len(missing) > records:
            raise DataError(text)
        return [f"left out {text}", *self._matcher.notes()]


class _ByNames:
    """Numbers at the end of image names, or of video frames; 1 for the category."""

    def __init__(self) -> None:
        self._owners: dict[int, str] = {}
        # The frames of an endless video need no list: no other source may have their numbers.
        self._video: str | None = None

    def image_id(self, frame: Frame) -> int:
        number, of_video = _number(frame)
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

    def check(self, records: int) -> list[str]:
        return []


def _result(one: Instance, image_id: Any, category_id: Any, frame: Frame) -> dict[str, Any]:
    entry: dict[str, Any] = {"image_id": image_id, "category_id": category_id}
    if one.keypoints is not None:
        points = np.where(np.isnan(one.keypoints), np.float32(0), one.keypoints)
        if frame.skeleton == "coco133":
            parts = load_skeleton(frame.skeleton).parts
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


def _number(frame: Frame) -> tuple[int, bool]:
    """The number of a frame's image, and whether it is that of a video's frame."""
    if frame.time is not None or frame.frame > 0 or (frame.frames or 0) > 1:
        return frame.frame, True
    name = _image_name(frame)
    number = trailing_number(PurePath(name).stem)
    if number is None:
        raise DataError(
            f"{name}: no number in its name for image_id; give --labels FILE, which numbers the images"
        )
    return number, False


def _image_name(frame: Frame) -> str:
    return str(frame.extra.get("file", frame.source))


def _frames_of_labels(data: dict[str, Any]) -> Iterator[Frame]:
    names = {category["id"]: category.get("name", "person") for category in data["categories"]}
    grouped: dict[Any, list[Instance]] = {image["id"]: [] for image in data["images"]}
    for entry in data["annotations"]:
        if entry["image_id"] in grouped and not entry.get("iscrowd"):
            grouped[entry["image_id"]].append(_labelled(entry, names.get(entry["category_id"], "person")))
    for image in data["images"]:
        people = grouped[image["id"]]
        yield Frame(
            source=image.get("file_name", str(image["id"])), frame=0, frames=1, width=image.get("width"),
            height=image.get("height"), skeleton=_common_skeleton(people), instances=people,
        )  # fmt: skip


def _labelled(entry: dict[str, Any], label: str) -> Instance:
    points = points_of(entry).astype(np.float32)
    points[points[:, 2] <= 0] = np.nan
    points[points[:, 2] > 0, 2] = 1
    box = from_xywh(np.array(entry["bbox"], np.float32)) if len(entry.get("bbox", ())) == 4 else None
    return Instance(
        box=box, score=1.0, label=label, keypoints=points if len(points) else None, id=entry.get("track_id")
    )


def _forget_zeros(one: Instance) -> None:
    """0, 0, 0 is how COCO writes a point that does not exist."""
    if one.keypoints is not None:
        one.keypoints[(one.keypoints == 0).all(axis=1)] = np.nan


def _frames_of_results(results: list[dict[str, Any]], truth: Mapping[str, Any] | None) -> Iterator[Frame]:
    for frame, numbers in frames_of_results(results, truth):
        for one, number in zip(frame.instances, numbers, strict=True):
            track = results[number].get("track_id") if number is not None else None
            one.id = track if isinstance(track, int) and track >= 0 else None
        yield frame


def _common_skeleton(people: Iterable[Instance]) -> str | None:
    counts = {len(one.keypoints) for one in people if one.keypoints is not None}
    return COMMON.get(counts.pop()) if len(counts) == 1 else None
