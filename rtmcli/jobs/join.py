"""Join the units of a source to its file."""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import orjson

from rtmcli.errors import DataError
from rtmcli.jobs.folder import Folder
from rtmcli.jobs.unit import PART, Counts, Source, Span
from rtmcli.records.frame import Frame
from rtmcli.records.ndjson import encode_frame
from rtmcli.records.parse import decode_frame


def join(
    source: Source, folder: Folder, finish: Callable[[Iterable[Frame]], Iterator[Frame]] | None
) -> Counts:
    """Write the records of all units, in order, to the source's file, and remove the units' files.

    Args:
        finish: changes the frames once they are together: ids go through the whole source.

    Raises:
        DataError: a unit holds other frames than planned.
    """
    with folder.publishing(source.output) as path:
        counts = _write(_lines(source, folder), path, finish)
    folder.remove(f"{PART}/units/{source.output}")
    return counts


def _write(
    lines: Iterator[bytes], path: Path, finish: Callable[[Iterable[Frame]], Iterator[Frame]] | None
) -> Counts:
    frames = people = 0
    if finish is not None:
        lines = map(encode_frame, finish(decode_frame(line) for line in lines))
    with path.open("wb") as out:
        for line in lines:
            out.write(line)
            frames += 1
            people += len(orjson.loads(line)["instances"])
    return Counts(frames, people)


def _lines(source: Source, folder: Folder) -> Iterator[bytes]:
    for unit in source.units:
        assert unit.span is not None
        lines = 0
        with folder.open(unit.file) as stream:
            for line in stream:
                if lines == 0 and not unit.images:
                    _check_first(source, unit.span, line)
                lines += 1
                yield line
        if lines != unit.span.frames:
            raise _not_as_planned(source, f"{lines} frames from frame {unit.span.first} on", unit.span)


def _check_first(source: Source, span: Span, line: bytes) -> None:
    number = orjson.loads(line)["frame"]
    if number != span.first:
        raise _not_as_planned(source, f"frame {number} first", span)


def _not_as_planned(source: Source, found: str, span: Span) -> DataError:
    return DataError(
        f"{source.name}: a unit gave {found} instead of {span.frames} frames from frame {span.first} on: its frames "
        "cannot be counted without decoding them; read it in one piece with --unit 0"
    )
