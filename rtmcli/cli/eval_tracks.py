"""What `rtm eval --tracks` reads and writes: tracks in several forms, a table or JSON lines, a plot."""

import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from rtmcli.errors import DataError
from rtmcli.formats.infer_format import format_of_input
from rtmcli.metrics.evaluate_tracks import TrackReport, evaluate_tracks
from rtmcli.records.frame import Frame
from rtmcli.settings import current

_COLUMNS = (
    "HOTA",
    "DetA",
    "AssA",
    "LocA",
    "IDF1",
    "IDP",
    "IDR",
    "MOTA",
    "MOTP",
    "IDSW",
    "Frag",
    "MT",
    "PT",
    "ML",
)


def run_track_evaluation(truth: str, tracks: str, plot: Path | None) -> None:
    """Compare tracks with the truth; a table on a terminal, a JSON line per sequence in a pipe."""
    labelled_only = truth != "-" and _is_posetrack(Path(truth))
    reports = evaluate_tracks(_read(truth), _read(tracks), labelled_only=labelled_only)
    if plot is not None:
        from rtmcli.metrics.plot import plot_tracks

        plot_tracks(plot, {report.name: report.hota for report in reports})
    if sys.stdout.isatty():
        _show(reports)
    else:
        for report in reports:
            print(json.dumps({"sequence": report.name, **report.figures()}))


def _read(name: str) -> Iterator[Frame]:
    """PoseTrack files by their content, MOTChallenge text by suffix or as a folder, else records."""
    path = Path(name)
    if name != "-" and _is_posetrack(path):
        from rtmcli.formats.posetrack import read_posetrack

        return read_posetrack(name)
    if name != "-" and (path.is_dir() or path.suffix == ".txt"):
        from rtmcli.formats.motchallenge import read_motchallenge

        return read_motchallenge(path)
    if path.suffix == ".json":
        raise DataError(
            f"{name}: tracks are read from PoseTrack files (.json, a folder), MOTChallenge text (.txt, a folder) or "
            "records (.jsonl)"
        )
    if name == "-" or current().quiet:
        from rtmcli.records.ndjson import read_frames

        return read_frames(name)
    from rtmcli.cli.filter_verb import read_with_progress

    return read_with_progress([name], "eval")


def _is_posetrack(path: Path) -> bool:
    return (path.is_dir() or path.suffix == ".json") and format_of_input(str(path)).name == "posetrack"


def _show(reports: Sequence[TrackReport]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table("sequence", *_COLUMNS)
    for report in reports:
        figures = report.figures()
        cells = [str(figures[c]) if isinstance(figures[c], int) else f"{figures[c]:.3f}" for c in _COLUMNS]
        table.add_row(report.name, *cells)
    Console().print(table)
