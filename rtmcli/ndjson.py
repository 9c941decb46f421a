"""Records <-> bytes: one JSON object a line, one line a frame (docs/design.md, "The record").

Reading refuses what is not strict JSON with line and byte offset; writing keeps unknown keys and the key order.
"""

from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import orjson

from rtmcli.errors import DataError
from rtmcli.frames import Floats, Frame, Instance
from rtmcli.streams import Sink, input_lines, input_name

FRAME_KEYS = ("source", "frame", "frames", "time", "width", "height", "skeleton", "model", "instances")
INSTANCE_KEYS = ("id", "label", "box", "score", "keypoints", "keypoints3d")

_FRAME_SET = frozenset(FRAME_KEYS)
_INSTANCE_SET = frozenset(INSTANCE_KEYS)
_NUMBERS = (float, int, type(None))
_OPTIONS = orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_APPEND_NEWLINE


def read_frames(source: str | Path | BinaryIO = "-") -> Iterator[Frame]:
    """The frames of a record file, of standard input ("-") or of a binary stream, one at a time as they come.

    Blank lines, a byte order mark and CRLF are passed over. Raises DataError with line number and byte offset at the
    first line that is not a record, after all frames before it; UsageError where standard input is a terminal.
    """
    name = input_name(source)
    for number, offset, line in input_lines(source):
        yield decode_frame(line, source=name, line_number=number, offset=offset)


def write_frames(frames: Iterable[Frame], sink: str | Path | BinaryIO = "-") -> int:
    """Write frames as lines to a file (a temporary name until the end), standard output ("-") or a binary stream.

    A pipe and a terminal get each line at once, a file gets blocks. Returns the number of frames written.
    """
    count = 0
    with Sink(sink) as out:
        for frame in frames:
            out.write(encode_frame(frame))
            count += 1
    return count


def decode_frame(
    line: bytes, *, source: str = "record", line_number: int | None = None, offset: int = 0
) -> Frame:
    """The frame of one line. `source`, `line_number` and `offset` (bytes before the line) serve the error message."""
    try:
        data = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        raise _not_json(line, error, source, line_number, offset) from None
    try:
        return _frame(data, line)
    except _Wrong as wrong:
        raise DataError(f"{_place(source, line_number)}: {wrong}") from None


def encode_frame(frame: Frame) -> bytes:
    """The line of one frame, newline included. NaN and Infinity become `null`."""
    data: dict[str, Any] = {"source": frame.source, "frame": frame.frame}
    if frame.frames is not None:
        data["frames"] = frame.frames
    if frame.time is not None:
        data["time"] = frame.time
    if frame.width is not None:
        data["width"] = frame.width
    if frame.height is not None:
        data["height"] = frame.height
    if frame.skeleton is not None:
        data["skeleton"] = frame.skeleton
    if frame.model is not None:
        data["model"] = frame.model
    data["instances"] = [_instance_data(instance) for instance in frame.instances]
    data = _ordered(data, frame.extra, frame.order, FRAME_KEYS)
    try:
        return orjson.dumps(data, option=_OPTIONS)
    except TypeError:  # an integer beyond 64 bits in a key we do not know
        return _dumps_any(data)


class _Wrong(ValueError):
    """A line that is JSON but no record; the message names key, expected and got."""


def _frame(data: Any, line: bytes) -> Frame:
    if type(data) is not dict:
        raise _Wrong(f"expected a JSON object, got {_kind(data)}")
    frame = Frame(
        source=_need(data, "source", str),
        frame=_count(data, "frame", required=True),
        frames=_count(data, "frames"),
        time=_number(data, "time"),
        width=_count(data, "width"),
        height=_count(data, "height"),
        skeleton=_text(data, "skeleton"),
        model=_text(data, "model"),
        order=_intern(tuple(data)),
    )
    entries = data.get("instances")
    if type(entries) is not list:
        raise _Wrong(f"'instances' must be an array, got {_kind(entries, 'instances' in data)}")
    strange = False
    for index, entry in enumerate(entries):
        try:
            instance = _instance(entry)
        except _Wrong as wrong:
            raise _Wrong(f"instances[{index}]: {wrong}") from None
        strange = strange or bool(instance.extra)
        frame.instances.append(instance)
    frame.extra = _unknown(data, _FRAME_SET)
    if strange or frame.extra:
        _restore_big_integers(frame, line)
    return frame


