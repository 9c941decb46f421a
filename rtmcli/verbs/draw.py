"""`rtm draw`: records and their images in, drawn images or a video out."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated

import typer

from rtmcli.cli.command import Given
from rtmcli.cli.filter_verb import RecordFiles
from rtmcli.cli.job_options import JOB_NAMES, JobOptions
from rtmcli.cli.source_options import Insecure
from rtmcli.errors import DataError, UsageError
from rtmcli.records.frame import Frame


def main(
    given: Given,
    records: RecordFiles = None,
    output: Annotated[
        str | None,
        typer.Option(
            "-o",
            "--output",
            metavar="OUT",
            help="out.mp4 (or .mkv, .gif), out.png, or a folder for one image per frame; with --name a folder for one "
            "video per record file; with --every out.png is a contact sheet.",
        ),
    ] = None,
    media: Annotated[
        str | None,
        typer.Option(
            metavar="FILE",
            help="Where the images are, if the source was moved: a file, or a folder of sources.",
        ),
    ] = None,
    stream: Annotated[
        int | None,
        typer.Option(
            min=0, metavar="N", help="Video stream of a file with several, if not the one the records name."
        ),
    ] = None,
    insecure: Insecure = False,
    min_score: Annotated[float, typer.Option(metavar="S", help="Hide keypoints with a score below S.")] = 0.3,
    boxes: Annotated[bool, typer.Option("--boxes/--no-boxes", help="Draw boxes.")] = True,
    ids: Annotated[bool, typer.Option("--ids/--no-ids", help="Write ids.")] = True,
    skeleton: Annotated[
        str | None,
        typer.Option(metavar="NAME|FILE", help="Skeleton of the keypoints, instead of the record's."),
    ] = None,
    fps: Annotated[
        float | None,
        typer.Option(
            min=0.01,
            max=1000,
            metavar="RATE",
            help="Frames per second of the video, for records without times (25).",
        ),
    ] = None,
    every: Annotated[
        str | None,
        typer.Option(
            metavar="INTERVAL",
            help="Draw one frame per interval: a time (2s, 500ms, 1:30) or a number of frames (10).",
        ),
    ] = None,
    show: Annotated[bool, typer.Option("--show", help="Also show the frames in a window; q quits.")] = False,
    *,
    job: JobOptions,
) -> None:
    """Draw skeletons, boxes and ids on the images that the records came from.

    The images are read from the records' sources, or from --media. A written video keeps the times of the records, and
    several sources follow one another. An .mp4 file is H.264 that browsers play.

    Example:

      rtm pose video.mp4 | rtm track | rtm draw -o out.mp4
      rtm draw out.jsonl -o frames/ --min-score 0.5
      rtm draw out.jsonl -o sheet.png --every 2s
      rtm draw records/*.jsonl -o videos/ --name '{stem}.mp4'
    """
    from contextlib import closing

    from rtmcli.cli.drawing import FrameDrawer
    from rtmcli.cli.filter_verb import read_with_progress
    from rtmcli.cli.option_values import interval
    from rtmcli.media.frame_lookup import find_pictures
    from rtmcli.media.write.images import IMAGE_SUFFIXES
    from rtmcli.media.write.open import VIDEO_SUFFIXES

    if output is None and not show:
        raise UsageError("nothing to write; give -o (out.mp4, out.gif, out.png or a folder) or --show")
    suffix = Path(job.name or output or "").suffix.lower() or (".mp4" if job.name else "")
    if suffix not in (*VIDEO_SUFFIXES, ".gif"):
        given.reject(("fps",), "where no video is written")

    step = interval(every) if every is not None else None

    def draw(frames: Iterator[Frame], out: str | None) -> None:
        drawer = FrameDrawer(
            out=out, media=media, sheet=step is not None and suffix in IMAGE_SUFFIXES, show=show, fps=fps,
            skeleton=skeleton, score_threshold=min_score, boxes=boxes, ids=ids,
        )  # fmt: skip
        chosen = _without_times(_not_empty(frames), given)
        pairs = find_pictures(
            _thinned(chosen, *step) if step else chosen, media, stream=stream, insecure=insecure
        )
        with drawer, closing(pairs):
            for frame, picture in pairs:
                if not drawer.draw(picture.image, frame):
                    return

    if job.name is None:
        given.reject(JOB_NAMES, "without --name", "--name '{stem}.mp4' draws a video for each record file")
        draw(read_with_progress(records or ["-"], "draw"), output)
        return
    from rtmcli.cli.file_job import draw_each

    given.reject(("show",), "with --name", "watch the videos afterwards")
    assert output is not None
    draw_each(records or ["-"], draw, output, job, given, suffix=suffix)


def _not_empty(frames: Iterable[Frame]) -> Iterator[Frame]:
    """The frames. Raises DataError where there is none."""
    frame = None
    for frame in frames:
        yield frame
    if frame is None:
        raise DataError("no records: expected one JSON object per line, as 'rtm pose' writes them")


def _without_times(frames: Iterable[Frame], given: Given) -> Iterator[Frame]:
    """The frames; raises UsageError for the first one with a time where --fps is given."""
    for frame in frames:
        if frame.time is not None:
            given.reject(("fps",), f"on records with times, such as frame {frame.frame} of {frame.source}")
        yield frame


def _thinned(frames: Iterable[Frame], period: float | None, count: int) -> Iterator[Frame]:
    """Of each source the first frame, then one every `period` seconds, or every `count` frames where it is None.

    Images that are sources of their own are counted together.
    """
    from rtmcli.tracking.source_state import seconds

    due: dict[str, float] = {}
    for frame in frames:
        alone = frame.frames == 1 and frame.time is None
        source = "" if alone else frame.source
        if period is None or alone:
            number = due.get(source, 0)
            due[source] = number + 1
            if number % count == 0:
                yield frame
        elif seconds(frame) >= due.get(source, -1e9) - 1e-6:
            # Multiples of the period after the first frame, so that rounding does not add up.
            before = due.get(source, seconds(frame))
            due[source] = before + period * (1 + (seconds(frame) - before + 1e-6) // period)
            yield frame
