"""What `detect` and `pose` do alike: sources to items, items through the pipeline, lines out, pictures on the side."""

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rtmcli.inference.pipeline import Find, Item, Pose, run_pipeline
from rtmcli.media import Media, open_media
from rtmcli.records.frame import Frame
from rtmcli.records.ndjson import write_frames
from rtmcli.settings import current
from rtmcli.terminal.progress import progress
from rtmcli.zoo.card import Card

if TYPE_CHECKING:
    from rtmcli.cli.drawing import Artist


def open_sources(sources: Sequence[str], **options: Any) -> list[Media]:
    """Open all before the first is read, so that a misspelt name ends the verb at once."""
    media: list[Media] = []
    try:
        for source in sources:
            media.append(open_media(source, **options))
    except BaseException:
        for opened in media:
            opened.close()
        raise
    return media


def total_of(media: Sequence[Media]) -> int | None:
    """How many frames will come, where every source knows."""
    totals = [one.total for one in media]
    return None if None in totals else sum(total for total in totals if total is not None)


def split_cpus(
    media: Sequence[Media] | None, threads: int | None, jobs: int | None, device: str
) -> tuple[int, int]:
    """(threads, jobs): on a file several frames at once with a thread each; a camera and one picture want all threads.

    Two networks side by side on one thread each beat one on two threads, and need no luck with the neighbours.
    """
    from rtmcli.cpus import available_cpus

    cpus = available_cpus()
    alone = media is not None and (any(m.live for m in media) or [m.total for m in media] == [1])
    if jobs is None:
        jobs = 1 if alone or not device.startswith("cpu") else max(1, cpus // (threads or 1))
    return threads or max(1, cpus // jobs), jobs


def turn_of(media: Sequence[Media], det_every: int, output: "Output") -> int | None:
    """How many frames a file gives before the next one's turn; what is drawn comes one file after the other."""
    drawn = output.draw is not None or output.show
    return None if drawn or len(media) == 1 else det_every


def run_verb(
    items: Iterable[Item],
    *,
    label: str,
    total: int | None,
    find: Find | None,
    pose: Pose | None = None,
    det_every: int = 1,
    jobs: int = 1,
    live: bool = False,
    batch: int = 1,
    after: Callable[[Frame], Frame] | None = None,
    output: "Output",
) -> None:
    """Run the pipeline and write a line a frame to standard output; draw and show in passing."""
    from rtmcli.opencv import cv2

    cv2.setNumThreads(1)  # its own threads would fight with ours over crops too small to share
    with ExitStack() as stack:
        done = stack.enter_context(
            closing(
                run_pipeline(  # type: ignore[type-var]
                    items, find=find, pose=pose, det_every=det_every, jobs=jobs, live=live, batch=batch
                )
            )
        )
        bar = stack.enter_context(progress(total, label=label))
        artist = _artist(output)
        if artist is not None:
            stack.enter_context(artist)

        def frames() -> Iterator[Frame]:
            for item in done:
                frame = after(item.frame) if after is not None else item.frame
                yield frame
                bar.advance(people=len(frame.instances))
                if artist is not None and not artist.paint(item.image, frame):
                    return

        write_frames(stack.enter_context(closing(frames())), "-")  # type: ignore[type-var]


@dataclass(frozen=True, slots=True)
class Output:
    """Where pictures go beside the records.

    Attributes:
        draw: a video or picture to write, or None.
        show: a window.
        fps: rate of the written video; 25 where the source has none.
    """

    draw: str | None = None
    show: bool = False
    fps: float | None = None


def _artist(output: Output) -> "Artist | None":
    if output.draw is None and not output.show:
        return None
    from rtmcli.cli.drawing import Artist

    return Artist(out=output.draw, show=output.show, fps=output.fps)


def say_what_the_default_scores(card: Card, better: str) -> None:
    """One line for people: the bundled models are small, and what is better has a name."""
    if current().quiet or not sys.stderr.isatty():
        return
    score = next(
        (f"{name} {value}" for name, value in card.figures.items() if name != "command"), "not measured"
    )
    print(f"rtm: using the bundled {card.name} ({score}); {better}", file=sys.stderr)
