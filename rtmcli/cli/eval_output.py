"""What `rtm eval` writes: a table or a JSON line, the records with the value that each person reached, a plot."""

import json
import math
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rtmcli.metrics.evaluate import Report, instance_values, value_key
from rtmcli.records.frame import Frame
from rtmcli.records.ndjson import write_frames
from rtmcli.settings import current

# A record, and for each of its instances the index of its result (None: not evaluated).
Evaluated = tuple[Frame, list[int | None]]


def write_records(labels: Mapping[str, Any], frames: Sequence[Evaluated], report: Report) -> None:
    """Write each record with the value that its people reached, and the id of the label they were compared with."""
    none = {value_key(report): None, "truth": None}
    values = instance_values(report, labels)
    for frame, rows in frames:
        for instance, row in zip(frame.instances, rows, strict=True):
            instance.extra |= values.get(row, none)
    write_frames(frame for frame, _ in frames)


def plot_report(path: Path, labels: Mapping[str, Any], report: Report) -> None:
    """Draw the precision and recall of a report of COCO's metrics, and for keypoints their errors."""
    from rtmcli.metrics.plot import plot_boxes, plot_keypoints

    if report.skeleton is None:
        plot_boxes(path, labels, report.results, report.title)
    else:
        plot_keypoints(path, labels, report.results, report.skeleton, report.title, use_area=report.use_area)


def show_report(report: Report, *, to_stderr: bool) -> None:
    """Print a table to a terminal, else one JSON line."""
    stream = sys.stderr if to_stderr else sys.stdout
    if to_stderr and current().quiet:
        return
    if not stream.isatty():
        figures: dict[str, Any] = {
            name: None if math.isnan(value) else value for name, value in report.figures.items()
        }
        print(json.dumps(figures | ({"parts": report.parts} if report.parts else {})), file=stream)
        return
    from rich.console import Console
    from rich.table import Table

    table = Table(title=report.title, title_justify="left", box=None, padding=(0, 1, 0, 0))
    rows = {"": report.figures} if not report.parts else {**report.parts, "all": report.figures}
    table.add_column("", no_wrap=True)
    for name in report.figures:
        table.add_column(name, justify="right", no_wrap=True)
    for part, figures in rows.items():
        table.add_row(part, *(_cell(value) for value in figures.values()))
    Console(file=stream).print(table)


def _cell(value: float) -> str:
    """A figure in the table: three digits after the point, one for pixels and millimetres; - where there is none."""
    if not value >= 0:
        return "-"
    return f"{value:.3f}" if value < 10 else f"{value:.1f}"
