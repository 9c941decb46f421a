"""COCO files <-> records: labels and results in, results out, a picture at a time."""

from collections.abc import Iterable, Iterator
from pathlib import Path, PurePath
from typing import Any, BinaryIO

import numpy as np
import orjson

from rtmcli.errors import DataError
from rtmcli.formats.coco import POINT_FIELDS, Pictures, check_results, frames_of_results, points_of
from rtmcli.formats.labels import read_json, read_labels
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
    """Records of a label file or a results file, one a picture, also where nobody is in it.

    Args:
        path: labels (`images`, `annotations`) or results (a list).
        labels: for results, the label file whose pictures their numbers mean; without it a picture is called after
            its number.

    A labelled point scores 1; one without a label is missing (`null`).
    """
    data = read_json(path)
    if not isinstance(data, list):
        yield from _frames_of_labels(read_labels(path))
        return
    truth = read_labels(labels) if labels is not None else None
    for frame, _ in frames_of_results(check_results(data, str(path)), truth):
        for one in frame.instances:
            _forget_zeros(one)
        frame.skeleton = _common_skeleton(frame.instances)
        yield frame


def write_coco_results(
    frames: Iterable[Frame], sink: str | BinaryIO, *, labels: str | Path | None = None
) -> int:
    """Write records as COCO results: one list, each entry written as its frame comes. Returns the number of entries.

    `image_id` is that of the picture in `labels`; without them the number at the end of a picture's name, or of a
    video's frame. `score` is what COCO's metric ranks by (`rtm eval --rank`). A point that does not exist is 0, 0, 0. A
    coco133 is written in the fields of COCO-WholeBody.

    Raises DataError for a picture that `labels` does not know, or whose name has no number, and where two sources
    would get one number.
    """
    pictures = Pictures(read_labels(labels)["images"]) if labels is not None else None
    owners: dict[int, str] = {}
    video: str | None = None
    count = 0
    with Sink(sink) as out:
        out.write(b"[")
        for frame in frames:
            if not frame.instances:
                continue
            number, of_video = _image_id(frame, pictures)
            # The frames of an endless video need no list: nothing else may have their numbers.
            owner = video or owners.get(number)
            if owner not in (None, frame.source):
                raise DataError(
                    f"{frame.source} and {owner} would both have a picture {number}; give --labels FILE, or convert "
                    "one source at a time"
                )
            if of_video:
                video = frame.source
            elif pictures is None:
                owners[number] = frame.source
            for one in frame.instances:
                entry = _result(one, number, frame)
                out.write(
                    (b",\n" if count else b"\n") + orjson.dumps(entry, option=orjson.OPT_SERIALIZE_NUMPY)
                )
                count += 1
        out.write(b"\n]\n")
    return count


def _result(one: Instance, number: int, frame: Frame) -> dict[str, Any]:
    entry: dict[str, Any] = {"image_id": number, "category_id": 1}
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


def _image_id(frame: Frame, pictures: Pictures | None) -> tuple[int, bool]:
    """The number of a frame's picture, and whether it is that of a video's frame."""
    name = str(frame.extra.get("file", frame.source))
    if pictures is not None:
        found = pictures.find(frame)
        if found is None:
            raise DataError(f"{name}: the label file knows no such picture")
        return int(found["id"]), False
    if frame.time is not None or frame.frame > 0 or (frame.frames or 0) > 1:
        return frame.frame, True
    stem = PurePath(name).stem
    digits = stem[len(stem.rstrip("0123456789")) :]
    if not digits:
        raise DataError(
            f"{name}: no number in its name for image_id; give --labels FILE, which numbers the pictures"
        )
    return int(digits), False


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


def _common_skeleton(people: Iterable[Instance]) -> str | None:
    counts = {len(one.keypoints) for one in people if one.keypoints is not None}
    return COMMON.get(counts.pop()) if len(counts) == 1 else None
