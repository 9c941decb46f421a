"""The record as JSON Schema (2020-12), and the check of a stream of records."""

from pathlib import Path
from typing import Any, BinaryIO

from rtmcli.errors import DataError
from rtmcli.records import appearance
from rtmcli.records.frame import Frame
from rtmcli.records.line_io import input_lines, input_name
from rtmcli.records.parse import decode_frame
from rtmcli.records.truncation import FrameCounts
from rtmcli.skeletons import load_skeleton, skeleton_names


def check_records(source: str | Path | BinaryIO, *, complete: bool = False) -> str:
    """Check every line. Returns a sentence with the number of records, and `84 of 150 frames` for truncated sources.

    Raises DataError that names the first bad line; with `complete` also where a source is truncated or there is no
    record at all.

    Example:
        from rtmcli import check_records

        print(check_records("walk.jsonl"))
    """
    name = input_name(source)
    counts = FrameCounts()
    records = 0
    try:
        for number, offset, line in input_lines(source):
            frame = decode_frame(line, source=name, line_number=number, offset=offset)
            _check_values(frame, f"{name}, line {number}")
            counts.add(frame)
            records += 1
    except DataError as error:
        raise DataError(
            f"{error} (before it: {counts.truncated})" if counts.truncated else str(error)
        ) from None
    if complete and not records:
        raise DataError(f"{name} holds no records; --complete expects at least one")
    if complete and counts.missing:
        raise DataError(f"{name}: frames are missing: {counts.missing}")
    counted = "1 record" if records == 1 else f"{records} records"
    return f"{counted}, every one valid" + (
        f"; frames are missing: {counts.truncated}" if counts.truncated else ""
    )


def _check_values(frame: Frame, place: str) -> None:
    """Check what the types do not: scores in range, as many keypoints as the skeleton has."""
    for index, instance in enumerate(frame.instances):
        if instance.score is not None and not 0 <= instance.score <= 1:
            raise DataError(f"{place}: instances[{index}]: 'score' must be in [0, 1], got {instance.score:g}")
        try:
            appearance.appearance_of(instance.extra.get(appearance.KEY))
        except ValueError as error:
            raise DataError(f"{place}: instances[{index}]: {error}") from None
        if instance.keypoints is not None and frame.skeleton in skeleton_names():
            expected = len(load_skeleton(frame.skeleton))
            if len(instance.keypoints) != expected:
                raise DataError(
                    f"{place}: instances[{index}]: {frame.skeleton} has {expected} keypoints, "
                    f"got {len(instance.keypoints)}"
                )


def _nullable(schema: dict[str, Any]) -> dict[str, Any]:
    return {"anyOf": [schema, {"type": "null"}]}


def _count(description: str) -> dict[str, Any]:
    return {"type": ["integer", "null"], "minimum": 0, "maximum": 2**53, "description": description}


def _row(width: int) -> dict[str, Any]:
    number = {"type": ["number", "null"]}
    return _nullable({"type": "array", "items": number, "minItems": width, "maxItems": width})


_INSTANCE: dict[str, Any] = {
    "type": "object",
    "properties": {
        "id": _count("the person's number, unique in its source"),
        "label": {"type": ["string", "null"], "description": "class name"},
        "box": {
            "anyOf": [
                {"type": "array", "items": {"type": ["number", "null"]}, "minItems": 4, "maxItems": 4},
                {"type": "null"},
            ],
            "description": "x1, y1, x2, y2 in pixels of the image as shown",
        },
        "score": {
            "type": ["number", "null"],
            "minimum": 0,
            "maximum": 1,
            "description": "box score in [0, 1]",
        },
        "keypoints": {
            "type": ["array", "null"],
            "items": _row(3),
            "description": "x, y in pixels and the decoder's own score, in skeleton order; null: no such point",
        },
        "keypoints3d": {
            "type": ["array", "null"],
            "items": _row(4),
            "description": "x, y, z in metres, relative to the root, and the score",
        },
        "appearance": {
            "type": ["array", "null"],
            "items": {"type": "number", "minimum": 0, "maximum": 100},
            "minItems": appearance.LENGTH,
            "maxItems": appearance.LENGTH,
            "description": "colours of the torso (12 numbers) and the legs (12): percentages of six hues, red to "
            "magenta, and six grey levels, black to white; zeros for a part not seen",
        },
    },
}

RECORD_SCHEMA: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": "rtm record",
    "description": "One line of a stream: one frame of a source and who is in it. Further keys are kept.",
    "type": "object",
    "required": ["source", "frame", "instances"],
    "properties": {
        "source": {"type": "string", "description": "the source as it was given"},
        "frame": {
            "type": "integer",
            "minimum": 0,
            "maximum": 2**53,
            "description": "index in the source, from 0",
        },
        "frames": _count("how many frames the source declares"),
        "time": {
            "type": ["number", "null"],
            "description": "presentation time in seconds; none for images",
        },
        "width": _count("of the image as shown, in pixels"),
        "height": _count("of the image as shown, in pixels"),
        "skeleton": {"type": ["string", "null"], "description": "name of the skeleton of the keypoints"},
        "model": {"type": ["string", "null"], "description": "name of the model"},
        "utc": {
            "type": ["string", "null"],
            "format": "date-time",
            "description": "of a live source: when the frame arrived, as 2026-11-26T21:05:33.120Z",
        },
        "dropped": _count("images of a live source lost since its last record, because they came too fast"),
        "gap": {
            "type": ["number", "null"],
            "minimum": 0,
            "description": "of the first record after a live source was lost: seconds from its last frame to this one",
        },
        "instances": {"type": "array", "items": _INSTANCE},
    },
}
