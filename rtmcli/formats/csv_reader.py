"""A long CSV table (`csv_writer`) to records, also after a spreadsheet or pandas has sorted or rewritten it.

Rows may come in any order, so the whole table is read before the first record. Commas, semicolons or tabs, a decimal
comma, UTF-8 or UTF-16, `1.0` for `1` and `NaN` for an empty cell are read as what they mean.
"""

import csv
from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

import numpy as np

from rtmcli.arrays import Float32Array
from rtmcli.errors import DataError, UsageError
from rtmcli.formats.csv_cells import (
    Row,
    cell_count,
    cell_float32,
    cell_number,
    cell_value,
    cell_whole,
    cell_word,
    table_rows,
    table_text,
)
from rtmcli.formats.row_order import in_frame_order
from rtmcli.records.frame import Frame, Instance
from rtmcli.records.line_io import input_name
from rtmcli.skeletons import load_skeleton

# More keypoints than any skeleton has: a larger index is a mistake, and would take that much memory.
_MOST = 10_000


@dataclass(slots=True)
class _Person:
    """The first row of a person, and index, x, y, score of each of its keypoints, one after the other."""

    row: Row
    line: int
    points: "array[float]" = field(default_factory=lambda: array("d"))


def read_table(path: str | Path | BinaryIO) -> Iterator[Frame]:
    """Records of a table: in the order of their first rows where that ascends, else by source and frame.

    Raises DataError with the line that is wrong.

    Example:
        from rtmcli import read_frames, read_table, write_table

        write_table(read_frames("walk.jsonl"), "walk.csv")
        for frame in read_table("walk.csv"):
            print(frame.time, len(frame.instances))
    """
    name = input_name(path)
    frames: dict[tuple[str, int], dict[int, _Person]] = {}
    line = 1
    try:
        for line, row in table_rows(table_text(path, name), name):
            people = frames.setdefault((row["source"], cell_whole(row, "frame")), {})
            number = cell_whole(row, "instance")
            person = people.get(number)
            if person is None:
                person = people[number] = _Person(row, line)
            index = _index(row)
            if index is not None:
                person.points.extend(
                    (index, *(cell_number(row, key) for key in ("x", "y", "keypoint_score")))
                )
        for key in in_frame_order(frames):
            line = next(iter(frames[key].values())).line
            yield _frame(*key, frames[key])
    except (ValueError, csv.Error, UsageError) as error:
        raise DataError(f"{name}, line {line}: {error}") from None


def _frame(source: str, number: int, people: dict[int, _Person]) -> Frame:
    first = next(iter(people.values())).row
    skeleton = cell_word(first, "skeleton")
    size = _size(skeleton)
    return Frame(
        source=source, frame=number, frames=cell_count(first, "frames"), time=cell_value(first, "time"),
        width=cell_count(first, "width"), height=cell_count(first, "height"), skeleton=skeleton,
        model=cell_word(first, "model"), instances=[_instance(people[key], size) for key in sorted(people)],
    )  # fmt: skip


def _instance(person: _Person, size: int) -> Instance:
    row = person.row
    corners = [cell_number(row, key) for key in ("x1", "y1", "x2", "y2")]
    box: Float32Array | None = None
    if not all(np.isnan(corners)):
        box = np.array(corners, np.float32)
    points: Float32Array | None = None
    rows = np.array(person.points, np.float64).reshape(-1, 4)
    if len(rows):
        indices = rows[:, 0].astype(np.intp)
        points = np.full((max(size, int(indices.max()) + 1), 3), np.nan, np.float32)
        points[indices] = rows[:, 1:]
        again = ~np.isclose(points[indices], rows[:, 1:], equal_nan=True).all(axis=1)
        if again.any():
            raise ValueError(
                f"keypoint {indices[again][0]} of instance {row['instance']} has several positions"
            )
    return Instance(
        box=box,
        keypoints=points,
        score=cell_float32(row, "score"),
        id=cell_count(row, "id"),
        label=cell_word(row, "label"),
    )


def _size(skeleton: str | None) -> int:
    """How many keypoints a skeleton has; 0 where it is unknown, so that the rows decide."""
    try:
        return len(load_skeleton(skeleton)) if skeleton else 0
    except (UsageError, DataError):
        return 0


def _index(row: Row) -> int | None:
    """The keypoint's index: as it stands there, or by its name in the skeleton; None for a box without keypoints."""
    index = cell_count(row, "index")
    if index is not None and index >= _MOST:
        raise ValueError(f"index must be that of one of {_MOST} keypoints at most, got {index}")
    name, skeleton = cell_word(row, "keypoint"), cell_word(row, "skeleton")
    if index is None and name is not None and skeleton is not None:
        names = load_skeleton(skeleton).keypoints
        if name not in names:
            raise ValueError(f"{skeleton} has no keypoint {name!r}")
        return names.index(name)
    return index
