"""The one reader of label files: COCO's form, and MPII's list, which is brought into it.

A label file is read as `{"images": [...], "annotations": [...], "categories": [...]}`, COCO's keys.
"""

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from rtmcli.arrays import Float64Array
from rtmcli.errors import DataError
from rtmcli.formats import skeleton_names
from rtmcli.formats.mpii import is_mpii, labels_of_mpii

# The keypoint fields of COCO-WholeBody, in the order of its 133 points.
POINT_FIELDS = ("keypoints", "foot_kpts", "face_kpts", "lefthand_kpts", "righthand_kpts")


def read_labels(path: str | Path, *, category: str | None = None, recognise: bool = True) -> dict[str, Any]:
    """A label file in COCO's form, or MPII's list of people (`image`, `joints`, `joints_vis`, `center`, `scale`).

    `null` counts as an absent key. Categories are made up where they are left out; an annotation without
    `category_id` is of the only category, or of 1.

    Args:
        category: keep the annotations of this category alone, by name or id.
        recognise: bring keypoints into the order of the skeleton whose names the categories list.

    Raises DataError where it is not a label file, or has no such category.

    Example:
        from rtmcli import read_labels

        labels = read_labels("labels.json")
        print(len(labels["images"]), len(labels["annotations"]))
    """
    return labels_of(read_json(path), path, category=category, recognise=recognise)


def labels_of(
    data: Any, path: str | Path, *, category: str | None = None, recognise: bool = True
) -> dict[str, Any]:
    """As `read_labels`, of a file that is parsed already."""
    if is_mpii(data):
        data = labels_of_mpii(data, path)
    if isinstance(data, list):
        raise DataError(f"{path} is a list of results, not labels; a label file has images and annotations")
    for key in ("images", "annotations"):
        if not isinstance(data, dict) or not isinstance(data.get(key), list):
            raise DataError(f"{path} is not a COCO label file: it has no list {key!r}")
    categories = data.get("categories") or []
    if not isinstance(categories, list):
        raise DataError(f"{path}: 'categories' must be a list; got {str(categories)[:40]}")
    truth = {**data, "categories": categories}
    for key, needed in (("images", ("id",)), ("categories", ("id",)), ("annotations", ("image_id",))):
        truth[key] = [_entry(entry, needed, f"{path}: {key}[{i}]") for i, entry in enumerate(truth[key])]
    for number, image in enumerate(truth["images"]):
        _check_image(image, f"{path}: images[{number}]")
    for number, annotation in enumerate(truth["annotations"]):
        _check_annotation(annotation, f"{path}: annotations[{number}]")
    _check_ids(truth, path)
    only = truth["categories"][0]["id"] if len(truth["categories"]) == 1 else 1
    for annotation in truth["annotations"]:
        annotation.setdefault("category_id", only)
    if not truth["categories"]:
        truth["categories"] = [{"id": c} for c in sorted({a["category_id"] for a in truth["annotations"]})]
    if category is not None:
        truth = _of_category(truth, category, path)
    truth |= {"named_skeletons": {}, "keypoint_orders": {}}
    if recognise:
        _recognise_skeletons(truth)
    return truth


def named_skeletons(truth: Mapping[str, Any]) -> dict[Any, str | None]:
    """The skeleton of each category that names its keypoints, by the category's id; None: the names are unknown.

    Annotations of `read_labels` have their keypoints in the order of this skeleton.
    """
    found: dict[Any, str | None] = truth.get("named_skeletons", {})
    return found


def reorder(entry: dict[str, Any], order: Sequence[int]) -> None:
    """Bring the keypoints of an annotation or result into another order, where it has as many."""
    if not len(order):
        return
    if np.size(entry.get("keypoints", ())) == 3 * len(order):
        points = np.asarray(entry["keypoints"], np.float64).reshape(-1, 3)
        entry["keypoints"] = points[list(order)].ravel().tolist()
    for key in ("keypoints3d", "keypoint_scores"):
        if isinstance(entry.get(key), list | np.ndarray) and len(entry[key]) == len(order):
            entry[key] = [entry[key][i] for i in order]


def points_of(entry: Mapping[str, Any]) -> Float64Array:
    """(K, 3) x, y, visibility or score of an annotation or result; whole-body fields are joined."""
    fields = [np.asarray(entry[f], np.float64).ravel() for f in POINT_FIELDS if f in entry]
    return np.concatenate(fields).reshape(-1, 3) if fields else np.zeros((0, 3))


def check_points(entry: Mapping[str, Any], place: str) -> None:
    """Raise DataError where keypoints are not triples of numbers, or the box is not four numbers."""
    for name in POINT_FIELDS:
        if name not in entry:
            continue
        values = _numbers(entry[name])
        if values is None:
            raise DataError(f"{place}: {name!r} must be a list of numbers x, y, visibility")
        if values.size % 3:
            raise DataError(
                f"{place}: the {values.size} numbers of {name!r} are not triples (x, y, visibility)"
            )
    if entry.get("bbox") and _shape(entry["bbox"]) != (4,):
        raise DataError(f"{place}: 'bbox' must be four numbers x, y, width, height; got {entry['bbox']!r}")


def check_ids(entry: Mapping[str, Any], keys: Sequence[str], place: str) -> None:
    """Raise DataError where one of these keys is neither a number nor text."""
    for key in keys:
        value = entry.get(key, 0)
        if not isinstance(value, int | float | str) or value != value:  # NaN is no id
            raise DataError(f"{place}: {key!r} must be a number or text; got {str(value)[:40]}")


def without_nulls(entry: Mapping[str, Any]) -> dict[str, Any]:
    """An entry without keys that are null, which counts as absent, and without an empty box."""
    return {k: v for k, v in entry.items() if v is not None and not (k == "bbox" and v == [])}


