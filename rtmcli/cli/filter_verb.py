"""What every filter verb does: read records, change one at a time, write them, and show progress."""

from collections.abc import Callable, Iterator, Sequence

from rtmcli.records.frame import Frame
from rtmcli.records.ndjson import read_frames, write_frames
from rtmcli.terminal.progress import progress


def run_filter(files: Sequence[str] | None, make: Callable[[], Callable[[Frame], Frame]], label: str) -> None:
    """Write every frame of the files, or of standard input if none is named, as the filter returns it.

    Args:
        make: builds the filter when the first frame comes, so that an empty stream imports nothing.
        label: names the progress bar.
    """
    write_frames(_filtered(read_with_progress(files or ["-"], label), make), "-")


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


def _filtered(frames: Iterator[Frame], make: Callable[[], Callable[[Frame], Frame]]) -> Iterator[Frame]:
    for first in frames:
        change = make()
        yield change(first)
        yield from map(change, frames)
