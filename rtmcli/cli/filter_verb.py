"""What every filter verb does: records in, one at a time, records out, and a bar for those who watch."""

from collections.abc import Callable, Iterator, Sequence

from rtmcli.records.frame import Frame
from rtmcli.records.ndjson import read_frames, write_frames
from rtmcli.terminal.progress import progress


def run_filter(files: Sequence[str] | None, make: Callable[[], Callable[[Frame], Frame]], label: str) -> None:
    """Write what the filter makes of every frame of the files, or of standard input where none is named.

    `make` builds it when the first frame comes: an empty stream costs no import.
    """
    write_frames(_changed(watched(files or ["-"], label), make), "-")


def _changed(frames: Iterator[Frame], make: Callable[[], Callable[[Frame], Frame]]) -> Iterator[Frame]:
    for first in frames:
        change = make()
        yield change(first)
        yield from map(change, frames)


def watched(files: Sequence[str], label: str) -> Iterator[Frame]:
    """The frames of the files one after the other, counted on the bar."""
    first: str | None = None
    several = False  # sources: then nobody knows how many frames are still to come
    with progress(label=label) as bar:
        for file in files:
            for frame in read_frames(file):
                first = first or frame.source
                several = several or frame.source != first
                bar.total = None if several else frame.frames
                bar.advance(people=len(frame.instances))
                yield frame
