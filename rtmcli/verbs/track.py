"""`rtm track`: one id for each person through time."""

from collections.abc import Iterator
from itertools import chain
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from rtmcli.cli.command import Given
from rtmcli.cli.filter_verb import FilterOutput, RecordFiles, read_with_progress, run_filter

if TYPE_CHECKING:
    from rtmcli.records.frame import Frame


def main(
    given: Given,
    output: FilterOutput,
    records: RecordFiles = None,
    method: Annotated[
        Literal["auto", "iou", "oks"],
        typer.Option(
            "--method",
            help="What pairs people between frames: the overlap of boxes (iou), the similarity of poses (oks), or both "
            "where there are poses (auto).",
        ),
    ] = "auto",
    threshold: Annotated[
        float, typer.Option("--threshold", min=0, max=1, help="Least similarity of one person in two frames.")
    ] = 0.3,
    max_gap: Annotated[
        float, typer.Option("--max-gap", min=0, help="Seconds a person may be unseen and keep the id.")
    ] = 3.0,
    start_score: Annotated[
        float,
        typer.Option(
            "--start-score",
            min=0,
            max=1,
            help="Least score of a new person; weaker detections only continue one. Online, one below 0.6 gets its id "
            "when it is found again.",
        ),
    ] = 0.3,
    lookahead: Annotated[
        float | None,
        typer.Option(
            "--lookahead",
            min=0,
            metavar="SECONDS",
            help="Write that much later, and decide with what came meanwhile.",
        ),
    ] = None,
    offline: Annotated[
        bool,
        typer.Option("--offline", help="Read to the end, then decide with all of it. Frames wait on disk."),
    ] = False,
    min_length: Annotated[
        float | None,
        typer.Option(
            "--min-length",
            min=0,
            metavar="SECONDS",
            help="With --offline: no id for people seen shorter (0.5).",
        ),
    ] = None,
    fill: Annotated[
        float | None,
        typer.Option(
            "--fill",
            min=0,
            metavar="SECONDS",
            help="Insert interpolated people, marked 'filled', where one is missing for up to so long.",
        ),
    ] = None,
    summary: Annotated[
        bool, typer.Option("--summary", help="Write one line per person instead of the records.")
    ] = False,
) -> None:
    """Give every person one id through time.

    Ids start at 1 in each source and are never used for another person. Ids that come in are replaced. Without
    --lookahead or --offline each frame is written as soon as it is read.

    Example:

      rtm pose video.mp4 | rtm track > tracked.jsonl
      rtm track poses.jsonl --offline --fill 1 > tracked.jsonl
      rtm track poses.jsonl --summary
    """
    if offline:
        given.reject(("lookahead",), "with --offline, which reads all frames before it decides")
    else:
        given.reject(
            ("min_length",), "without --offline, which knows how long a person is seen", "add --offline"
        )

    def tracked(frames: "Iterator[Frame]") -> "Iterator[Frame]":
        first = next(frames, None)
        if first is None:
            return
        # Imported when there is a frame, so that an empty stream starts nothing.
        from rtmcli.tracking import Tracker, fill_gaps, track_ahead, track_offline

        frames = chain([first], frames)
        if offline:
            length = {} if min_length is None else {"min_length": min_length}
            frames = track_offline(
                frames,
                method,
                similarity_threshold=threshold,
                max_gap=max_gap,
                start_score=start_score,
                **length,
            )
        elif lookahead is not None:
            frames = track_ahead(
                frames,
                lookahead,
                method,
                similarity_threshold=threshold,
                max_gap=max_gap,
                start_score=start_score,
            )
        else:
            tracker = Tracker(
                method, similarity_threshold=threshold, max_gap=max_gap, start_score=start_score
            )
            frames = map(tracker, frames)
        yield from fill_gaps(frames, fill) if fill is not None else frames

    if summary:
        given.reject(
            ("output",), "with --summary, which is written to standard output", "redirect it: > summary.jsonl"
        )
        _write_summary(tracked(read_with_progress(records or ["-"], "track")))
    else:
        run_filter(records, tracked, output, given, label="track")


def _write_summary(frames: "Iterator[Frame]") -> None:
    import orjson

    from rtmcli.records.line_io import Sink
    from rtmcli.tracking.summary import summarize_tracks

    with Sink("-") as out:
        for line in summarize_tracks(frames):
            out.write(orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE))
