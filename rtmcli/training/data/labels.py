"""Label files as plain arrays in one skeleton: COCO files, COCO-WholeBody's among them, and records."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from rtmcli.arrays import Float32Array
from rtmcli.errors import DataError, UsageError
from rtmcli.formats.labels import POINT_FIELDS, named_skeletons, read_labels
from rtmcli.skeletons import Skeleton, load_skeleton
from rtmcli.training.data.classes import PERSON, choose_classes
from rtmcli.training.data.skeleton_map import convert_keypoints
from rtmcli.training.data.soft_maps import SoftMap

Pairs = list[tuple[Any, int]]

# COCO-WholeBody spreads its 133 points over several fields.
WHOLE_BODY = dict(zip(POINT_FIELDS, (17, 6, 68, 21, 21), strict=True))


@dataclass(frozen=True, eq=False, slots=True)
class Labels:
    """The G labelled instances of one image with K keypoints each.

    Attributes:
        boxes: (G, 4) x1, y1, x2, y2 in pixels.
        keypoints: (G, K, 2) in pixels.
        weights: (G, K) 1 for a label, 0 where unknown, in between a teacher's confidence.
        areas: (G,) square pixels.
        crowds: (C, 4) boxes of crowds. crowd_classes: (C,) as `classes`.
        classes: (G,) index of a detector's class; 0 for keypoints.
        depths: (G, K) metres away from the camera, relative to any plane, NaN where unknown; None if the file has none.
        maps: a teacher's heatmaps of each instance or None; empty if the file has none.
    """

    boxes: Float32Array
    keypoints: Float32Array
    weights: Float32Array
    areas: Float32Array
    crowds: Float32Array
    classes: npt.NDArray[np.int64]
    crowd_classes: npt.NDArray[np.int64]
    depths: Float32Array | None = None
    maps: tuple[SoftMap | None, ...] = ()


@dataclass(frozen=True, eq=False, slots=True)
class LabelledImage:
    """An image of a set: its name in the store, its id in the label file, and its labels."""

    name: str
    id: Any
    labels: Labels


def read_coco(
    path: Path, skeleton: Skeleton | None, source: str | None = None, classes: Sequence[str] | None = None
) -> tuple[list[LabelledImage], tuple[str, ...]]:
    """The images of a COCO file, and the classes of a detector (`choose_classes`).

    Without a skeleton, annotations of other classes are left out. Besides COCO's own keys an annotation may have:

    foot_kpts .. righthand_kpts: COCO-WholeBody's further keypoints, read where the labels' skeleton has all 133.
    keypoints3d: a row [x, y, z, v] in metres for each keypoint, or null where it is unknown; only z counts.
    heatmap, heatmap_box: see `soft_maps`.
    """
    content = read_labels(path, recognise=source is None)
    names = {category["id"]: str(category.get("name", PERSON)) for category in content["categories"]}
    chosen = choose_classes(list(dict.fromkeys(names.values())), classes, path) if skeleton is None else ()
    numbers = {key: chosen.index(name) for key, name in names.items() if name in chosen}
    entries, notes = content["images"], content["annotations"]
    nameless = next((entry["id"] for entry in entries if "file_name" not in entry), None)
    if nameless is not None:
        raise DataError(
            f"{path}: the image with id {nameless} has no file_name; training reads images by name"
        )
    by_picture: dict[Any, list[dict[str, Any]]] = {}
    for note in notes:
        if skeleton is not None or note["category_id"] in numbers:
            by_picture.setdefault(note["image_id"], []).append(note)
    count = max((len(note.get("keypoints") or ()) // 3 for note in notes), default=0)
    whole = skeleton is not None and _is_whole_body(notes, source or skeleton.name)
    if source is None and skeleton is not None and not whole:
        source = _other_skeleton(content, count, skeleton)
    fields = WHOLE_BODY if whole else {"keypoints": count}
    count = sum(fields.values())
    pairs = _pairs(path, count, skeleton, source) if skeleton is not None else None
    images = []
    for entry in entries:
        mine = by_picture.get(entry["id"], [])
        crowds = [n for n in mine if n.get("iscrowd")]
        kept = [n for n in mine if not n.get("iscrowd") and n.get("bbox")]
        raw = np.array([_points(n, fields) for n in kept], np.float32).reshape(len(kept), count, 3)
        boxes = np.array([_corners(n["bbox"]) for n in kept], np.float32).reshape(-1, 4)
        areas = np.array([n.get("area") or 0.53 * n["bbox"][2] * n["bbox"][3] for n in kept], np.float32)
        points, weights = _in_target(raw, pairs, skeleton)
        depths = _depths([n.get("keypoints3d") for n in kept], count, pairs, skeleton, path)
        maps = _maps(kept, path, mapped=pairs is not None) if skeleton is not None else ()
        corners = np.array([_corners(n["bbox"]) for n in crowds], np.float32).reshape(-1, 4)
        own, theirs = (
            np.array([numbers.get(n["category_id"], 0) for n in part], np.int64) for part in (kept, crowds)
        )
        labels = Labels(boxes, points, weights, areas, corners, own, theirs, depths, maps)
        images.append(LabelledImage(entry["file_name"], entry["id"], labels))
    return images, chosen


def read_records(
    path: Path, skeleton: Skeleton | None, classes: Sequence[str] | None = None
) -> tuple[list[LabelledImage], tuple[str, ...]]:
    """Records as a teacher's labels, and the classes of a detector; results as of `read_coco`.

    A keypoint's weight is its score, at most 1; `keypoints3d` gives the depth.
    """
    from rtmcli.records.ndjson import read_frames

    frames = list(read_frames(str(path)))
    chosen: tuple[str, ...] = ()
    if skeleton is None:
        found = sorted({one.label or PERSON for frame in frames for one in frame.instances})
        chosen = choose_classes(found, classes, path, complete=False)
    images = []
    for number, frame in enumerate(frames):
        kept = [
            one
            for one in frame.instances
            if one.box is not None and (skeleton is not None or (one.label or PERSON) in chosen)
        ]
        name = str(frame.extra.get("file", frame.source))
        count, pairs = 0, None
        if skeleton is not None:
            count = len(load_skeleton(frame.skeleton or skeleton.name))
            pairs = _pairs(path, count, skeleton, frame.skeleton)
        rows = [_scored(one.keypoints if count else None, count) for one in kept]
        raw = np.array(rows, np.float32).reshape(len(kept), count, 3)
        points, weights = _in_target(raw, pairs, skeleton)
        depths = _depths([one.keypoints3d for one in kept], count, pairs, skeleton, path)
        boxes = np.array([one.box for one in kept], np.float32).reshape(-1, 4)
        areas = 0.53 * (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
        numbers = [chosen.index(one.label or PERSON) if chosen else 0 for one in kept]
        nobody, none = np.zeros((0, 4), np.float32), np.zeros(0, np.int64)
        labels = Labels(boxes, points, weights, areas, nobody, np.array(numbers, np.int64), none, depths)
        images.append(LabelledImage(name, number, labels))
    return images, chosen


def _in_target(
    raw: Float32Array, pairs: Pairs | None, skeleton: Skeleton | None
) -> tuple[Float32Array, Float32Array]:
    """Points (G, K, 2) and weights (G, K) in the target skeleton."""
    if skeleton is None:
        return np.zeros((len(raw), 0, 2), np.float32), np.zeros((len(raw), 0), np.float32)
    weights = np.minimum(raw[..., 2], 1)
    if pairs is None:
        return raw[..., :2], weights
    points, seen, _ = convert_keypoints(raw[..., :2], weights, pairs, len(skeleton))
    return points.astype(np.float32), seen.astype(np.float32)


def _depths(
    people: list[Any], count: int, pairs: Pairs | None, skeleton: Skeleton | None, path: Path
) -> Float32Array | None:
    """Depths (G, K) of rows [x, y, z, v] in the target skeleton, NaN where unknown; None if there are none at all."""
    if skeleton is None or all(rows is None for rows in people):
        return None
    depths = np.full((len(people), count), np.nan, np.float32)
    for depth, rows in zip(depths, people, strict=True):
        if rows is None:
            continue
        if count == WHOLE_BODY["keypoints"] and len(rows) == sum(WHOLE_BODY.values()):
            # Only the body of a whole body is read.
            rows = rows[:count]
        if len(rows) != count or any(row is not None and len(row) != 4 for row in rows):
            raise DataError(
                f"{path}: keypoints3d must have {count} rows [x, y, z, v], null for unknown keypoints"
            )
        depth[:] = [np.nan if row is None or row[2] is None or not row[3] > 0 else row[2] for row in rows]
    if pairs is None:
        return depths
    known = np.isfinite(depths)
    values = np.stack([np.where(known, depths, 0)] * 2, -1)  # (G, K, 2), as points have it
    mapped, seen, weights = convert_keypoints(values, known.astype(np.float32), pairs, len(skeleton))
    return np.where(seen * weights > 0, mapped[..., 0], np.nan).astype(np.float32)


def _maps(notes: list[dict[str, Any]], path: Path, *, mapped: bool) -> tuple[SoftMap | None, ...]:
    """The heatmaps that annotations name; paths are relative to the label file's folder."""
    if not any("heatmap" in note for note in notes):
        return ()
    if mapped:
        raise UsageError(
            f"{path}: heatmaps cannot be mapped to another skeleton; "
            "choose the skeleton of the labels with --set skeleton=..."
        )
    found: list[SoftMap | None] = []
    for note in notes:
        if "heatmap" not in note:
            found.append(None)
            continue
        box = note.get("heatmap_box")
        if not isinstance(box, list) or len(box) != 4 or min(box[2:]) <= 0:
            raise DataError(
                f"{path}: the heatmap {note['heatmap']} needs a heatmap_box [x, y, width, height] with a positive size"
            )
        found.append(SoftMap(path.parent / note["heatmap"], (box[0], box[1], box[2], box[3])))
    return tuple(found)


