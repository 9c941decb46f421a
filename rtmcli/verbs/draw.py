"""`rtm draw`: records and their images in, drawn images or a video out."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated

import typer

from rtmcli.cli.command import Given
from rtmcli.cli.job_options import JOB_NAMES, JobOptions
from rtmcli.errors import UsageError
from rtmcli.records.frame import Frame


def main(
    given: Given,
    records: Annotated[
        list[str] | None,
        typer.Argument(help="Record files; standard input if none is named.", show_default=False),
    ] = None,
    output: Annotated[
        str | None,
        typer.Option(
            "-o",
            "--output",
            metavar="OUT",
            help="out.mp4 (or .mkv, .gif), out.png, or a folder for one image per frame; with --name a folder for one "
            "video per record file.",
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
      rtm draw records/*.jsonl -o videos/ --name '{stem}.mp4'
    """
    from contextlib import closing

    from rtmcli.cli.drawing import FrameDrawer
    from rtmcli.cli.filter_verb import read_with_progress
    from rtmcli.media.frame_lookup import find_pictures
    from rtmcli.media.write.open import VIDEO_SUFFIXES

    if output is None and not show:
        raise UsageError("nothing to write; give -o (out.mp4, out.gif, out.png or a folder) or --show")
    suffix = Path(job.name or output or "").suffix.lower() or (".mp4" if job.name else "")
    if suffix not in (*VIDEO_SUFFIXES, ".gif"):
        given.reject(("fps",), "where no video is written")

    def draw(frames: Iterator[Frame], out: str | None) -> None:
        drawer = FrameDrawer(
            out=out, show=show, fps=fps, skeleton=skeleton, score_threshold=min_score, boxes=boxes, ids=ids
        )
        pairs = find_pictures(_without_times(frames, given), media, stream=stream)
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


def _without_times(frames: Iterable[Frame], given: Given) -> Iterator[Frame]:
    """The frames; raises UsageError for the first one with a time where --fps is given."""
    for frame in frames:
        if frame.time is not None:
            given.reject(("fps",), f"on records with times, such as frame {frame.frame} of {frame.source}")
        yield frame
