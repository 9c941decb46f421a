"""The record as JSON Schema (2020-12), and the check of a stream: every line, and whether frames are missing."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from rtmcli.errors import DataError
from rtmcli.frames import Frame
from rtmcli.ndjson import read_frames
from rtmcli.streams import input_name


@dataclass(slots=True)
class _Seen:
    """How far one source has come."""

    declared: int
    lines: int = 0
    last: int = -1
    step: int = 1


def check(source: str | Path | BinaryIO) -> str:
    """Read every line and say in words what came: lines, and `84 of 150 frames` for each source that was cut.

    Raises DataError that names the first bad line.
    """
    unfinished: dict[str, _Seen] = {}
    lines = 0
    try:
        for frame in read_frames(source):
            lines += 1
            _check_ranges(frame, input_name(source), lines)
            if frame.frames is not None:
                _count_frame(unfinished, frame, frame.frames)
    except DataError as error:
        came = _cut(unfinished)
        raise DataError(f"{error} (before it: {came})" if came else str(error)) from None
    told = "1 record" if lines == 1 else f"{lines} records"
    cut = _cut(unfinished)
    return f"{told}, every one valid" + (f"; the stream was cut: {cut}" if cut else "")


def _check_ranges(frame: Frame, name: str, number: int) -> None:
    for index, instance in enumerate(frame.instances):
        if instance.score is not None and not 0 <= instance.score <= 1:
            raise DataError(
                f"{name}, record {number}: instances[{index}]: 'score' must be in [0, 1], got {instance.score:g}"
            )


def _count_frame(unfinished: dict[str, _Seen], frame: Frame, declared: int) -> None:
    """A source is finished, and forgotten, when its next frame would lie beyond what it declares."""
    seen = unfinished.setdefault(frame.source, _Seen(declared))
    if seen.lines:
        seen.step = max(seen.step, frame.frame - seen.last)  # `--every N`
    seen.lines += 1
    seen.last = frame.frame
    if seen.last + seen.step >= declared:
        del unfinished[frame.source]


def _cut(unfinished: dict[str, _Seen]) -> str:
    return ", ".join(
        f"{source}: {seen.lines} of {seen.declared} frames" for source, seen in unfinished.items()
    )


def _nullable(schema: dict[str, Any]) -> dict[str, Any]:
    return {"anyOf": [schema, {"type": "null"}]}


def _count(description: str) -> dict[str, Any]:
    return {"type": ["integer", "null"], "minimum": 0, "description": description}


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
            "description": "x1, y1, x2, y2 in pixels of the picture as shown",
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
        "frame": {"type": "integer", "minimum": 0, "description": "index in the source, from 0"},
        "frames": _count("how many frames the source declares"),
        "time": {
            "type": ["number", "null"],
            "description": "presentation time in seconds; none for pictures",
        },
        "width": _count("of the picture as shown, in pixels"),
        "height": _count("of the picture as shown, in pixels"),
        "skeleton": {"type": ["string", "null"], "description": "name of the skeleton of the keypoints"},
        "model": {"type": ["string", "null"], "description": "name of the model"},
        "instances": {"type": "array", "items": _INSTANCE},
    },
}
