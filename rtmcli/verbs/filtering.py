"""What every filter verb does: records in, one at a time, records out, and a bar for those who watch."""

from collections.abc import Callable, Iterator, Sequence

from rtmcli.frames import Frame
from rtmcli.ndjson import read_frames, write_frames
from rtmcli.progress import progress


def run_filter(files: Sequence[str] | None, change: Callable[[Frame], Frame], label: str) -> None:
    """Write `change(frame)` for every frame of the files, or of standard input where none is named."""
    write_frames(map(change, watched(files or ["-"], label)), "-")


def watched(files: Sequence[str], label: str) -> Iterator[Frame]:
    """The frames of the files one after the other, counted on the bar."""
    first: str | None = None
    with progress(label=label) as bar:
        for file in files:
            for frame in read_frames(file):
                first = first or frame.source
                # With several sources nobody knows how many frames are still to come.
                bar.advance(
                    people=len(frame.instances), total=frame.frames if frame.source == first else None
                )
                yield frame
