"""Parse one line of bytes into a frame, with precise error messages."""

import struct
from functools import lru_cache
from itertools import chain
from typing import Any

import numpy as np
import orjson

from rtmcli.arrays import Float32Array
from rtmcli.errors import DataError
from rtmcli.records.frame import FRAME_KEYS, INSTANCE_KEYS, Frame, Instance
from rtmcli.records.pack import LARGEST_SCORE, Numbers, pack, pack_alike

_FRAME_SET = frozenset(FRAME_KEYS)
_INSTANCE_SET = frozenset(INSTANCE_KEYS)
_REQUIRED = frozenset(("source", "frame", "instances"))
# What to do about a file of another format.
_EXPECTED = "expected one record per line, into which 'rtm convert' brings other formats"
_NUMBERS = (float, int, type(None))
# The largest whole number up to which all JSON programs agree (RFC 8259, section 6).
_LARGEST = 2**53


def decode_frame(
    line: bytes, *, source: str = "record", line_number: int | None = None, offset: int = 0
) -> Frame:
    """The frame of one line. `source`, `line_number` and `offset` (bytes before the line) serve the error message.

    Example:
        from rtmcli import decode_frame

        frame = decode_frame(b'{"source":"walk.mp4","frame":7,"instances":[]}')
        assert (frame.source, frame.frame) == ("walk.mp4", 7)
    """
    try:
        data = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        raise _not_json(line, error, source, line_number, offset) from None
    try:
        return _frame(data, line)
    except _InvalidRecord as wrong:
        raise DataError(f"{_place(source, line_number)}: {wrong}") from None


class _InvalidRecord(ValueError):
    """A line that is JSON but no record; the message names key, expected and got."""


def _frame(data: Any, line: bytes) -> Frame:
    if type(data) is not dict:
        raise _InvalidRecord(f"expected a JSON object, got {_kind(data)}")
    if not data.keys() & _REQUIRED:
        raise _InvalidRecord(f"no record, which has source, frame and instances; {_EXPECTED}")
    frame = Frame(
        _source(data),
        _count(data, "frame", required=True),
        _count(data, "frames"),
        _number(data, "time"),
        _count(data, "width"),
        _count(data, "height"),
        _text(data, "skeleton"),
        _text(data, "model"),
        order=_intern(tuple(data)),
    )
    entries = data.get("instances")
    if type(entries) is not list:
        raise _InvalidRecord(f"'instances' must be an array, got {_kind(entries, 'instances' in data)}")
    frame.instances = _instances(entries)
    if b"true" in line or b"false" in line:
        _refuse_booleans(entries)
    frame.extra = _unknown(data, _FRAME_SET)
    if frame.extra or any([instance.extra for instance in frame.instances]):
        _restore_big_integers(frame, line)
    return frame


def _instances(entries: list[Any]) -> list[Instance]:
    packed = pack_alike(entries) if entries else None
    found: list[Instance] = []
    order: tuple[str, ...] = ()
    for index, entry in enumerate(entries):
        try:
            numbers = _numbers(entry) if packed is None else packed[index]
            number, label = entry.get("id"), entry.get("label")
            if type(number) is not int or number < 0:
                number = _count(entry, "id")
            if type(label) is not str:
                label = _text(entry, "label")
        except _InvalidRecord as wrong:
            raise _InvalidRecord(f"instances[{index}]: {wrong}") from None
        keys = tuple(entry)
        if keys != order:
            order = _intern(keys)
        box, score, points, points3d = numbers
        given = (
            (box is not None)
            + (score is not None)
            + (points is not None)
            + (points3d is not None)
            + (number is not None)
            + (label is not None)
        )
        extra = _unknown(entry, _INSTANCE_SET) if len(keys) > given else {}
        # By position, in the order of the class: keywords would take three times as long.
        found.append(Instance(box, score, points, points3d, number, label, extra, order))
    return found


def _numbers(data: Any) -> Numbers:
    if type(data) is not dict:
        raise _InvalidRecord(f"expected an object, got {_kind(data)}")
    return (
        _box(data.get("box")),
        _score(data),
        _points(data.get("keypoints"), "keypoints", 3),
        _points(data.get("keypoints3d"), "keypoints3d", 4),
    )


def _refuse_booleans(instances: list[dict[str, Any]]) -> None:
    """Raise _InvalidRecord for the first boolean among coordinates: Python takes it for the number 0 or 1."""
    for index, data in enumerate(instances):
        rows = [data.get("box"), *(data.get("keypoints") or ()), *(data.get("keypoints3d") or ())]
        if any(type(value) is bool for row in rows for value in row or ()):
            raise _InvalidRecord(f"instances[{index}]: box and keypoints must be numbers, got a boolean")


