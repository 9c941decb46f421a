"""A long CSV table (`csv_writer`) to records, also after a spreadsheet or pandas has sorted or rewritten it.

Rows may come in any order, so the whole table is read before the first record. Commas, semicolons or tabs, a decimal
comma, UTF-8 or UTF-16, `1.0` for `1` and `NaN` for an empty cell are read as what they mean.
"""

import csv
import io
from array import array
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

import numpy as np

from rtmcli.arrays import Float32Array
from rtmcli.errors import DataError, UsageError
from rtmcli.records.frame import Frame, Instance
from rtmcli.records.line_io import input_name, standard_input
from rtmcli.skeletons import load_skeleton

NEEDED = ("source", "frame", "instance")
# How pandas, R and databases write an empty cell.
_EMPTY = {"", "nan", "na", "<na>", "none", "null", "n/a"}
_DELIMITERS = (",", ";", "\t", "|")

Row = Mapping[str, str]


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
        for line, row in _rows(_text(path, name), name):
            people = frames.setdefault((row["source"], _whole(row, "frame")), {})
            number = _whole(row, "instance")
            person = people.get(number)
            if person is None:
                person = people[number] = _Person(row, line)
            index = _index(row)
            if index is not None:
                person.points.extend((index, *(_number(row, key) for key in ("x", "y", "keypoint_score"))))
        for (source, number), people in _in_order(frames):
            line = next(iter(people.values())).line
            yield _frame(source, number, people)
    except (ValueError, csv.Error) as error:
        raise DataError(f"{name}, line {line}: {error}") from None


def _in_order(
    frames: dict[tuple[str, int], dict[int, _Person]],
) -> Iterator[tuple[tuple[str, int], dict[int, _Person]]]:
    last: dict[str, int] = {}
    ascending = True
    for source, number in frames:
        ascending = ascending and number > last.get(source, -1)
        last[source] = number
    if ascending:
        yield from frames.items()
        return
    places = {source: place for place, source in enumerate(last)}
    for key in sorted(frames, key=lambda key: (places[key[0]], key[1])):
        yield key, frames[key]


def _frame(source: str, number: int, people: dict[int, _Person]) -> Frame:
    first = next(iter(people.values())).row
    skeleton = _word(first, "skeleton")
    size = _size(skeleton)
    return Frame(
        source=source, frame=number, frames=_count(first, "frames"), time=_value(first, "time"),
        width=_count(first, "width"), height=_count(first, "height"), skeleton=skeleton, model=_word(first, "model"),
        instances=[_instance(people[key], size) for key in sorted(people)],
    )  # fmt: skip


def _instance(person: _Person, size: int) -> Instance:
    row = person.row
    corners = [_number(row, key) for key in ("x1", "y1", "x2", "y2")]
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
        box=box, keypoints=points, score=_value(row, "score"), id=_count(row, "id"), label=_word(row, "label")
    )


def _size(skeleton: str | None) -> int:
    """How many keypoints a skeleton has; 0 where it is unknown, so that the rows decide."""
    try:
        return len(load_skeleton(skeleton)) if skeleton else 0
    except (UsageError, DataError):
        return 0


def _index(row: Row) -> int | None:
    """The keypoint's index: as it stands there, or by its name in the skeleton; None for a box without keypoints."""
    index = _count(row, "index")
    name, skeleton = _word(row, "keypoint"), _word(row, "skeleton")
    if index is None and name is not None and skeleton is not None:
        names = load_skeleton(skeleton).keypoints
        if name not in names:
            raise ValueError(f"{skeleton} has no keypoint {name!r}")
        return names.index(name)
    return index


def _text(path: str | Path | BinaryIO, name: str) -> str:
    """The table as text, by its byte order mark or by what its first bytes look like."""
    try:
        if isinstance(path, str | Path):
            data = standard_input("a table").read() if str(path) == "-" else Path(path).read_bytes()
        else:
            data = path.read()
    except OSError as error:
        raise DataError(f"cannot read {name}: {error.strerror}") from None
    encoding = "utf-8-sig"
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        encoding = "utf-16"
    elif data[1:2] == b"\0":
        encoding = "utf-16-le"
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        raise DataError(
            f"{name} is not a table in UTF-8 or UTF-16 ({error.reason}); save it as CSV UTF-8"
        ) from None


def _rows(text: str, name: str) -> Iterator[tuple[int, Row]]:
    """Line number and cells by column name."""
    source = io.StringIO(text, newline="")
    header = next((line for line in source if line.strip() and not line.lower().startswith("sep=")), None)
    if header is None:
        return
    skipped = text[: text.index(header)].count("\n")
    delimiter, columns = _columns(header, name)
    reader = csv.reader(source, delimiter=delimiter, strict=True)
    for cells in reader:
        if not any(cell.strip() for cell in cells) or cells[: len(columns)] == columns:
            continue
        if len(cells) < len(columns) or any(cells[len(columns) :]):
            raise ValueError(f"the row has {len(cells)} cells, the header has {len(columns)}")
        row = dict(zip(columns, cells, strict=False))
        yield skipped + 1 + reader.line_num, {key: _decimal_point(key, cell) for key, cell in row.items()}


def _columns(header: str, name: str) -> tuple[str, list[str]]:
    """The delimiter and the names of the columns."""
    for delimiter in _DELIMITERS:
        columns = [cell.strip().lower() for cell in next(csv.reader([header], delimiter=delimiter))]
        if set(NEEDED) <= set(columns):
            return delimiter, columns
    columns = [cell.strip().lower() for cell in next(csv.reader([header]))]
    missing = next(key for key in NEEDED if key not in columns)
    raise DataError(f"{name} has no column {missing!r}, which 'rtm convert --to csv' writes")


def _decimal_point(key: str, cell: str) -> str:
    """A number with a decimal comma, as spreadsheets write it in many languages, with a point."""
    if key in ("source", "label", "skeleton", "model", "keypoint") or cell.count(",") != 1 or "." in cell:
        return cell
    return cell.replace(",", ".")


def _word(row: Row, key: str) -> str | None:
    cell = row.get(key, "").strip()
    return None if cell.lower() in _EMPTY else cell


def _value(row: Row, key: str) -> float | None:
    cell = _word(row, key)
    try:
        return None if cell is None else float(cell)
    except ValueError:
        raise ValueError(f"{key} must be a number, got {cell!r}") from None


def _number(row: Row, key: str) -> float:
    value = _value(row, key)
    return np.nan if value is None else value


def _count(row: Row, key: str) -> int | None:
    cell = _word(row, key)
    if cell is None:
        return None
    if cell.isdecimal():
        return int(cell)
    value = _value(row, key)
    if value is None or not value.is_integer() or value < 0:
        raise ValueError(f"{key} must be a whole number from 0 on, got {cell!r}")
    return int(value)


def _whole(row: Row, key: str) -> int:
    value = _count(row, key)
    if value is None:
        raise ValueError(f"{key} must be a whole number from 0 on, got an empty cell")
    return value
