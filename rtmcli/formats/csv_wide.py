"""A wide CSV table to records and back: a row per frame and person, with three columns for each keypoint.

Frames without people have a row without a person. Rows are read in any order and as spreadsheets rewrite them, as those
of the long table (`csv_reader`).
"""

import csv
from collections.abc import Iterable, Iterator
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
from rtmcli.formats.csv_writer import FRAME, PERSON, person_cells, table_cell, table_line
from rtmcli.formats.row_order import in_frame_order
from rtmcli.records.frame import Frame, Instance
from rtmcli.records.line_io import Sink, input_name
from rtmcli.skeletons import Skeleton, load_skeleton
from rtmcli.skeletons.of_frame import skeleton_of

_PARTS = ("x", "y", "score")


def write_wide_table(frames: Iterable[Frame], sink: str | BinaryIO) -> int:
    """Write a header and a row per frame and person. Returns the number of frames.

    The columns of keypoints are `<name>_x`, `<name>_y` and `<name>_score`, of the first skeleton that the records name.

    Raises DataError where keypoints are of no named skeleton, or of another one than the first.

    Example:
        from rtmcli import read_frames, write_wide_table

        write_wide_table(read_frames("walk.jsonl"), "walk.csv")
    """
    count = 0
    skeleton: Skeleton | None = None
    begun = False
    waiting: list[Frame] = []  # empty frames before the first that tells the columns
    with Sink(sink) as out:
        for frame in frames:
            count += 1
            waiting.append(frame)
            if not begun and frame.skeleton is None and not frame.instances:
                continue
            if not begun:
                begun, skeleton = True, skeleton_of(frame) if frame.skeleton else None
                out.write(_header(skeleton))
            for one in waiting:
                _write_frame(one, skeleton, out)
            waiting.clear()
        if not begun:
            out.write(_header(None))
            for one in waiting:
                _write_frame(one, None, out)
    return count


def read_wide_table(path: str | Path | BinaryIO) -> Iterator[Frame]:
    """Records of a wide table, in the order of their rows where frames ascend, else by source and frame.

    Raises DataError with the line that is wrong.

    Example:
        from rtmcli import read_frames, read_wide_table, write_wide_table

        write_wide_table(read_frames("walk.jsonl"), "walk.csv")
        for frame in read_wide_table("walk.csv"):
            print(frame.time, len(frame.instances))
    """
    name = input_name(path)
    frames: dict[tuple[str, int], Frame] = {}
    people: dict[tuple[str, int], dict[int, Instance]] = {}
    line = 1
    try:
        for line, row in table_rows(table_text(path, name), name):  # noqa: B007  the error names the line
            key = (row["source"], cell_whole(row, "frame"))
            if key not in frames:
                frames[key], people[key] = _frame(row, *key), {}
            number = cell_count(row, "instance")
            if number is None:
                continue
            if number in people[key]:
                raise ValueError(f"instance {number} of frame {key[1]} has two rows")
            people[key][number] = _instance(row, frames[key].skeleton)
    except (ValueError, csv.Error, UsageError) as error:
        raise DataError(f"{name}, line {line}: {error}") from None
    for key in in_frame_order(frames):
        frames[key].instances = [people[key][number] for number in sorted(people[key])]
        yield frames[key]


def _header(skeleton: Skeleton | None) -> bytes:
    names = skeleton.keypoints if skeleton is not None else ()
    return table_line([*FRAME, *PERSON, *(f"{name}_{part}" for name in names for part in _PARTS)])


def _write_frame(frame: Frame, skeleton: Skeleton | None, out: Sink) -> None:
    size = len(skeleton) if skeleton is not None else 0
    head = [table_cell(getattr(frame, name)) for name in FRAME]
    if not frame.instances:
        out.write(table_line([*head, *[""] * (len(PERSON) + 3 * size)]))
    for number, one in enumerate(frame.instances):
        points = np.full((size, 3), np.nan, np.float32)
        if one.keypoints is not None:
            points = one.keypoints
            own = skeleton_of(frame, points)
            if skeleton is None or own.name != skeleton.name:
                raise DataError(
                    f"{frame.source}, frame {frame.frame}: keypoints of {own.name} in a table of "
                    f"{skeleton.name if skeleton else 'boxes'}; bring all records to one skeleton with --skeleton NAME"
                )
        cells = (table_cell(value) for value in points.ravel())
        out.write(table_line([*head, *person_cells(one, number), *cells]))


def _frame(row: Row, source: str, number: int) -> Frame:
    return Frame(
        source=source, frame=number, frames=cell_count(row, "frames"), time=cell_value(row, "time"),
        width=cell_count(row, "width"), height=cell_count(row, "height"), skeleton=cell_word(row, "skeleton"),
        model=cell_word(row, "model"),
    )  # fmt: skip


def _instance(row: Row, skeleton: str | None) -> Instance:
    corners = [cell_number(row, key) for key in ("x1", "y1", "x2", "y2")]
    points: Float32Array | None = None
    if skeleton is not None:
        names = load_skeleton(skeleton).keypoints
        columns = [f"{name}_{part}".lower() for name in names for part in _PARTS]
        points = np.array([cell_number(row, column) for column in columns], np.float32).reshape(-1, 3)
        if np.isnan(points).all():
            points = None
    return Instance(
        box=None if all(np.isnan(corners)) else np.array(corners, np.float32), keypoints=points,
        score=cell_float32(row, "score"), id=cell_count(row, "id"), label=cell_word(row, "label"),
    )  # fmt: skip