def _unknown(data: dict[str, Any], known: frozenset[str]) -> dict[str, Any]:
    """Keys to keep as they are: unknown ones, and known ones that are null."""
    if data.keys() <= known and None not in data.values():
        return {}
    return {key: value for key, value in data.items() if key not in known or value is None}


def _points(rows: Any, key: str, width: int) -> Float32Array | None:
    """(K, width) float32; a `null` row is a row of NaN."""
    if rows is None:
        return None
    if type(rows) is not list:
        raise _InvalidRecord(f"{key!r} must be an array, got {_kind(rows)}")
    try:
        if not rows or {*map(len, rows)} == {width}:
            return pack([*chain.from_iterable(rows)]).reshape(-1, width)
    except (TypeError, ValueError, OverflowError, struct.error):
        pass
    return _float32(_points_with_nulls(rows, key, width), key)


def _points_with_nulls(rows: list[Any], key: str, width: int) -> np.ndarray:
    """The same for rows that are `null` or contain `null`; an error names the place of anything else."""
    points = np.full((len(rows), width), np.nan)
    for index, row in enumerate(rows):
        if row is None:
            continue
        if type(row) is not list or len(row) != width:
            got = f"{len(row)} values" if type(row) is list else _kind(row)
            raise _InvalidRecord(f"{key}[{index}] must be null or {width} numbers, got {got}")
        for column, value in enumerate(row):
            if value is not None:
                if type(value) not in (int, float):
                    raise _InvalidRecord(f"{key}[{index}][{column}] must be a number, got {_kind(value)}")
                points[index, column] = value
    return points


def _box(values: Any) -> Float32Array | None:
    if values is None:
        return None
    try:
        if type(values) is list and len(values) == 4:
            return pack(values)
    except (TypeError, OverflowError, struct.error):
        pass
    if type(values) is not list or len(values) != 4 or any(type(v) not in _NUMBERS for v in values):
        raise _InvalidRecord("'box' must be four numbers x1, y1, x2, y2")
    return _float32(np.array(values, dtype=np.float64), "box")


def _float32(values: np.ndarray, key: str) -> Float32Array:
    with np.errstate(over="ignore"):
        narrow = values.astype(np.float32)
    if np.isinf(narrow).any():
        raise _InvalidRecord(f"{key!r} holds a number beyond float32")
    return narrow


def _source(data: dict[str, Any]) -> str:
    value = data.get("source")
    if type(value) is not str:
        raise _InvalidRecord(f"'source' must be a string, got {_kind(value, 'source' in data)}")
    return value


def _text(data: dict[str, Any], key: str) -> str | None:
    value = data.get(key)
    if value is not None and type(value) is not str:
        raise _InvalidRecord(f"{key!r} must be a string, got {_kind(value)}")
    return value


def _count(data: dict[str, Any], key: str, required: bool = False) -> Any:
    value = data.get(key)
    if type(value) is int and 0 <= value <= _LARGEST:
        return value
    # 12.0, as some tools write every number.
    if type(value) is float and 0 <= value <= _LARGEST and value.is_integer():
        return int(value)
    if value is None and not required:
        return None
    got = value if type(value) in (int, float) else _kind(value, key in data)
    raise _InvalidRecord(f"{key!r} must be an integer from 0 to 2**53, got {got}")


def _number(data: dict[str, Any], key: str) -> float | None:
    value = data.get(key)
    if value is not None and type(value) not in (int, float):
        raise _InvalidRecord(f"{key!r} must be a number, got {_kind(value)}")
    return None if value is None else float(value)


def _score(data: dict[str, Any]) -> float | None:
    """A float32, as in memory: a verb that reads from a pipe must get the same digits as one in the same process."""
    value = _number(data, "score")
    if value is None:
        return None
    if abs(value) < LARGEST_SCORE:
        return float(np.float32(value))
    raise _InvalidRecord(f"'score' must be in [0, 1], got {value}")


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


def _not_json(
    line: bytes, error: orjson.JSONDecodeError, source: str, number: int | None, offset: int
) -> DataError:
    try:
        text = line.decode()
    except UnicodeDecodeError as bad:
        where = _place(source, number, offset + bad.start)
        return DataError(f"{where}: not UTF-8 text (byte 0x{line[bad.start]:02x}); {_EXPECTED}")
    place = _place(source, number, offset + len(text[: error.pos].encode()))
    rest = text[error.pos :].lstrip("-")
    for word in ("NaN", "Infinity"):
        if rest.startswith(word):
            return DataError(f"{place}: {word} is not JSON; write null for a missing number")
    if not line.endswith(b"\n") and "end of data" in error.msg:
        return DataError(f"{place}: the last line is truncated; the program that wrote it was interrupted")
    return DataError(f"{place}: not JSON: {error.msg}; {_EXPECTED}")


def _place(source: str, number: int | None, offset: int | None = None) -> str:
    line = f", line {number}" if number is not None else ""
    return f"{source}{line}" + (f", byte {offset}" if offset is not None else "")
