"""Records to DeepLabCut's tables (.csv, .h5) and back: a row per frame, three columns per person and keypoint.

The columns have a header of four rows (scorer, individuals, bodyparts, coords), of three (without individuals) for one
person without an id. The rows are called after the numbers of the frames, in labelled data after the images.
HDF5 needs pandas and PyTables (the extra `dlc`).
"""

import csv
import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from rtmcli.arrays import Float64Array
from rtmcli.errors import DataError, RtmError
from rtmcli.files import check_writable, replacing, write_atomically
from rtmcli.formats.person_tracks import PersonTracks, person_tracks
from rtmcli.formats.skeleton_names import skeleton_of_names
from rtmcli.formats.track_names import ids_of_names
from rtmcli.records.frame import Frame, Instance
from rtmcli.skeletons import load_skeleton

_HDF5 = (".h5", ".hdf5", ".hdf")
# The name of the table in DeepLabCut's HDF5 files.
_KEY = "df_with_missing"
# 1.6 GB in memory.
_MOST_CELLS = 200_000_000
_COORDS = ("x", "y", "likelihood")
_LEVELS = ("scorer", "individuals", "bodyparts", "coords")


@dataclass(slots=True)
class _Table:
    """Columns as (scorer, individual, body part, coordinate), names of rows, and values (rows, columns)."""

    columns: list[tuple[str, ...]]
    rows: list[Any]
    values: Float64Array


def write_dlc(
    frames: Iterable[Frame], path: str | Path, *, note: Callable[[str], None] = lambda text: None
) -> int:
    """Write one source as a table: HDF5 for .h5, else CSV. Returns the number of frames.

    Scores are clipped to 0..1. A person is called `person<id>`.

    Args:
        note: called where people are left out.

    Raises:
        ModuleNotFoundError: for .h5, pandas or PyTables is not installed.
        DataError: several sources, or too many people for one table; and what `person_tracks` raises.

    Example:
        from rtmcli import read_frames, write_dlc

        write_dlc(read_frames("tracked.jsonl"), "walk.csv")
    """
    path = Path(path)
    binary = path.suffix.lower() in _HDF5
    if binary:  # what is missing is said before the frames are read
        _pandas()
    check_writable(path)
    found = person_tracks(frames, note)
    if len(found) > 1:
        raise DataError(
            f"a table of DeepLabCut holds one source; got {found[0].source} and {found[1].source}: convert each alone"
        )
    table = _table_of(found[0]) if found else _Table([], [], np.zeros((0, 0)))
    if binary:
        _write_hdf5(table, path)
    else:
        write_atomically(path, _as_csv(table))
    return len(table.rows)


def read_dlc(path: str | Path, *, skeleton: str | None = None) -> Iterator[Frame]:
    """Records of a table of predictions or of labelled data.

    Args:
        skeleton: of the keypoints as they stand in the file. Without it that with the names of the body parts.

    Raises:
        ModuleNotFoundError: for HDF5, pandas or PyTables is not installed.
        DataError: not such a table, or body parts of no known skeleton.

    Example:
        from rtmcli import read_dlc, read_frames, write_dlc

        write_dlc(read_frames("tracked.jsonl"), "walk.csv")
        for frame in read_dlc("walk.csv"):
            print(frame.frame, len(frame.instances))
    """
    path = Path(path)
    with _opened(path) as stream:
        binary = stream.read(4) == b"\x89HDF"
    table = _read_hdf5(path) if binary else _read_csv(path)
    yield from _frames(table, path, skeleton)


def _opened(path: Path) -> Any:
    try:
        return path.open("rb")
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror}") from None


def _table_of(own: PersonTracks) -> _Table:
    names = load_skeleton(own.skeleton).keypoints if own.skeleton else ()
    scorer = f"rtm_{own.model}" if own.model else "rtm"
    people = sorted(own.people, key=lambda person: -1 if person is None else person)
    columns = [
        (scorer, *([] if person is None else [f"person{person}"]), name, coord)
        for person in people for name in names for coord in _COORDS
    ]  # fmt: skip
    count = len(own.frames)
    if count * len(columns) > _MOST_CELLS:
        raise DataError(
            f"{own.source}: {len(people)} people in {count} frames are a table of {len(columns)} columns, which is too "
            "large; DeepLabCut's tables are for few people, Parquet and NWB hold many"
        )
    values = np.full((count, len(columns)), np.nan)
    for number, person in enumerate(people):
        points = own.points(person, range(count))  # (T, K, 3)
        points[..., 2] = np.clip(points[..., 2], 0, 1)
        width = 3 * own.size
        values[:, number * width : (number + 1) * width] = points.reshape(count, -1)
    return _Table(columns, list(own.frames), values)


def _as_csv(table: _Table) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    for level, name in enumerate(_levels(table.columns)):
        writer.writerow([name, *(column[level] for column in table.columns)])
    values = table.values.astype(np.float32)
    for row, numbers in zip(table.rows, values, strict=True):
        writer.writerow([row, *("" if np.isnan(value) else str(value) for value in numbers)])
    return text.getvalue().encode()


