"""AlphaPose's result lists (`alphapose-results.json`) to records and back.

An entry is like a COCO result, but for: `image_id` is the name of an image, of a video `<frame>.jpg`; `box` is
x, y, width, height; `idx` is the person's id; and `score` is its pose NMS's: box score + mean + 1.25 x maximum of the
keypoint scores (`proposal_score` in AlphaPose's `alphapose/utils/pPose_nms.py`), so that it exceeds 1.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path, PurePath
from typing import Any, BinaryIO

import numpy as np
import orjson

from rtmcli.errors import DataError
from rtmcli.formats.image_matching import ImageMatcher
from rtmcli.formats.labels import points_of
from rtmcli.geometry.boxes import from_xywh, to_xywh
from rtmcli.records.frame import Frame, Instance
from rtmcli.records.line_io import Sink

_PEAK_WEIGHT = 1.25
# A score that comes from the formula leaves a box score in [0, 1], but for rounding.
_ROUNDING = 1e-2
_FRAME_NAME = re.compile(r"(0|[1-9]\d*)\.(?:jpg|png)")


def is_alphapose(results: Sequence[Mapping[str, Any]]) -> bool:
    """Whether results have AlphaPose's own keys, or names of images for ids."""
    return bool(results) and (
        "idx" in results[0] or "box" in results[0] or _is_name(results[0].get("image_id"))
    )


def alphapose_frames(results: Sequence[Mapping[str, Any]], path: str | Path) -> Iterator[Frame]:
    """A frame per image, in order. Images named 0.jpg, 1.jpg, ... are the frames of one video, called after the file.

    Raises DataError where an entry has no keypoints, or an `idx` that is no number.
    """
    grouped: dict[str, list[Instance]] = {}
    for number, result in enumerate(results):
        people = grouped.setdefault(str(result["image_id"]), [])
        try:
            people.append(_instance(result))
        except (TypeError, ValueError, OverflowError) as error:
            raise DataError(f"{path}: entry {number} is not one of AlphaPose's: {error}") from None
    names = {name: _FRAME_NAME.fullmatch(name) for name in grouped}
    of_video = len(grouped) > 1 and all(names.values()) and any(name.startswith("0.") for name in grouped)
    if not of_video:
        for name, people in grouped.items():
            yield Frame(source=name, frame=0, frames=1, instances=people)
        return
    numbered = {int(match[1]): grouped[name] for name, match in names.items() if match}
    for frame in sorted(numbered):
        yield Frame(source=Path(path).stem, frame=frame, instances=numbered[frame])


def with_image_ids(
    results: Sequence[Mapping[str, Any]], truth: Mapping[str, Any], labels: str | Path
) -> tuple[list[dict[str, Any]], list[str]]:
    """The results with the ids of a label file in place of the names of images, and notes on names that differ.

    A result keeps an id that the labels have, and one that is no name of theirs.
    """
    known = {image["id"] for image in truth["images"]}
    matcher = ImageMatcher(truth["images"], labels=str(labels))
    found: dict[Any, Any] = {}
    for result in results:
        name = result["image_id"]
        if name in found or name in known or not isinstance(name, str):
            continue
        image = matcher.find_file(name)
        number = _FRAME_NAME.fullmatch(name)
        if image is None and number is not None:
            image = matcher.find(Frame(source="alphapose-results", frame=int(number[1]), time=0.0))
        found[name] = name if image is None else image["id"]
    return [{**r, "image_id": found.get(r["image_id"], r["image_id"])} for r in results], matcher.notes()


def write_alphapose(frames: Iterable[Frame], sink: str | BinaryIO) -> int:
    """Write records as one list, an entry per person. Returns the number of entries.

    A point that does not exist is 0, 0, 0. Raises DataError where a second video comes, whose frames would have the
    names of the first.

    Example:
        from rtmcli import read_frames, write_alphapose

        write_alphapose(read_frames("walk.jsonl"), "alphapose-results.json")
    """
    count = 0
    video: str | None = None
    with Sink(sink) as out:
        out.write(b"[")
        for frame in frames:
            name = PurePath(str(frame.extra.get("file", frame.source))).name
            if frame.time is not None or frame.frame > 0 or (frame.frames or 0) > 1:
                video = video or frame.source
                if frame.source != video:
                    raise DataError(
                        f"{frame.source} comes after {video}; AlphaPose's list holds one video: convert each alone"
                    )
                name = f"{frame.frame}.jpg"
            for one in frame.instances:
                if one.keypoints is None or not len(one.keypoints):
                    continue
                out.write((b",\n" if count else b"\n") + orjson.dumps(_entry(one, name)))
                count += 1
        out.write(b"\n]\n")
    return count


def _entry(one: Instance, name: str) -> dict[str, Any]:
    assert one.keypoints is not None
    scores = np.nan_to_num(one.keypoints[:, 2])
    box_score = 1.0 if one.score is None else one.score
    entry: dict[str, Any] = {
        "image_id": name,
        "category_id": 1,
        "keypoints": np.nan_to_num(one.keypoints).ravel().tolist(),
        "score": float(box_score + scores.mean() + _PEAK_WEIGHT * scores.max()),
    }
    if one.box is not None:
        entry["box"] = to_xywh(one.box).tolist()
    if one.id is not None:
        entry["idx"] = one.id
    return entry


def _instance(result: Mapping[str, Any]) -> Instance:
    points = points_of(result).astype(np.float32)
    if not len(points):
        raise ValueError("it has no keypoints")
    corners = result.get("box", result.get("bbox"))
    box = None
    if corners is not None:
        values = np.array(corners, np.float32).ravel()
        if values.shape != (4,):
            raise ValueError(f"'box' must be four numbers x, y, width, height; got {corners!r}")
        box = from_xywh(values)
    score = float(result["score"])
    return Instance(
        box=box, score=_box_score(score, points[:, 2]), keypoints=points, label="person",
        id=_person_id(result.get("idx")), extra={"proposal_score": score},
    )  # fmt: skip


def _box_score(score: float, keypoint_scores: Any) -> float:
    """The detector's score that AlphaPose's formula started from; the score itself within [0, 1] where it did not."""
    rest = score - float(keypoint_scores.mean() + _PEAK_WEIGHT * keypoint_scores.max())
    if not -_ROUNDING <= rest <= 1 + _ROUNDING:
        rest = score
    return min(max(rest, 0.0), 1.0)


def _person_id(idx: Any) -> int | None:
    """A number, also within lists, as PoseFlow and the re-identification tracker write it."""
    while isinstance(idx, list):
        idx = idx[0] if idx else None
    if idx is None:
        return None
    if isinstance(idx, str) or float(idx) != int(idx):
        raise ValueError(f"'idx' must be a whole number; got {idx!r}")
    return int(idx) if idx >= 0 else None


def _is_name(image_id: Any) -> bool:
    return isinstance(image_id, str) and bool(re.search(r"\.[a-z]{3,4}$", image_id, re.IGNORECASE))
