"""Records to Parquet and back: a row per keypoint, typed (`parquet_columns`). Needs pyarrow, the extra `parquet`.

A name that ends in .parquet is one file; any other, also one that ends in .parquet/, is a folder with a subfolder
`source=<name>` for each source, as Hive, DuckDB, pandas, polars and Spark read it.
"""

from collections.abc import Iterable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np

from rtmcli.errors import DataError, RtmError
from rtmcli.files import replacing
from rtmcli.formats.parquet_columns import COLUMNS, row_count, table_of, table_schema
from rtmcli.records.frame import Frame, Instance

# Rows that are written at once: 15 MB in memory, a megabyte or two in the file.
_BATCH = 1 << 17


def write_parquet(frames: Iterable[Frame], path: str | Path) -> int:
    """Write records to a .parquet file, or to a folder partitioned by source. Returns the number of frames.

    A frame without people has a row without a person. Of an image's source in a folder the part is written at once, of
    a video's whenever it has enough rows.

    Raises:
        ModuleNotFoundError: pyarrow is not installed.
        RtmError: the file or folder cannot be written.

    Example:
        from rtmcli import read_frames, write_parquet

        write_parquet(read_frames("walk.jsonl"), "walk.parquet")
    """
    folder = str(path).endswith("/") or Path(path).is_dir() or Path(path).suffix.lower() != ".parquet"
    return _write_folder(frames, Path(path)) if folder else _write_file(frames, Path(path))


def read_parquet(path: str | Path) -> Iterator[Frame]:
    """Records of a .parquet file or of a folder partitioned by source, also as other programs have rewritten them.

    Rows of a frame must follow each other. A source that starts again with its first frame is a second run of it. A
    batch of rows is in memory at a time.

    Raises:
        ModuleNotFoundError: pyarrow is not installed.
        DataError: not such a table, or rows that are not in order.

    Example:
        from rtmcli import read_frames, read_parquet, write_parquet

        write_parquet(read_frames("walk.jsonl"), "walk.parquet")
        for frame in read_parquet("walk.parquet"):
            print(frame.time, len(frame.instances))
    """
    first: dict[str, int] = {}
    last: dict[str, int] = {}
    try:
        for frame, is_whole in _frames(_batches(Path(path)), path):
            starts_again = is_whole and frame.frame == first.setdefault(frame.source, frame.frame)
            if frame.frame <= last.get(frame.source, -1) and not starts_again:
                raise DataError(
                    f"{path}: the rows of {frame.source} are not in order at frame {frame.frame}; sort them by source, "
                    "frame, instance and index"
                )
            last[frame.source] = frame.frame
            yield frame
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is damaged: text in it is not UTF-8 ({error.reason})") from None


def _write_file(frames: Iterable[Frame], path: Path) -> int:
    import pyarrow.parquet as pq

    count = rows = 0
    waiting: list[Frame] = []
    with replacing(path) as temporary, pq.ParquetWriter(temporary, table_schema()) as writer:
        for frame in frames:
            count += 1
            rows += row_count(frame)
            waiting.append(frame)
            if rows >= _BATCH:
                writer.write_table(table_of(waiting))
                waiting, rows = [], 0
        if waiting:
            writer.write_table(table_of(waiting))
    return count


def _write_folder(frames: Iterable[Frame], folder: Path) -> int:
    count = 0
    waiting: dict[str, list[Frame]] = {}
    rows: dict[str, int] = {}
    parts: dict[str, int] = {}

    def flush(source: str) -> None:
        _write_part(waiting.pop(source), folder, source, parts.get(source, 0))
        parts[source] = parts.get(source, 0) + 1
        rows[source] = 0

    for frame in frames:
        count += 1
        source = frame.source
        waiting.setdefault(source, []).append(frame)
        rows[source] = rows.get(source, 0) + row_count(frame)
        if rows[source] >= _BATCH or (frame.frames == 1 and frame.time is None):
            flush(source)
    for source in list(waiting):
        flush(source)
    return count


def _write_part(frames: list[Frame], folder: Path, source: str, number: int) -> None:
    import pyarrow.parquet as pq

    inner = folder / f"source={quote(source, safe='')}"
    try:
        inner.mkdir(parents=True, exist_ok=True)
        stale = [] if number else list(inner.glob("part-*.parquet"))  # of an earlier run
        for file in stale:
            file.unlink()
    except OSError as error:
        raise RtmError(f"cannot write {inner}: {error.strerror}") from None
    with replacing(inner / f"part-{number:05d}.parquet") as temporary:
        pq.write_table(table_of(frames).drop_columns(["source"]), temporary)


def _batches(path: Path) -> Iterator[Any]:
    """Arrow tables of some rows at a time; a column that the file lacks is null throughout."""
    import pyarrow as pa
    import pyarrow.dataset as ds

    try:
        by_source = ds.partitioning(pa.schema([("source", pa.string())]), flavor="hive")
        dataset = ds.dataset(path, format="parquet", partitioning=by_source if path.is_dir() else None)
        missing = [name for name in ("source", "frame", "instance") if name not in dataset.schema.names]
        if missing:
            raise DataError(f"{path} has no column {missing[0]!r}, which 'rtm convert --to parquet' writes")
        wanted = [name for name in COLUMNS if name in dataset.schema.names]
        for batch in dataset.to_batches(columns=wanted, batch_size=_BATCH):
            columns = [
                batch.column(field.name).cast(field.type)
                if field.name in wanted
                else pa.nulls(len(batch), field.type)
                for field in table_schema()
            ]
            yield pa.Table.from_arrays(columns, schema=table_schema())
    except OSError as error:
        raise DataError(f"cannot read {path}: {error}") from None
    except pa.ArrowException as error:
        raise DataError(f"{path} is not a Parquet table of records: {error}") from None