def _instance(data: Any) -> Instance:
    if type(data) is not dict:
        raise _Wrong(f"expected an object, got {_kind(data)}")
    return Instance(
        box=_box(data.get("box")),
        score=_score(data),
        keypoints=_points(data.get("keypoints"), "keypoints", 3),
        keypoints3d=_points(data.get("keypoints3d"), "keypoints3d", 4),
        id=_count(data, "id"),
        label=_text(data, "label"),
        extra=_unknown(data, _INSTANCE_SET),
        order=_intern(tuple(data)),
    )


def _unknown(data: dict[str, Any], known: frozenset[str]) -> dict[str, Any]:
    """Keys to keep as they are: those nobody knows, and known ones that hold null."""
    return {key: value for key, value in data.items() if key not in known or value is None}


def _points(rows: Any, key: str, width: int) -> Floats | None:
    """(K, width) float32; a `null` row is a row of NaN."""
    if rows is None:
        return None
    if type(rows) is not list:
        raise _Wrong(f"{key!r} must be an array, got {_kind(rows)}")
    if not rows:
        return np.zeros((0, width), np.float32)
    try:
        points = np.array(rows)
    except ValueError:
        points = None
    if points is None or points.dtype.kind not in "fiu" or points.shape != (len(rows), width):
        points = _points_with_nulls(rows, key, width)
    return _float32(points, key)


def _points_with_nulls(rows: list[Any], key: str, width: int) -> np.ndarray:
    """The same for rows that are `null` or hold `null`, and the place of what is neither."""
    points = np.full((len(rows), width), np.nan)
    for index, row in enumerate(rows):
        if row is None:
            continue
        if type(row) is not list or len(row) != width:
            got = f"{len(row)} values" if type(row) is list else _kind(row)
            raise _Wrong(f"{key}[{index}] must be null or {width} numbers, got {got}")
        for column, value in enumerate(row):
            if value is not None:
                if type(value) not in (int, float):
                    raise _Wrong(f"{key}[{index}][{column}] must be a number, got {_kind(value)}")
                points[index, column] = value
    return points


def _box(values: Any) -> Floats | None:
    if values is None:
        return None
    if type(values) is not list or len(values) != 4 or any(type(v) not in _NUMBERS for v in values):
        raise _Wrong("'box' must be four numbers x1, y1, x2, y2")
    return _float32(np.array(values, dtype=np.float64), "box")


def _float32(values: np.ndarray, key: str) -> Floats:
    with np.errstate(over="ignore"):
        narrow = values.astype(np.float32)
    if np.isinf(narrow).any():
        raise _Wrong(f"{key!r} holds a number beyond float32")
    return narrow


def _need(data: dict[str, Any], key: str, kind: type) -> Any:
    value = data.get(key)
    if type(value) is not kind:
        raise _Wrong(f"{key!r} must be a string, got {_kind(value, key in data)}")
    return value


def _text(data: dict[str, Any], key: str) -> str | None:
    value = data.get(key)
    if value is not None and type(value) is not str:
        raise _Wrong(f"{key!r} must be a string, got {_kind(value)}")
    return value


def _count(data: dict[str, Any], key: str, required: bool = False) -> Any:
    value = data.get(key)
    if type(value) is int and value >= 0:
        return value
    if type(value) is float and value.is_integer() and value >= 0:  # 12.0, as some tools write every number
        return int(value)
    if value is None and not required:
        return None
    got = value if type(value) in (int, float) else _kind(value, key in data)
    raise _Wrong(f"{key!r} must be an integer from 0, got {got}")


def _number(data: dict[str, Any], key: str) -> float | None:
    value = data.get(key)
    if value is not None and type(value) not in (int, float):
        raise _Wrong(f"{key!r} must be a number, got {_kind(value)}")
    return None if value is None else float(value)


def _score(data: dict[str, Any]) -> float | None:
    """A float32, as in memory: a verb behind a pipe must not see other digits than one in the same process."""
    value = _number(data, "score")
    if value is None or abs(value) < 1e38:
        return None if value is None else float(np.float32(value))
    raise _Wrong(f"'score' must be in [0, 1], got {value}")


def _kind(value: Any, present: bool = True) -> str:
    if not present:
        return "nothing"
    return {dict: "an object", list: "an array", str: "a string", bool: "a boolean", type(None): "null"}.get(
        type(value), "a number"
    )


@lru_cache(maxsize=1024)
def _intern(keys: tuple[str, ...]) -> tuple[str, ...]:
    """One tuple for all lines with the same keys: frames held in memory share it."""
    return keys


