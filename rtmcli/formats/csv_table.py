"""Records <-> a long CSV table: a row a keypoint, for spreadsheets, R, pandas and SQL.

Frames without anybody have no row, and points in 3D no column; all else comes back as it was.
"""

import csv
import io
from collections.abc import Iterable, Iterator
from itertools import groupby
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from rtmcli.arrays import Float32Array
from rtmcli.errors import DataError
from rtmcli.records.frame import Frame, Instance
from rtmcli.records.line_io import Sink, input_lines, input_name
from rtmcli.skeletons import load_skeleton

FRAME = ("source", "frame", "frames", "time", "width", "height", "skeleton", "model")
PERSON = ("instance", "id", "label", "x1", "y1", "x2", "y2", "score")
POINT = ("index", "keypoint", "x", "y", "keypoint_score")
COLUMNS = FRAME + PERSON + POINT


def write_table(frames: Iterable[Frame], sink: str | BinaryIO) -> int:
    """Write a header and a row a keypoint (a row a box, where there are none); the number of frames read."""
    count = 0
    with Sink(sink) as out:
        out.write(_line(COLUMNS))
        for frame in frames:
            count += 1
            head = [_cell(getattr(frame, name)) for name in FRAME]
            names = load_skeleton(frame.skeleton).keypoints if frame.skeleton else ()
            for number, one in enumerate(frame.instances):
                for row in _rows(one, number, names):
                    out.write(_line(head + row))
    return count


def read_table(path: str | Path | BinaryIO) -> Iterator[Frame]:
    """Records of such a table, a frame as soon as the next begins. Raises DataError with the line that is wrong."""
    name = input_name(path)
    rows = _dicts(path, name)
    for _, group in groupby(rows, key=lambda row: (row[1]["source"], row[1]["frame"])):
        of_frame = list(group)
        line, first = of_frame[0]
        try:
            frame = Frame(source=first["source"], frame=int(first["frame"]), **_rest(first))
            for _, of_person in groupby(of_frame, key=lambda row: row[1]["instance"]):
                numbered = list(of_person)
                line = numbered[0][0]
                frame.instances.append(_person([row for _, row in numbered]))
        except (ValueError, KeyError, IndexError) as error:
            raise DataError(f"{name}, line {line}: {error}") from None
        yield frame


def _rows(one: Instance, number: int, names: tuple[str, ...]) -> Iterator[list[str]]:
    box = [_cell(value) for value in one.box] if one.box is not None else [""] * 4
    person = [str(number), _cell(one.id), _cell(one.label), *box, _cell(one.score)]
    if one.keypoints is None:
        yield [*person, *[""] * len(POINT)]
        return
    for index, point in enumerate(one.keypoints):
        yield [
            *person,
            str(index),
            names[index] if index < len(names) else "",
            *(_cell(value) for value in point),
        ]


def _cell(value: Any) -> str:
    """The fewest digits that restore a number; nothing for None and NaN."""
    if value is None or (isinstance(value, (float, np.floating)) and np.isnan(value)):
        return ""
    return str(value)


def _line(cells: Iterable[str]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(cells)
    return text.getvalue().encode()


def _dicts(path: str | Path | BinaryIO, name: str) -> Iterator[tuple[int, dict[str, str]]]:
    """Line number and cells by column name."""
    reader = csv.reader((line.decode() for _, _, line in input_lines(path)), strict=True)
    try:
        columns = next(reader, list(COLUMNS))
        for needed in ("source", "frame", "instance"):
            if needed not in columns:
                raise DataError(f"{name}: has no column {needed!r}, which 'rtm convert --to csv' writes")
        for cells in reader:
            if len(cells) != len(columns):
                raise DataError(
                    f"{name}, line {reader.line_num}: has {len(cells)} cells, the header has {len(columns)}"
                )
            yield reader.line_num, dict(zip(columns, cells, strict=True))
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{name}, line {reader.line_num}: is not CSV: {error}") from None


def _rest(row: dict[str, str]) -> dict[str, Any]:
    kinds = {"frames": int, "time": float, "width": int, "height": int, "skeleton": str, "model": str}
    return {key: kind(row[key]) for key, kind in kinds.items() if row.get(key)}


def _person(rows: list[dict[str, str]]) -> Instance:
    first = rows[0]
    box: Float32Array | None = None
    if first.get("x1"):
        box = np.array([float(first[key]) for key in ("x1", "y1", "x2", "y2")], np.float32)
    points: Float32Array | None = None
    if first.get("index"):
        points = np.full((max(int(row["index"]) for row in rows) + 1, 3), np.nan, np.float32)
        for row in rows:
            cells = (row[key] for key in ("x", "y", "keypoint_score"))
            points[int(row["index"])] = [float(cell) if cell else np.nan for cell in cells]
    return Instance(
        box=box, keypoints=points, score=float(first["score"]) if first.get("score") else None,
        id=int(first["id"]) if first.get("id") else None, label=first.get("label") or None,
    )  # fmt: skip
