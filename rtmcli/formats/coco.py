"""COCO results (keypoints and detections) and the images of label files as frames, and instances as results."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np

from rtmcli.arrays import Float32Array
from rtmcli.errors import DataError
from rtmcli.formats.labels import check_ids, check_points, points_of, without_nulls
from rtmcli.geometry.boxes import from_xywh, to_xywh
from rtmcli.records.frame import Frame, Instance


def check_results(data: Any, name: str) -> list[dict[str, Any]]:
    """The results of a parsed file: entries with `image_id`, `score` and `keypoints` or `bbox`; `null` counts as
    absent.

    Raises DataError at the first entry that is not one; `name` names the file.
    """
    if not isinstance(data, list):
        raise DataError(f"{name} is not a COCO results file, which is a list")
    results = []
    for number, entry in enumerate(data):
        place = f"{name}: entry {number}"
        if not isinstance(entry, dict):
            raise DataError(f"{place} must be an object with image_id and score; got {str(entry)[:40]}")
        entry = without_nulls(entry)
        if "image_id" not in entry or "score" not in entry:
            raise DataError(f"{place} has no image_id or no score")
        if not isinstance(entry["score"], int | float) or not np.isfinite(entry["score"]):
            raise DataError(f"{place}: 'score' must be a number; got {entry['score']!r}")
        if "keypoints" not in entry and "bbox" not in entry:
            kind = "; masks are not evaluated" if "segmentation" in entry else ""
            raise DataError(f"{place} has neither keypoints nor a bbox of four numbers{kind}")
        check_ids(entry, ("image_id", "category_id"), place)
        check_points(entry, place)
        results.append(entry)
    return results


def frames_of_results(
    results: Iterable[Mapping[str, Any]], truth: Mapping[str, Any] | None = None, skeleton: str | None = None
) -> Iterator[tuple[Frame, list[int | None]]]:
    """COCO results as frames, one per image, in order of the labels' images, then of their first result.

    With each frame come the indices of the results that its instances are.
    """
    images = {} if truth is None else {image["id"]: image for image in truth["images"]}
    grouped: dict[Any, list[tuple[int, Mapping[str, Any]]]] = {key: [] for key in images}
    for number, result in enumerate(results):
        grouped.setdefault(result["image_id"], []).append((number, result))
    for key, entries in grouped.items():
        image = images.get(key, {})
        frame = Frame(
            source=str(image.get("file_name", key)),
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


def _instance(result: Mapping[str, Any]) -> Instance:
    points: Float32Array | None = None
    if "keypoints" in result:
        points = points_of(result).astype(np.float32)
    box = from_xywh(np.array(result["bbox"], np.float32)) if "bbox" in result else None
    return Instance(box=box, score=float(result["score"]), keypoints=points, label="person")
