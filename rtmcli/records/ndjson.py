"""Read and write records: one JSON object per line, one line per frame (docs/design.md, "The record").

Reading accepts strict JSON only and names line and byte offset of an error; writing keeps unknown keys and their order.
"""

from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import orjson

from rtmcli.arrays import Float32Array
from rtmcli.records.frame import FRAME_KEYS, INSTANCE_KEYS, Frame, Instance
from rtmcli.records.line_io import Sink, input_lines, input_name
from rtmcli.records.parse import decode_frame

_FLOAT32 = np.dtype(np.float32)
_OPTIONS = orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_APPEND_NEWLINE


def read_frames(source: str | Path | BinaryIO = "-") -> Iterator[Frame]:
    """The frames of a record file, of standard input ("-") or of a binary stream, one at a time as they come.

    Blank lines, a byte order mark and CRLF are accepted. Raises DataError with line number and byte offset at the
    first line that is not a record, after all frames before it; UsageError where standard input is a terminal.

    Example:
        from rtmcli import read_frames

        for frame in read_frames("walk.jsonl"):
            print(frame.time, len(frame.instances))
    """
    name = input_name(source)
    for number, offset, line in input_lines(source):
        yield decode_frame(line, source=name, line_number=number, offset=offset)


def write_frames(frames: Iterable[Frame], sink: str | Path | BinaryIO = "-", *, keep: bool = False) -> int:
    """Write frames as lines to a file (a temporary name until the end), standard output ("-") or a binary stream.

    A pipe and a terminal get each line at once, a file gets blocks. With `keep` a file gets each line at once too, and
    is kept after an interrupt or error: the records of a live source have no other end. Returns the number of frames.

    Example:
        from rtmcli import Smoother, read_frames, write_frames

        smoother = Smoother()
        write_frames(map(smoother, read_frames("walk.jsonl")), "smooth.jsonl")
    """
    count = 0
    with Sink(sink, keep=keep) as out:
        for frame in frames:
            out.write(encode_frame(frame))
            count += 1
    return count


def encode_frame(frame: Frame) -> bytes:
    """The line of one frame, newline included. NaN and Infinity become `null`.

    Example:
        from rtmcli import Frame, encode_frame

        line = encode_frame(Frame(source="walk.mp4", frame=0))
        assert line.startswith(b'{"source":"walk.mp4","frame":0,')
    """
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
    instances = [_instance_data(instance) for instance in frame.instances]
    data["instances"] = instances
    data = _ordered(data, frame.extra, frame.order, FRAME_KEYS)
    line = _dumps(data)
    # A row of NaN comes out as nulls; a keypoint that does not exist is one null.
    if b"[null,null,null" in line:
        for instance in instances:
            for key in ("keypoints", "keypoints3d"):
                if instance.get(key) is not None:
                    instance[key] = _with_null_rows(instance[key])
        line = _dumps(data)
    return line


def _instance_data(instance: Instance) -> dict[str, Any]:
    data: dict[str, Any] = {}
    if instance.id is not None:
        data["id"] = instance.id
    if instance.label is not None:
        data["label"] = instance.label
    if instance.box is not None:
        data["box"] = _contiguous(instance.box)
    if instance.score is not None:
        data["score"] = np.float32(instance.score)
    if instance.keypoints is not None:
        data["keypoints"] = _contiguous(instance.keypoints)
    if instance.keypoints3d is not None:
        data["keypoints3d"] = _contiguous(instance.keypoints3d)
    return _ordered(data, instance.extra, instance.order, INSTANCE_KEYS)


def _contiguous(values: Float32Array) -> Float32Array:
    """The array as orjson takes it: C-contiguous float32."""
    if values.dtype is _FLOAT32 and values.flags.c_contiguous:
        return values
    return np.ascontiguousarray(values, dtype=np.float32)


def _with_null_rows(points: Float32Array) -> list[Float32Array | None]:
    """Rows (K, 3 or 4) with None in place of those that are NaN throughout."""
    missing = np.asarray(np.isnan(points).all(axis=1))  # (K,)
    return [None if gone else row for gone, row in zip(missing.tolist(), points, strict=True)]


def _ordered(
    data: dict[str, Any], extra: dict[str, Any], order: tuple[str, ...], canonical: tuple[str, ...]
) -> dict[str, Any]:
    """Known and unknown keys in the order they were read in, new ones where the canonical order puts them.

    Args:
        data: the known keys in canonical order.
    """
    if not extra and _is_canonical(order, canonical):
        return data
    merged = {**extra, **data}
    return {key: merged[key] for key in _merge_order(order, tuple(data), tuple(extra), canonical)}


@lru_cache(maxsize=1024)
def _is_canonical(order: tuple[str, ...], canonical: tuple[str, ...]) -> bool:
    known = [key for key in order if key in canonical]
    return known == sorted(known, key=canonical.index)


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


def _dumps(data: dict[str, Any]) -> bytes:
    try:
        return orjson.dumps(data, option=_OPTIONS)
    except TypeError:  # an integer beyond 64 bits in a key we do not know
        return _dumps_any(data)


def _dumps_any(data: dict[str, Any]) -> bytes:
    import json

    def plain(value: Any) -> Any:
        if isinstance(value, (np.ndarray, np.generic)):
            return orjson.loads(orjson.dumps(value, option=orjson.OPT_SERIALIZE_NUMPY))
        raise TypeError(f"{type(value).__name__} cannot be written as JSON")

    return json.dumps(data, default=plain, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
