"""What every filter verb does: read records, change them one at a time, write them, and show progress."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Annotated

import typer

from rtmcli.cli.command import Given
from rtmcli.cli.job_options import JOB_NAMES, JobOptions, is_folder
from rtmcli.records.frame import Frame
from rtmcli.records.ndjson import read_frames, write_frames
from rtmcli.terminal.progress import progress

# The argument of verbs that read records.
RecordFiles = Annotated[
    list[str] | None,
    typer.Argument(help="Record files; standard input if none is named.", show_default=False),
]
# Frames of a stream -> changed frames.
Change = Callable[[Iterator[Frame]], Iterable[Frame]]


@dataclass(frozen=True, kw_only=True, slots=True)
class FilterOutput:
    """Where a filter writes."""

    output: Annotated[
        str,
        typer.Option(
            "-o",
            "--output",
            metavar="FILE|FOLDER",
            help="Write records to out.jsonl, or to a folder: a file per file read and a line on stdout for each.",
        ),
    ] = "-"
    job: JobOptions = field(default_factory=JobOptions)


def run_filter(
    files: Sequence[str] | None, change: Change, output: FilterOutput, given: Given, *, label: str
) -> None:
    """Write the frames of the files, or of standard input if none is named, as the filter returns them.

    Args:
        change: called once for each stream: for all files together, or with a folder for each of them.
        label: names the verb and the progress bar.
    """
    if is_folder(output.output):
        from rtmcli.cli.file_job import run_record_job

        run_record_job(files or ["-"], change, output.output, output.job, given, label=label)
        return
    given.reject(JOB_NAMES, "without -o FOLDER", "name a folder with -o, or leave it out")
    write_frames(change(read_with_progress(files or ["-"], label)), output.output)


def frame_by_frame(make: Callable[[], Callable[[Frame], Frame]]) -> Change:
    """The change of a filter that takes one frame after the other.

    Args:
        make: builds the filter when the first frame comes, so that an empty stream imports nothing.
    """

    def change(frames: Iterator[Frame]) -> Iterator[Frame]:
        for first in frames:
            filter_frame = make()
            yield filter_frame(first)
            yield from map(filter_frame, frames)

    return change


def read_with_progress(files: Sequence[str], label: str) -> Iterator[Frame]:
    """The frames of the files one after the other, counted on the progress bar."""
    first: str | None = None
    several = False  # sources: then the number of frames to come is unknown
    with progress(label=label) as bar:
        for file in files:
            for frame in read_frames(file):
                first = first or frame.source
                several = several or frame.source != first
                bar.total = None if several else frame.frames
                bar.advance(people=len(frame.instances))
                yield frame
