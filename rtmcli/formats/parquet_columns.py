"""The columns of a Parquet table of keypoints, and records as columns."""

from collections.abc import Iterable
from typing import Any

import numpy as np

from rtmcli.arrays import Float32Array
from rtmcli.errors import DataError, UsageError
from rtmcli.records.frame import Frame, Instance
from rtmcli.skeletons import load_skeleton

# Column -> Arrow type. NaN is stored as null, which SQL and data frames leave out of sums and means.
COLUMNS = {
    "source": "string",
    "frame": "int32",
    "frames": "int32",
    "time": "float64",
    "width": "int32",
    "height": "int32",
    "skeleton": "string",
    "model": "string",
    "instance": "int32",
    "id": "int64",
    "label": "string",
    "x1": "float32",
    "y1": "float32",
    "x2": "float32",
    "y2": "float32",
    "score": "float32",
    "index": "int16",
    "keypoint": "string",
    "x": "float32",
    "y": "float32",
    "keypoint_score": "float32",
    "x3d": "float32",
    "y3d": "float32",
    "z3d": "float32",
    "score3d": "float32",
}
# An index or a name that a row does not have.
_NOTHING = -1
_FRAME = ("source", "frame", "frames", "time", "width", "height", "skeleton", "model")
_PERSON = ("instance", "id", "label", "x1", "y1", "x2", "y2", "score")
_POINT = ("x", "y", "keypoint_score")
_POINT_3D = ("x3d", "y3d", "z3d", "score3d")


def table_schema() -> Any:
    """The Arrow schema of the columns."""
    import pyarrow as pa

    return pa.schema([(name, pa.type_for_alias(kind)) for name, kind in COLUMNS.items()])


def row_count(frame: Frame) -> int:
    """How many rows a frame has."""
    return sum(_rows_of(one) for one in frame.instances) or 1


def table_of(frames: Iterable[Frame]) -> Any:
    """An Arrow table with a row per keypoint, per box without keypoints and per frame without people."""
    import pyarrow as pa

    names = _Names()
    people: list[tuple[Any, ...]] = []  # what is the same in all rows of a person
    counts: list[int] = []
    points: list[Float32Array] = []
    indices: list[Any] = []
    named: list[Any] = []
    for frame in frames:
        head = tuple(getattr(frame, name) for name in _FRAME)
        for number, one in enumerate(frame.instances) if frame.instances else [(None, Instance())]:
            rows = _rows_of(one)
            box = (None,) * 4 if one.box is None else one.box.tolist()
            people.append((*head, number, one.id, one.label, *box, one.score))
            counts.append(rows)
            points.append(_points(one, rows))
            posed = one.keypoints is not None or one.keypoints3d is not None
            indices.append(np.arange(rows) if posed else np.full(rows, _NOTHING))
            named.append(names.places(frame.skeleton, rows) if posed else np.full(rows, _NOTHING))
    person_of_row = pa.array(np.repeat(np.arange(len(people)), counts))
    values = np.concatenate([np.zeros((0, 7), np.float32), *points])  # (rows, 7)
    index = np.concatenate([np.zeros(0, int), *indices])
    name = np.concatenate([np.zeros(0, int), *named])
    schema = table_schema()
    columns = {}
    for column, key in enumerate((*_FRAME, *_PERSON)):
        try:
            own = pa.array([person[column] for person in people], schema.field(key).type)
        except (pa.ArrowInvalid, OverflowError) as error:
            raise DataError(
                f"{people[0][0]}: a {key!r} does not fit into Parquet's {COLUMNS[key]}: {error}"
            ) from None
        columns[key] = own.take(person_of_row)
    columns["index"] = pa.array(index, pa.int16(), mask=index == _NOTHING)
    columns["keypoint"] = pa.array(names.all, pa.string()).take(
        pa.array(name, pa.int64(), mask=name == _NOTHING)
    )
    for column, key in enumerate((*_POINT, *_POINT_3D)):
        columns[key] = pa.array(np.ascontiguousarray(values[:, column]), from_pandas=True)  # NaN is null
    return pa.Table.from_arrays([columns[key] for key in schema.names], schema=schema)


class _Names:
    """The names of keypoints of all skeletons so far, one after the other."""

    def __init__(self) -> None:
        self.all: list[str] = []
        self._starts: dict[
            str, tuple[int, int]
        ] = {}  # skeleton -> where its names start, and how many they are

    def places(self, skeleton: str | None, rows: int) -> Any:
        """(rows,) where the name of each keypoint is; _NOTHING for one without a name."""
        if skeleton not in self._starts:
            self._starts[skeleton or ""] = self._add(skeleton)
        start, count = self._starts[skeleton or ""]
        own = np.arange(rows)
        return np.where(own < count, start + own, _NOTHING)

    def _add(self, skeleton: str | None) -> tuple[int, int]:
        try:
            names = load_skeleton(skeleton).keypoints if skeleton else ()
        except (UsageError, DataError):  # a file that is not here
            names = ()
        self.all.extend(names)
        return len(self.all) - len(names), len(names)


def _rows_of(one: Instance) -> int:
    sizes = [len(points) for points in (one.keypoints, one.keypoints3d) if points is not None]
    return max(sizes, default=1) or 1


def _points(one: Instance, rows: int) -> Float32Array:
    """(rows, 7) x, y, score in the image and x, y, z, score in space; NaN where there is none."""
    values = np.full((rows, 7), np.nan, np.float32)
    if one.keypoints is not None:
        values[: len(one.keypoints), :3] = one.keypoints
    if one.keypoints3d is not None:
        values[: len(one.keypoints3d), 3:] = one.keypoints3d
    return values
