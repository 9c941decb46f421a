"""COCO's files: labels, key point results and detections, to frames and back."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path, PurePath
from typing import Any

import numpy as np

from rtmcli.arrays import Float32Array, Float64Array
from rtmcli.errors import DataError
from rtmcli.formats.labels import read_json, read_labels
from rtmcli.geometry.boxes import clip, from_xywh, to_xywh
from rtmcli.records.frame import Frame, Instance

# Key point fields of COCO-WholeBody, in the order of its 133 points.
PERSON = 1  # COCO's category
POINT_FIELDS = ("keypoints", "foot_kpts", "face_kpts", "lefthand_kpts", "righthand_kpts")


def check_results(data: Any, name: str) -> list[dict[str, Any]]:
    """The results of a parsed file: entries with `image_id`, `score` and `keypoints` or `bbox`.

    Raises DataError at the first entry that is not one; `name` names the file.
    """
    if not isinstance(data, list):
        raise DataError(f"{name} is not a COCO results file, which is a list")
    for number, entry in enumerate(data):
        if not isinstance(entry, dict) or "image_id" not in entry or "score" not in entry:
            raise DataError(f"{name}: entry {number} has no image_id or no score")
        if "keypoints" not in entry and len(entry.get("bbox", ())) != 4:
            raise DataError(f"{name}: entry {number} has neither keypoints nor a bbox of four numbers")
        for field in POINT_FIELDS:
            if len(entry.get(field, ())) % 3:
                raise DataError(
                    f"{name}: entry {number}: {len(entry[field])} numbers in {field!r} are no triples"
                )
        entry.setdefault("category_id", 1)
    return data


def points_of(entry: Mapping[str, Any]) -> Float64Array:
    """(K, 3) x, y, visibility or score of an annotation or result; whole-body fields are joined."""
    fields = [np.asarray(entry[f], np.float64).ravel() for f in POINT_FIELDS if f in entry]
    return np.concatenate(fields).reshape(-1, 3) if fields else np.zeros((0, 3))


def read_coco_boxes(path: str | Path) -> dict[str, list[Instance]]:
    """Boxes to estimate poses in, by picture: of a label file, or of a detection file.

    Of labels the boxes of people with a labelled point, crowds left out, cut off at the picture's edge and scored
    1, as the reference evaluates with ground-truth boxes; by the base name of the picture. Of
    detections (`[{"image_id", "category_id", "bbox", "score"}]`) all people's boxes (category 1) as they are, by the
    picture's number. Look up with `boxes_of`.
    """
    data = read_json(path)
    found: dict[str, list[Instance]] = {}
    if isinstance(data, list):
        for entry in check_results(data, str(path)):
            if len(entry.get("bbox", ())) != 4:
                raise DataError(f"{path} has results without a bbox, not detections")
            if entry["category_id"] != PERSON:
                continue
            found.setdefault(str(entry["image_id"]), []).append(_boxed(entry, "person", None))
        return found
    truth = read_labels(path)
    labels = {c["id"]: c.get("name", "person") for c in truth["categories"]}
    images = {image["id"]: image for image in truth["images"]}
    for image in truth["images"]:
        found[_base_name(image)] = []
    for entry in truth["annotations"]:
        image = images.get(entry["image_id"])
        box, points = entry.get("bbox", ()), points_of(entry)
        unlabelled = len(points) > 0 and not (points[:, 2] > 0).any()
        if image is None or entry.get("iscrowd") or unlabelled or len(box) != 4 or min(box[2:]) <= 0:
            continue
        size = (image["width"], image["height"]) if "width" in image and "height" in image else None
        label = labels.get(entry["category_id"], "person")
        found[_base_name(image)].append(_boxed({"score": 1.0, **entry}, label, size))
    return found


def listed_pictures(path: str | Path) -> list[str] | None:
    """The file names of a label file's pictures in its order; None for a detection file, which lists none."""
    if isinstance(read_json(path), list):
        return None
    return [image["file_name"] for image in read_labels(path)["images"] if "file_name" in image]


def boxes_of(boxes: Mapping[str, list[Instance]], path: str | Path) -> list[Instance] | None:
    """The boxes of a picture by its base name, then by its number; None where the file does not know it."""
    name = PurePath(path).name
    number = _number(name)
    return boxes.get(name, boxes.get(str(number)) if number is not None else None)