def _instance_data(instance: Instance) -> dict[str, Any]:
    data: dict[str, Any] = {}
    if instance.id is not None:
        data["id"] = instance.id
    if instance.label is not None:
        data["label"] = instance.label
    if instance.box is not None:
        data["box"] = np.ascontiguousarray(instance.box, dtype=np.float32)
    if instance.score is not None:
        data["score"] = np.float32(instance.score)
    if instance.keypoints is not None:
        data["keypoints"] = _rows(instance.keypoints)
    if instance.keypoints3d is not None:
        data["keypoints3d"] = _rows(instance.keypoints3d)
    return _ordered(data, instance.extra, instance.order, INSTANCE_KEYS)


def _rows(points: Floats) -> Floats | list[Floats | None]:
    points = np.ascontiguousarray(points, dtype=np.float32)  # (K, 3 or 4)
    if np.isfinite(points).all():
        return points
    missing = np.asarray(np.isnan(points).all(axis=1))  # (K,)
    if not missing.any():
        return points
    return [None if gone else row for gone, row in zip(missing.tolist(), points, strict=True)]


def _ordered(
    data: dict[str, Any], extra: dict[str, Any], order: tuple[str, ...], canonical: tuple[str, ...]
) -> dict[str, Any]:
    """Known and unknown keys in the order they were read in, new ones where the canonical order puts them."""
    if not extra and (not order or order == tuple(data)):
        return data
    merged = {**extra, **data}
    return {key: merged[key] for key in _merge_order(order, tuple(data), tuple(extra), canonical)}


@lru_cache(maxsize=1024)
def _merge_order(
    order: tuple[str, ...], known: tuple[str, ...], extra: tuple[str, ...], canonical: tuple[str, ...]
) -> tuple[str, ...]:
    present = {*known, *extra}
    keys = [key for key in order if key in present]
    for key in known:
        if key in keys:
            continue
        rank = canonical.index(key)
        earlier = [at for at, other in enumerate(keys) if other in canonical[:rank]]
        later = [at for at, other in enumerate(keys) if other in canonical[rank:]]
        keys.insert(earlier[-1] + 1 if earlier else later[0] if later else 0, key)
    return tuple(keys + [key for key in extra if key not in keys])


def _restore_big_integers(frame: Frame, line: bytes) -> None:
    """Integers beyond 64 bits in unknown keys lose digits in orjson: read those again with the slow parser."""
    extras = [frame.extra, *(instance.extra for instance in frame.instances)]
    if not any(_holds_huge(extra) for extra in extras):
        return
    import json

    data = json.loads(line.decode("utf-8-sig"))
    for extra, read in zip(extras, [data, *data["instances"]], strict=True):
        extra.update((key, read[key]) for key in extra)


def _holds_huge(value: Any) -> bool:
    if type(value) is float:
        return abs(value) >= 2**63
    if type(value) is dict:
        return any(_holds_huge(item) for item in value.values())
    return type(value) is list and any(_holds_huge(item) for item in value)


def _dumps_any(data: dict[str, Any]) -> bytes:
    import json

    def plain(value: Any) -> Any:
        if isinstance(value, (np.ndarray, np.generic)):
            return orjson.loads(orjson.dumps(value, option=orjson.OPT_SERIALIZE_NUMPY))
        raise TypeError(f"{type(value).__name__} cannot be written as JSON")

    return json.dumps(data, default=plain, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def _not_json(
    line: bytes, error: orjson.JSONDecodeError, source: str, number: int | None, offset: int
) -> DataError:
    try:
        text = line.decode()
    except UnicodeDecodeError as bad:
        where = _place(source, number, offset + bad.start)
        return DataError(f"{where}: not UTF-8 (byte 0x{line[bad.start]:02x}); save the stream as UTF-8")
    place = _place(source, number, offset + len(text[: error.pos].encode()))
    rest = text[error.pos :].lstrip("-")
    for word in ("NaN", "Infinity"):
        if rest.startswith(word):
            return DataError(f"{place}: {word} is not JSON; write null for a number that does not exist")
    if not line.endswith(b"\n") and "end of data" in error.msg:
        return DataError(
            f"{place}: the last line is cut off; the program before this one stopped in the middle"
        )
    return DataError(f"{place}: not JSON: {error.msg}")


def _place(source: str, number: int | None, offset: int | None = None) -> str:
    line = f", line {number}" if number is not None else ""
    return f"{source}{line}" + (f", byte {offset}" if offset is not None else "")