def _frames(batches: Iterable[Any], path: str | Path) -> Iterator[tuple[Frame, bool]]:
    """The frames of tables whose rows follow each other, and whether each begins with the first row of a frame."""
    import pyarrow as pa

    rest: Any = None
    for batch in batches:
        rows = batch if rest is None else pa.concat_tables([rest, batch])
        if not len(rows):
            continue
        columns = _Columns(rows.combine_chunks())
        if (columns["source"] == _NULL).any() or (columns["frame"] == _NULL).any():
            raise DataError(f"{path}: a row without source or frame")
        edges = columns.starts()
        for start, end in pairwise(edges):
            yield columns.frame(start, end), columns.is_first(start)
        rest = rows.slice(edges[-1])
    if rest is not None and len(rest):
        columns = _Columns(rest.combine_chunks())
        yield columns.frame(0, len(rest)), columns.is_first(0)


# What stands for null among whole numbers.
_NULL = -1


class _Columns:
    """The columns of a table as numpy: numbers with NaN or _NULL for null, and text as indices of `_words`."""

    def __init__(self, table: Any) -> None:
        import pyarrow as pa

        self._words: dict[str, list[str]] = {}
        self._values: dict[str, Any] = {}
        for name in COLUMNS:
            column = table.column(name)
            column = column.chunk(0) if column.num_chunks else pa.array([], column.type)
            if pa.types.is_string(column.type):
                column = column.dictionary_encode()
                self._words[name] = column.dictionary.to_pylist()
                column = column.indices
            if not pa.types.is_floating(column.type):
                column = column.cast(pa.int64()).fill_null(_NULL)
            self._values[name] = column.to_numpy(zero_copy_only=False)

    def __getitem__(self, name: str) -> Any:
        return self._values[name]

    def starts(self) -> list[int]:
        """The first row of each frame: where source or frame change, and where one comes twice, such as an image."""
        changed = np.ones(len(self["frame"]), bool)
        changed[1:] = (self["source"][1:] != self["source"][:-1]) | (self["frame"][1:] != self["frame"][:-1])
        is_first = (np.maximum(self["instance"], 0) == 0) & (np.maximum(self["index"], 0) == 0)
        # Not where the rows of a frame are out of order.
        in_order = is_first[np.flatnonzero(changed)][np.cumsum(changed) - 1]
        return np.flatnonzero(changed | (is_first & in_order)).tolist()

    def is_first(self, row: int) -> bool:
        """Whether `write_parquet` begins a frame with such a row: nobody's, or the first of the first person."""
        return bool(max(self["instance"][row], 0) == 0 and max(self["index"][row], 0) == 0)

    def frame(self, start: int, end: int) -> Frame:
        """The frame of some rows."""
        numbers = self["instance"][start:end]
        rows = np.arange(start, end)
        return Frame(
            source=self._word("source", start), frame=int(self["frame"][start]), frames=self._whole("frames", start),
            time=self._number("time", start), width=self._whole("width", start), height=self._whole("height", start),
            skeleton=self._word("skeleton", start), model=self._word("model", start),
            instances=[self._instance(rows[numbers == n]) for n in np.unique(numbers) if n != _NULL],
        )  # fmt: skip

    def _instance(self, rows: Any) -> Instance:
        first = rows[0]
        box = np.array([self[name][first] for name in ("x1", "y1", "x2", "y2")], np.float32)
        one = Instance(
            box=None if np.isnan(box).all() else box, score=self._number("score", first),
            id=self._whole("id", first), label=self._word("label", first),
        )  # fmt: skip
        rows = rows[self["index"][rows] != _NULL]
        if len(rows):
            one.keypoints = self._points(("x", "y", "keypoint_score"), rows)
            one.keypoints3d = self._points(("x3d", "y3d", "z3d", "score3d"), rows)
            if one.keypoints is None and one.keypoints3d is None:  # none of them exists
                one.keypoints = np.full((len(rows), 3), np.nan, np.float32)
        return one

    def _points(self, names: tuple[str, ...], rows: Any) -> Any:
        values = np.column_stack([self[name][rows] for name in names])  # (K, columns)
        if np.isnan(values).all():
            return None
        order = self["index"][rows]
        points = np.full((int(order.max()) + 1, len(names)), np.nan, np.float32)
        points[order] = values
        return points

    def _word(self, name: str, row: int) -> Any:
        place = self[name][row]
        return None if place == _NULL else self._words[name][place]

    def _whole(self, name: str, row: int) -> int | None:
        value = int(self[name][row])
        return None if value == _NULL else value

    def _number(self, name: str, row: int) -> float | None:
        value = float(self[name][row])
        return None if np.isnan(value) else value
