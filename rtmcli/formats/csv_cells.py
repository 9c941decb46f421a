"""The rows of a CSV table of records, also after a spreadsheet or pandas has rewritten it, and the values of its cells.

Commas, semicolons or tabs, a decimal comma, UTF-8 or UTF-16, `1.0` for `1` and `NaN` for an empty cell are read as what
they mean.
"""

import csv
import io
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import BinaryIO

import numpy as np

from rtmcli.errors import DataError
from rtmcli.records.line_io import standard_input

NEEDED = ("source", "frame", "instance")
# How pandas, R and databases write an empty cell.
_EMPTY = {"", "nan", "na", "<na>", "none", "null", "n/a"}
_DELIMITERS = (",", ";", "\t", "|")

# The numbers of records are float32. The largest in the fewest digits that restore it, as tables hold it, is larger.
_LARGEST = float(str(np.finfo(np.float32).max))

Row = Mapping[str, str]


def table_text(path: str | Path | BinaryIO, name: str) -> str:
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


def table_rows(text: str, name: str) -> Iterator[tuple[int, Row]]:
    """Line number and cells by column name."""
    source = io.StringIO(text, newline="")
    header = next((line for line in source if line.strip() and not line.lower().startswith("sep=")), None)
    if header is None:
        return
    skipped = text[: text.index(header)].count("\n")
    delimiter, columns = _columns(header, name)
    reader = csv.reader(source, delimiter=delimiter, strict=True)
    while True:
        try:
            cells = next(reader, None)
        except csv.Error as error:
            raise DataError(f"{name}, line {skipped + 1 + reader.line_num}: {error}") from None
        if cells is None:
            return
        if not any(cell.strip() for cell in cells) or cells[: len(columns)] == columns:
            continue
        line = skipped + 1 + reader.line_num
        if len(cells) < len(columns) or any(cells[len(columns) :]):
            raise DataError(
                f"{name}, line {line}: the row has {len(cells)} cells, the header has {len(columns)}"
            )
        row = dict(zip(columns, cells, strict=False))
        yield line, {key: _decimal_point(key, cell) for key, cell in row.items()}


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


def cell_word(row: Row, key: str) -> str | None:
    cell = row.get(key, "").strip()
    return None if cell.lower() in _EMPTY else cell


def cell_value(row: Row, key: str) -> float | None:
    cell = cell_word(row, key)
    if cell is None:
        return None
    try:
        value = float(cell)
    except ValueError:
        raise ValueError(f"{key} must be a number, got {cell!r}") from None
    if not abs(value) <= _LARGEST:
        raise ValueError(f"{key} must be a number up to {_LARGEST:.3g}, got {cell!r}")
    return value


def cell_float32(row: Row, key: str) -> float | None:
    """The same as a float32, as scores are in memory."""
    value = cell_value(row, key)
    return None if value is None else float(np.float32(value))


def cell_number(row: Row, key: str) -> float:
    value = cell_value(row, key)
    return np.nan if value is None else value


def cell_count(row: Row, key: str) -> int | None:
    cell = cell_word(row, key)
    if cell is None:
        return None
    if cell.isdecimal():
        return int(cell)
    value = cell_value(row, key)
    if value is None or not value.is_integer() or value < 0:
        raise ValueError(f"{key} must be a whole number from 0 on, got {cell!r}")
    return int(value)


def cell_whole(row: Row, key: str) -> int:
    value = cell_count(row, key)
    if value is None:
        raise ValueError(f"{key} must be a whole number from 0 on, got an empty cell")
    return value
