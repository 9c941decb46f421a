"""COCO label and results files, and AlphaPose lists, to records."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from rtmcli.errors import DataError
from rtmcli.formats.alphapose import alphapose_frames, is_alphapose, with_image_ids
from rtmcli.formats.coco import check_results, frames_of_results
from rtmcli.formats.coco_boxes import PERSON
from rtmcli.formats.coco_labels_writer import class_name, frame_file
from rtmcli.formats.image_names import listing
from rtmcli.formats.labels import (
    labels_of,
    named_skeletons,
    points_of,
    read_json,
    read_labels,
    reorder,
)
from rtmcli.formats.mpii import is_mpii
from rtmcli.formats.skeleton_names import BY_COUNT, one_skeleton
from rtmcli.geometry.boxes import from_xywh
from rtmcli.records.frame import Frame, Instance
from rtmcli.skeletons import load_skeleton


def read_coco_records(
    path: str | Path, *, labels: str | Path | None = None, skeleton: str | None = None
) -> Iterator[Frame]:
    """Records of a label file or a results file, one per image, also where no person is in it.

    Args:
        path: labels (`images`, `annotations`) or results (a list).
        labels: for results, the label file that their image ids belong to; without it an image is called after its
            id.
        skeleton: of the keypoints as they stand in the file. Without it that whose keypoint names the categories
            list, in any order; else the usual one with that number of keypoints.

    A labelled keypoint scores 1 unless the file has `keypoint_scores`, as `write_coco_labels` writes; one without a
    label is missing (`null`). Images of a `videos` entry are frames of that source. Scores of results are clipped to
    [0, 1].

    Raises DataError where the names of the keypoints are those of no known skeleton.

    Example:
        from rtmcli import read_coco_records, write_frames

        write_frames(read_coco_records("labels.json"), "labels.jsonl")
    """
    data = read_json(path)
    if not isinstance(data, list) or is_mpii(data):
        yield from frames_of_labels(labels_of(data, path, recognise=skeleton is None), path, skeleton)
        return
    truth = read_labels(labels, recognise=skeleton is None) if labels is not None else None
    results = check_results(data, str(path))
    if truth is not None and labels is not None:
        results, _ = with_image_ids(results, truth, labels)
        known = {image["id"] for image in truth["images"]}
        strange = [repr(r["image_id"]) for r in results if r["image_id"] not in known]
        if strange:
            raise DataError(
                f"{path} has results of images that {labels} does not have: image_id {listing(strange)}"
            )
    named = None
    if truth is not None:
        named = next((name for name in named_skeletons(truth).values() if name), None)
        for result in results:
            reorder(result, truth["keypoint_orders"].get(result.get("category_id", PERSON), ()))
    foreign = truth is None and is_alphapose(results)
    frames = alphapose_frames(results, path) if foreign else _frames_of_results(results, truth)
    for frame in frames:
        for one in frame.instances:
            _forget_zeros(one)
            if one.score is not None:
                one.score = min(max(one.score, 0.0), 1.0)
        usual = _common_skeleton(frame.instances)
        posed = any(one.keypoints is not None for one in frame.instances)
        frame.skeleton = (skeleton or named or usual) if posed else None
        yield frame


def frames_of_labels(data: dict[str, Any], path: str | Path, skeleton: str | None) -> Iterator[Frame]:
    """A frame for each image of labels, as `labels_of` returns them. Raises as `read_coco_records` does."""
    names = {category["id"]: class_name(category) for category in data["categories"]}
    named = named_skeletons(data)
    grouped: dict[Any, list[Instance]] = {image["id"]: [] for image in data["images"]}
    skeletons: dict[Any, set[str | None]] = {image["id"]: set() for image in data["images"]}
    for entry in data["annotations"]:
        image, category = entry["image_id"], entry["category_id"]
        if image not in grouped or entry.get("iscrowd"):
            continue
        one = _labelled(entry, names.get(category, "person"), path)
        grouped[image].append(one)
        if one.keypoints is not None:
            skeletons[image].add(skeleton or _skeleton_of(one, category, named, path))
    videos = _videos(data)
    for image in data["images"]:
        people, found = grouped[image["id"]], skeletons[image["id"]]
        frame = _frame_of_image(image, videos.get(str(image.get("video_id")), {}))
        frame.skeleton = one_skeleton(found, f"{path}: {image.get('file_name', image['id'])}")
        frame.instances = people
        yield frame


def _videos(data: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """The videos of a CocoVID file by their ids; empty where they are something else."""
    videos = data.get("videos")
    if not isinstance(videos, list):
        return {}
    return {str(video.get("id")): video for video in videos if isinstance(video, dict)}


def _frame_of_image(image: Mapping[str, Any], video: Mapping[str, Any]) -> Frame:
    """The record of an image: a frame of its video where the file says so (CocoVID), else an image alone."""
    name = str(image.get("file_name", image["id"]))
    frame = Frame(name, 0, frames=1, width=image.get("width"), height=image.get("height"))
    source, number, time = video.get("name"), image.get("frame_id"), image.get("time")
    if isinstance(source, str) and isinstance(number, int) and number >= 0:
        frame.source, frame.frame, frame.frames = source, number, None
        if isinstance(video.get("frames"), int) and video["frames"] > number:
            frame.frames = video["frames"]
        if isinstance(time, int | float):
            frame.time = float(time)
        if name != frame_file(source, number):
            frame.extra["file"] = name
    return frame


def _skeleton_of(
    one: Instance, category: Any, named: Mapping[Any, str | None], path: str | Path
) -> str | None:
    """The skeleton that the category names; that with the number of keypoints where it names none."""
    assert one.keypoints is not None
    name = named.get(category)
    if name is not None and len(load_skeleton(name)) == len(one.keypoints):
        return name
    if category in named and name is None:
        raise DataError(
            f"{path}: the {len(one.keypoints)} keypoint names of category {category} are those of no known skeleton; "
            "name it with --source-skeleton (a name, or a TOML file of your own)"
        )
    return BY_COUNT.get(len(one.keypoints))


def _labelled(entry: dict[str, Any], label: str, path: str | Path) -> Instance:
    points = points_of(entry).astype(np.float32)
    points[points[:, 2] <= 0] = np.nan
    points[points[:, 2] > 0, 2] = 1
    scores = entry.get("keypoint_scores")
    if isinstance(scores, list) and len(scores) == len(points):
        if not all(isinstance(score, int | float) for score in scores):
            raise DataError(f"{path}: 'keypoint_scores' must be a list of numbers; got {str(scores)[:40]}")
        points[:, 2] = np.where(np.isnan(points[:, 2]), np.nan, np.array(scores, np.float32))
    box = from_xywh(np.array(entry["bbox"], np.float32)) if len(entry.get("bbox", ())) == 4 else None
    score = entry.get("score", 1.0)
    return Instance(
        box=box, score=float(score) if isinstance(score, int | float) and 0 <= score <= 1 else 1.0, label=label,
        keypoints=points if len(points) else None, id=_track(entry),
    )  # fmt: skip


def _track(entry: Mapping[str, Any]) -> int | None:
    """`track_id` of an annotation, among its `attributes` where CVAT has exported it."""
    attributes = entry.get("attributes")
    inner = attributes.get("track_id") if isinstance(attributes, dict) else None
    track = entry.get("track_id", inner)
    return track if isinstance(track, int) and track >= 0 else None


def _forget_zeros(one: Instance) -> None:
    """0, 0, 0 is how COCO writes a point that does not exist."""
    if one.keypoints is not None:
        one.keypoints[(one.keypoints == 0).all(axis=1)] = np.nan


def _frames_of_results(results: list[dict[str, Any]], truth: Mapping[str, Any] | None) -> Iterator[Frame]:
    names = {} if truth is None else {c["id"]: c["name"] for c in truth["categories"] if "name" in c}
    several = len({str(result.get("category_id", PERSON)) for result in results}) > 1
    for frame, numbers in frames_of_results(results, truth):
        for one, number in zip(frame.instances, numbers, strict=True):
            if number is None:
                continue
            track, category = results[number].get("track_id"), results[number].get("category_id", PERSON)
            one.id = track if isinstance(track, int) and track >= 0 else None
            # Of several categories only COCO's person is known without labels.
            unnamed = None if several and category != PERSON else "person"
            one.label = str(names[category]) if category in names else unnamed
        yield frame


def _common_skeleton(people: Iterable[Instance]) -> str | None:
    counts = {len(one.keypoints) for one in people if one.keypoints is not None}
    return BY_COUNT.get(counts.pop()) if len(counts) == 1 else None
