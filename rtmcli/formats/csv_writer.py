"""Records to a long CSV table: a row per keypoint, for spreadsheets, R, pandas and SQL (`csv_reader` reads it back).

Frames without a person have no row, and keypoints in 3D no column; all else comes back as it was.
"""

import csv
import io
from collections.abc import Iterable, Iterator
from typing import Any, BinaryIO

import numpy as np

from rtmcli.records.frame import Frame, Instance
from rtmcli.records.line_io import Sink
from rtmcli.skeletons.of_frame import skeleton_of

FRAME = ("source", "frame", "frames", "time", "width", "height", "skeleton", "model")
PERSON = ("instance", "id", "label", "x1", "y1", "x2", "y2", "score")
POINT = ("index", "keypoint", "x", "y", "keypoint_score")
COLUMNS = FRAME + PERSON + POINT


def write_table(frames: Iterable[Frame], sink: str | BinaryIO) -> int:
    """Write a header and a row per keypoint (per box, where there are none). Returns the number of frames read.

    Example:
        from rtmcli import read_frames, write_table

        write_table(read_frames("walk.jsonl"), "walk.csv")
    """
    count = 0
    with Sink(sink) as out:
        out.write(table_line(COLUMNS))
        for frame in frames:
            count += 1
            head = [table_cell(getattr(frame, name)) for name in FRAME]
            names = skeleton_of(frame).keypoints if frame.skeleton else ()
            for number, one in enumerate(frame.instances):
                for row in _rows(one, number, names):
                    out.write(table_line(head + row))
    return count


def _rows(one: Instance, number: int, names: tuple[str, ...]) -> Iterator[list[str]]:
    person = person_cells(one, number)
    if one.keypoints is None:
        yield [*person, *[""] * len(POINT)]
        return
    for index, point in enumerate(one.keypoints):
        yield [
            *person,
            str(index),
            names[index] if index < len(names) else "",
            *(table_cell(value) for value in point),
        ]


def person_cells(one: Instance, number: int) -> list[str]:
    """The cells of `PERSON`; `number` is the place in the frame."""
    box = [table_cell(value) for value in one.box] if one.box is not None else [""] * 4
    score = None if one.score is None else np.float32(one.score)
    return [str(number), table_cell(one.id), table_cell(one.label), *box, table_cell(score)]


def table_cell(value: Any) -> str:
    """The fewest digits that restore a number; nothing for None and NaN."""
    if value is None or (isinstance(value, (float, np.floating)) and np.isnan(value)):
        return ""
    return str(value)


def table_line(cells: Iterable[Any]) -> bytes:
    """A row as CSV; None is an empty cell, a number has the fewest digits that restore it."""
    text = io.StringIO()
    # The writer quotes cells with a character of its line terminator: \r alone ends a line for readers too.
    csv.writer(text, lineterminator="\r\n").writerow(cells)
    return text.getvalue().removesuffix("\r\n").encode() + b"\n"