class Pictures:
    """The pictures of a label file, found from records."""

    def __init__(self, images: Sequence[Mapping[str, Any]]) -> None:
        self._by_name: dict[str, list[Mapping[str, Any]]] = {}
        self._by_number: dict[Any, Mapping[str, Any]] = {}
        self._clips: dict[str, dict[int, Mapping[str, Any]]] = {}
        for image in images:
            self._by_number[image["id"]] = image
            if "file_name" in image:
                self._by_name.setdefault(_base_name(image), []).append(image)
                stem = str(PurePath(image["file_name"]).with_suffix(""))
                digits = re.search(r"\d+$", stem)
                if digits:
                    self._clips.setdefault(stem[: digits.start()], {})[int(digits[0])] = image

    def find(self, frame: Frame) -> Mapping[str, Any] | None:
        """The entry of a frame's picture: by the base name of its `file` or `source`, then by its number.

        Of several pictures of one base name the one whose folders agree; of a video, the picture numbered as the
        frame, where the file holds one clip or a folder or prefix is named after the video.
        """
        for path in (frame.extra.get("file"), frame.source):
            named = self._by_name.get(PurePath(path).name, []) if isinstance(path, str) else []
            if named:
                return max(named, key=lambda image: _shared_ending(image["file_name"], str(path)))
        if frame.frames == 1:
            number = _number(PurePath(frame.source).name)
            return self._by_number.get(number) if number is not None else None
        stem = PurePath(frame.source).stem
        clips = [clip for prefix, clip in self._clips.items() if stem in prefix]
        if not clips and len(self._clips) == 1:
            clips = list(self._clips.values())
        return next((clip[frame.frame] for clip in clips if frame.frame in clip), None)


def frames_of_results(
    results: Iterable[Mapping[str, Any]], truth: Mapping[str, Any] | None = None, skeleton: str | None = None
) -> Iterator[tuple[Frame, list[int | None]]]:
    """COCO results as frames, a picture a frame in order of the labels' pictures, then of their first result.

    With each frame come the indices of the results that its instances are.
    """
    images = {} if truth is None else {image["id"]: image for image in truth["images"]}
    grouped: dict[Any, list[tuple[int, Mapping[str, Any]]]] = {key: [] for key in images}
    for number, result in enumerate(results):
        grouped.setdefault(result["image_id"], []).append((number, result))
    for key, entries in grouped.items():
        image = images.get(key, {})
        frame = Frame(
            source=image.get("file_name", str(key)),
            frame=0,
            frames=1,
            width=image.get("width"),
            height=image.get("height"),
            skeleton=skeleton,
            instances=[_instance(result) for _, result in entries],
        )
        yield frame, [number for number, _ in entries]


def result_of(instance: Instance, image_id: Any, category_id: Any) -> dict[str, Any]:
    """One instance as a COCO result; a point that does not exist stays NaN until `plain_result`."""
    result: dict[str, Any] = {"image_id": image_id, "category_id": category_id}
    if instance.keypoints is not None:
        result["keypoints"] = instance.keypoints.astype(np.float64).ravel()
    if instance.box is not None:
        result["bbox"] = [float(v) for v in to_xywh(instance.box.astype(np.float64))]
    result["score"] = 1.0 if instance.score is None else instance.score
    return result


def plain_result(result: Mapping[str, Any]) -> dict[str, Any]:
    """A result as JSON takes it: lists, and 0, 0, 0 for a point that does not exist, as COCO writes it."""
    plain = dict(result)
    if "keypoints" in plain:
        points = np.asarray(plain["keypoints"], np.float64).reshape(-1, 3)
        plain["keypoints"] = np.where(np.isnan(points), 0, points).ravel().tolist()
    return plain


def _boxed(entry: Mapping[str, Any], label: str, size: tuple[int, int] | None) -> Instance:
    box = from_xywh(np.array(entry["bbox"], np.float32))
    if size is not None:
        box = clip(box, size)
    return Instance(box=box.astype(np.float32), score=float(entry["score"]), label=label)


def _instance(result: Mapping[str, Any]) -> Instance:
    points: Float32Array | None = None
    if "keypoints" in result:
        points = points_of(result).astype(np.float32)
    box = from_xywh(np.array(result["bbox"], np.float32)) if "bbox" in result else None
    return Instance(box=box, score=float(result["score"]), keypoints=points, label="person")


def _base_name(image: Mapping[str, Any]) -> str:
    return PurePath(image["file_name"]).name if "file_name" in image else str(image["id"])


def _number(name: str) -> int | None:
    """The number a picture's name is, or ends in: 000000000785.jpg is 785."""
    digits = re.search(r"(\d+)(\.[^.]*)?$", name)
    return int(digits[1]) if digits else None


def _shared_ending(a: str, b: str) -> int:
    """How many last parts two paths have in common."""
    count = 0
    for left, right in zip(reversed(PurePath(a).parts), reversed(PurePath(b).parts), strict=False):
        if left != right:
            break
        count += 1
    return count
