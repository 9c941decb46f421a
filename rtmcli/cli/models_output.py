"""The output of `rtm models`: tables on a terminal, JSON lines in a pipe, progress bars on stderr."""

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rtmcli.records.line_io import Sink
from rtmcli.zoo.download.lock import read_lock
from rtmcli.zoo.listing import CPU, ModelInfo

Row = dict[str, Any]


def write_table(models: Sequence[ModelInfo]) -> None:
    """The list: a table on a terminal, one JSON line a model in a pipe."""
    if not sys.stdout.isatty():
        _lines(_row(model) for model in models)
        return
    from rich.console import Console
    from rich.table import Table

    console = Console()
    rows = [_cells(model) for model in models]
    columns = [column for column in _COLUMNS if column != "finds" or console.width >= 100]
    narrow = console.width < 60
    if narrow:
        columns = ["model"]
    widths = {
        name: max(len(name), *(len(row[name]) for row in rows)) if rows else len(name) for name in columns
    }
    # Names are for copying and never cut; what a score was measured on is.
    room = console.width - sum(widths[name] + 2 for name in columns if name != "published")
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for name in columns:
        right = name in ("params", "score", "CPU ms")
        table.add_column(name, justify="right" if right else "left", no_wrap=not narrow, overflow="fold")
    for row in rows:
        row["published"] = _shortened(row["published"], max(room, 9))
        table.add_row(*(row[name] for name in columns))
    console.print(table)
    for model in models:
        if model.bundled:
            console.print(f"{model.name}: {model.note}", highlight=False)


def write_details(model: ModelInfo) -> None:
    """One model: a sheet on a terminal, one JSON line in a pipe."""
    if not sys.stdout.isatty():
        _lines([_row(model)])
        return
    from rich.table import Table

    sheet = Table(box=None, show_header=False, pad_edge=False)
    sheet.add_column()
    # URLs are for copying and never cut.
    sheet.add_column(overflow="fold")
    for key, value in _row(model).items():
        if isinstance(value, dict):
            value = "\n".join(f"{name}: {number}" for name, number in value.items())
        elif isinstance(value, (list, tuple)):
            value = "\n".join(value) if key == "urls" else ", ".join(value)
        if value not in (None, "", False):
            sheet.add_row(_WORDS.get(key, key), str(value))
    _print(sheet)


def write_states(states: Iterable[tuple[Path, str]]) -> list[str]:
    """The result of `verify`. Returns the names of changed and missing models."""
    rows = [{"file": str(path), "state": state} for path, state in states]
    if sys.stdout.isatty():
        for row in rows:
            print(f"{row['state']:10} {row['file']}")
    else:
        _lines(rows)
    return [Path(row["file"]).name for row in rows if row["state"] in ("changed", "missing")]


def write_files(names: Sequence[str], files: Sequence[Path]) -> None:
    """In a pipe, the file of each model and where it came from; a terminal has the messages."""
    if not sys.stdout.isatty():
        recorded = read_lock()["models"]
        _lines(
            {"name": name, "file": str(file)} | _origin(recorded.get(file.name, {}))
            for name, file in zip(names, files, strict=True)
        )


def _origin(recorded: Row) -> Row:
    return {key: recorded[key] for key in ("sha256", "url") if key in recorded}


@contextmanager
def download_bars() -> Iterator[Callable[[str, int, int | None], None] | None]:
    """A progress bar on stderr for each download; None where stderr is no terminal."""
    from rtmcli.settings import current

    settings = current()
    if settings.quiet or not settings.progress or sys.stderr is None or not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        Progress,
        TaskID,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )

    columns = (
        "{task.description}",
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    tasks: dict[str, TaskID] = {}
    with Progress(*columns, console=Console(stderr=True), transient=True) as bars:

        def progress(name: str, received: int, total: int | None) -> None:
            if name not in tasks:
                tasks[name] = bars.add_task(name, total=total)
            bars.update(tasks[name], completed=received, total=total)

        yield progress


_WORDS = {
    "params": "parameters",
    "gmacs": "1e9 multiply-adds",
    "flip_test": "with flip test",
    "latency": "published ms",
    "restricted": "non-commercial data",
    "urls": "files",
    "hashes": "known SHA-256",
}


_COLUMNS = ("model", "finds", "params", "score", "published", "CPU ms", "here")


def _cells(model: ModelInfo) -> dict[str, str]:
    """One row of the table by column."""
    headline = model.headline
    return {
        "model": model.name,
        "finds": model.skeleton or model.subject,
        "params": f"{model.params / 1e6:.1f}M" if model.params else "",
        "score": f"{headline[1]:.3f}" if headline else "",
        "published": headline[0] if headline else "",
        "CPU ms": f"{model.latency[CPU]:.1f}" if CPU in model.latency else "",
        "here": "yes" if model.file else "",
    }


def _shortened(text: str, width: int) -> str:
    return text if len(text) <= width else text[: width - 1] + "…"


def _row(model: ModelInfo) -> Row:
    row = asdict(model)
    return {key: value for key, value in row.items() if value not in (None, "", (), {})}


def _lines(rows: Iterable[Row]) -> None:
    import orjson

    with Sink("-") as out:
        for row in rows:
            out.write(orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE))


def _print(table: Any) -> None:
    from rich.console import Console

    Console().print(table)