def _other_skeleton(content: Mapping[str, Any], count: int, skeleton: Skeleton) -> str | None:
    """The skeleton whose keypoint names the file lists, where it is not the target's."""
    names = {name for name in named_skeletons(content).values() if name is not None}
    if len(names) != 1:
        return None
    own = load_skeleton(names.pop())
    return own.name if len(own) == count and own.keypoints != skeleton.keypoints else None


def _is_whole_body(notes: list[dict[str, Any]], skeleton: str) -> bool:
    """Whether the keypoints are in COCO-WholeBody's fields, and the labels' skeleton has them all."""
    spread = any(name in note for note in notes for name in POINT_FIELDS[1:])
    return spread and len(load_skeleton(skeleton)) == sum(WHOLE_BODY.values())


def _pairs(path: Path, count: int, skeleton: Skeleton, source: str | None) -> Pairs | None:
    """Pairs (source, target) that map the file's keypoints to the target skeleton; None where they are the same."""
    if (source or skeleton.name) == skeleton.name and count in (0, len(skeleton)):
        return None
    if source is None:
        raise UsageError(
            f"{path} has {count} keypoints per person, but the skeleton {skeleton.name} has {len(skeleton)}; "
            "name the skeleton of the labels with --data-skeleton"
        )
    own = load_skeleton(source)
    found = own.training_maps.get(skeleton.name) or own.maps.get(skeleton.name)
    if found is None:
        raise UsageError(
            f"there is no mapping from {own.name} to {skeleton.name}; 'rtm convert' may convert the labels in two steps"
        )
    return [*found.pairs, *((points, index) for index, points in found.derived.items())]


def _points(note: Mapping[str, Any], fields: Mapping[str, int]) -> list[list[float]]:
    """Rows x, y, 1 (labelled) or 0 of the keypoints of all fields; an absent field gives zeros."""
    rows = []
    for name, count in fields.items():
        flat = [float(v) for v in note.get(name) or [0] * (3 * count)]
        found = [[x, y, float(v > 0)] for x, y, v in np.reshape(flat, (-1, 3)).tolist()]
        rows += found + [[0.0, 0.0, 0.0]] * (count - len(found))
    return rows


def _scored(keypoints: Any, count: int) -> list[list[float]]:
    """Rows x, y, score of a record's keypoints; zeros for those it does not have (null, read as NaN)."""
    rows = keypoints if keypoints is not None else [None] * count
    return [
        [float(row[0]), float(row[1]), float(max(row[2], 0))]
        if row is not None and np.isfinite(row).all()
        else [0.0, 0.0, 0.0]
        for row in rows
    ]


def _corners(box: list[float]) -> list[float]:
    x, y, w, h = box
    return [x, y, x + w, y + h]