def _levels(columns: Sequence[tuple[str, ...]]) -> list[str]:
    single = bool(columns) and len(columns[0]) == 3
    return [name for name in _LEVELS if not (single and name == "individuals")]


def _pandas() -> Any:
    import pandas
    import tables  # noqa: F401  pandas asks for it in a sentence of its own, which names no extra

    return pandas


def _write_hdf5(table: _Table, path: Path) -> None:
    pd = _pandas()
    columns = pd.MultiIndex.from_tuples(table.columns, names=_levels(table.columns))
    with replacing(path) as temporary:
        try:
            pd.DataFrame(table.values, index=table.rows, columns=columns).to_hdf(
                temporary, key=_KEY, mode="w"
            )
        except OSError as error:
            raise RtmError(f"cannot write {path}: {error}") from None


def _read_hdf5(path: Path) -> _Table:
    pd = _pandas()
    try:
        frame = pd.read_hdf(path)
        levels = [str(name) for name in frame.columns.names]
        _check_levels(levels, path)
        columns = [tuple(str(word) for word in column) for column in frame.columns]
        rows = ["/".join(map(str, row)) if isinstance(row, tuple) else row for row in frame.index]
        return _Table(columns, rows, frame.to_numpy(np.float64))
    except (OSError, KeyError, ValueError, TypeError, AttributeError, RuntimeError) as error:
        # HDF5's errors have a line per level of its calls, the reason last.
        reason = (str(error).strip().splitlines() or [type(error).__name__])[-1]
        raise DataError(f"{path} is not a table of DeepLabCut: {reason}") from None


def _read_csv(path: Path) -> _Table:
    try:
        lines = list(csv.reader(io.StringIO(path.read_text(encoding="utf-8-sig"), newline="")))
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path} is not a table of DeepLabCut: {error}") from None
    header = []
    for line in lines:
        header.append(line)
        if line[:1] == ["coords"]:
            break
    _check_levels([line[0] if line else "" for line in header], path)
    # The names of rows take one column, or three in labelled data (labeled-data, video, image).
    first = next((n for n, word in enumerate(header[-1]) if word == "x"), len(header[-1]))
    if len({len(line) for line in header}) > 1:
        raise DataError(
            f"{path}: the rows of the header have {', '.join(str(len(line)) for line in header)} cells"
        )
    columns = list(zip(*(line[first:] for line in header), strict=True))
    rows, values = [], []
    for number, line in enumerate(lines[len(header) :], start=len(header) + 1):
        if not any(line):
            continue
        try:
            values.append([float(cell) if cell else np.nan for cell in line[first : first + len(columns)]])
        except ValueError as error:
            raise DataError(f"{path}, line {number}: {error}") from None
        if len(values[-1]) != len(columns):
            raise DataError(
                f"{path}, line {number}: {len(line)} cells, the header has {first + len(columns)}"
            )
        rows.append("/".join(line[:first]))
    return _Table(columns, rows, np.array(values, np.float64).reshape(-1, len(columns)))


def _check_levels(levels: Sequence[str], path: Path) -> None:
    if levels not in (list(_LEVELS), [name for name in _LEVELS if name != "individuals"]):
        raise DataError(
            f"{path} is not a table of DeepLabCut: its header has the rows {', '.join(levels)[:60]}, expected "
            f"{', '.join(_LEVELS)}"
        )


def _frames(table: _Table, path: Path, skeleton: str | None) -> Iterator[Frame]:
    people: dict[str, list[int]] = {}  # individual -> columns
    for number, column in enumerate(table.columns):
        people.setdefault(column[1] if len(column) == 4 else "", []).append(number)
    ids = ids_of_names(name for name in people if name)
    blocks = {}
    for name, numbers in people.items():
        parts = list(dict.fromkeys(table.columns[n][-2] for n in numbers))
        used, order = (skeleton, list(range(len(parts)))) if skeleton else skeleton_of_names(parts, str(path))
        blocks[name] = (used, _points(table, numbers, [parts[i] for i in order]))
    source = path.stem
    if table.columns and table.columns[0][0] in source:  # DeepLabCut calls files <video><scorer>.csv
        source = source.partition(table.columns[0][0])[0].rstrip("_") or source
    for row, name in enumerate(table.rows):
        place = str(name)
        frame = Frame(source, int(place)) if place.isdecimal() else Frame(place, 0, frames=1)
        for person, (used, points) in blocks.items():
            if not np.isnan(points[row]).all():
                frame.skeleton = used
                frame.instances.append(Instance(id=ids.get(person), keypoints=points[row]))
        yield frame


def _points(table: _Table, numbers: list[int], parts: list[str]) -> Any:
    """(T, K, 3) of one person; a keypoint without likelihood, as in labelled data, scores 1."""
    points = np.full((len(table.rows), len(parts), 3), np.nan, np.float32)
    points[..., 2] = 1
    for n in numbers:
        *_, part, coord = table.columns[n]
        if coord in _COORDS:
            points[:, parts.index(part), _COORDS.index(coord)] = table.values[:, n]
    points[np.isnan(points[..., :2]).any(axis=-1)] = np.nan
    return points