def read_json(path: str | Path) -> Any:
    """The content of a JSON file. Raises DataError where it cannot be read or is not JSON."""
    try:
        return json.loads(Path(path).read_bytes())
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise DataError(f"{path} is not JSON: it is no text in UTF-8") from None
    except (ValueError, RecursionError) as error:
        several = (
            "; it has several documents, as records have, of which 'rtm convert --to coco-labels' makes a label file"
            if "Extra data" in str(error)
            else ""
        )
        raise DataError(f"{path} is not JSON: {error}{several}") from None


def _entry(entry: Any, needed: Sequence[str], place: str) -> dict[str, Any]:
    if not isinstance(entry, dict):
        raise DataError(f"{place} must be an object with {needed[0]!r}; got {str(entry)[:40]}")
    kept = without_nulls(entry)
    for key in needed:
        if key not in kept:
            raise DataError(f"{place} has no {key!r}")
    check_ids(kept, (*needed, "category_id"), place)
    return kept


def _check_image(image: dict[str, Any], place: str) -> None:
    for key in ("width", "height"):
        value = image.get(key, 1)
        if not isinstance(value, int | float) or not math.isfinite(value) or value != int(value):
            raise DataError(f"{place}: {key!r} must be a whole number; got {value!r}")
        if key in image:
            image[key] = int(value)


def _check_annotation(annotation: Mapping[str, Any], place: str) -> None:
    check_points(annotation, place)
    for key in ("area", "num_keypoints", "iscrowd", "head_size", "box_size"):
        value = annotation.get(key, 0)
        if not isinstance(value, int | float):
            raise DataError(f"{place}: {key!r} must be a number; got {value!r}")
    head = annotation.get("bbox_head")
    if head is not None and _shape(head) != (4,):
        raise DataError(f"{place}: 'bbox_head' must be four numbers x, y, width, height; got {head!r}")
    rows = annotation.get("keypoints3d", [])
    known = [row for row in rows if row is not None] if isinstance(rows, list) else None
    if known is None or (known and _shape(known) != (len(known), 4)):
        raise DataError(
            f"{place}: 'keypoints3d' must be a list of null or four numbers x, y, z, visibility; got {str(rows)[:40]}"
        )


def _check_ids(truth: Mapping[str, Any], path: str | Path) -> None:
    """Raise DataError where ids are neither all numbers nor all text, or annotations refer to no image or category."""
    images = [image["id"] for image in truth["images"]]
    of_images = [a["image_id"] for a in truth["annotations"]]
    categories = [c["id"] for c in truth["categories"]]
    of_categories = [a["category_id"] for a in truth["annotations"] if "category_id" in a]
    for what, own, given in (("image", images, of_images), ("category", categories, of_categories)):
        kinds = {"text" if isinstance(value, str) else "numbers" for value in (*own, *given)}
        if len(kinds) > 1:
            text = next(value for value in (*own, *given) if isinstance(value, str))
            raise DataError(
                f"{path}: some {what} ids are numbers and some are text (such as {text!r}), so that they never "
                "match; write all as numbers"
            )
        if own and given and not set(own) & set(given):
            raise DataError(
                f"{path}: no annotation belongs to the {what} ids that the file lists: annotations have "
                f"{given[0]!r}, the list {own[0]!r}"
            )


def _of_category(truth: dict[str, Any], category: str, path: str | Path) -> dict[str, Any]:
    """The annotations of one category, by its name or id."""
    named = [c for c in truth["categories"] if str(c.get("name", "")).casefold() == category.casefold()]
    chosen = named or [c for c in truth["categories"] if str(c["id"]) == category]
    if not chosen:
        names = ", ".join(str(c.get("name", c["id"])) for c in truth["categories"])
        raise DataError(f"{path} has no category {category!r}; it has {names}")
    ids = {c["id"] for c in chosen}
    kept = [a for a in truth["annotations"] if a["category_id"] in ids]
    return {
        **truth,
        "categories": chosen,
        "annotations": kept,
        "other_categories": [c for c in truth["categories"] if c["id"] not in ids],
    }


def _recognise_skeletons(truth: dict[str, Any]) -> None:
    """Note the skeletons that categories name, and bring keypoints into their order."""
    counts: dict[Any, set[int]] = {}
    for annotation in truth["annotations"]:
        if "keypoints" in annotation:
            counts.setdefault(annotation["category_id"], set()).add(np.size(annotation["keypoints"]) // 3)
    for category in truth["categories"]:
        names = category.get("keypoints")
        count = max(counts.get(category["id"], ()), default=0)
        if not isinstance(names, list) or not names or count > len(names):
            continue
        # Human-Art lists its 21 names beside annotations of the first 17.
        found = skeleton_names.recognise(names[:count] if count else names)
        truth["named_skeletons"][category["id"]] = found[0] if found else None
        if found and found[1] != list(range(len(found[1]))):
            truth["keypoint_orders"][category["id"]] = found[1]
    for annotation in truth["annotations"]:
        if annotation["category_id"] in truth["keypoint_orders"]:
            reorder(annotation, truth["keypoint_orders"][annotation["category_id"]])


def _shape(values: Any) -> tuple[int, ...] | None:
    array = _numbers(values)
    return None if array is None else array.shape


def _numbers(values: Any) -> Float64Array | None:
    """A list of finite numbers, nested or not, as an array; None where it is not one."""
    if not isinstance(values, list | np.ndarray):
        return None
    try:
        array = np.asarray(values)
    except ValueError:  # lists of different lengths
        return None
    if array.size and array.dtype.kind not in "iuf":
        return None
    return array.astype(np.float64) if np.isfinite(array).all() else None
