"""`rtm view`: records in, an HTML page out that plays the video with its skeletons, a timeline and plots."""

from pathlib import Path
from typing import Annotated

import typer

from rtmcli.cli.command import Given
from rtmcli.cli.filter_verb import RecordFiles
from rtmcli.cli.source_options import Insecure
from rtmcli.errors import UsageError

# Options that have no effect with --live.
_PAGE_ONLY = ("output", "embed", "compare", "labels", "skeleton")


def main(
    given: Given,
    records: RecordFiles = None,
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", metavar="PAGE", help="The HTML file to write."),
    ] = None,
    show: Annotated[bool, typer.Option("--open", help="Open the page in the browser.")] = False,
    video: Annotated[
        str | None,
        typer.Option(
            "--video",
            "--media",
            metavar="FILE",
            help="Where the video or images are, if the source was moved: a file, or a folder of sources.",
        ),
    ] = None,
    insecure: Insecure = False,
    embed: Annotated[
        bool,
        typer.Option(
            "--embed",
            help="Put the video or images into the page, instead of links to their files.",
        ),
    ] = False,
    compare: Annotated[
        str | None,
        typer.Option(
            metavar="RECORDS", help="Records of another run on the same sources, drawn in one colour."
        ),
    ] = None,
    labels: Annotated[
        str | None,
        typer.Option(
            metavar="FILE", help="Labels in COCO's format: drawn in white, with the error of each keypoint."
        ),
    ] = None,
    min_score: Annotated[
        float,
        typer.Option(
            min=0, max=1, metavar="S", help="Hide keypoints with a score below S, until the page changes it."
        ),
    ] = 0.3,
    boxes: Annotated[bool, typer.Option("--boxes/--no-boxes", help="Draw boxes.")] = True,
    ids: Annotated[bool, typer.Option("--ids/--no-ids", help="Write ids.")] = True,
    skeleton: Annotated[
        str | None,
        typer.Option(metavar="NAME|FILE", help="Skeleton of the keypoints, instead of the record's."),
    ] = None,
    live: Annotated[
        bool,
        typer.Option(
            "--live",
            help="Serve a page on this machine (127.0.0.1) that shows each record when it comes.",
        ),
    ] = False,
    port: Annotated[
        int,
        typer.Option(min=0, max=65535, metavar="N", help="Port of --live (any free one)."),
    ] = 0,
) -> None:
    """Write an HTML page that shows the video with its skeletons, a timeline of the people, and plots.

    The page is one file and uses no network. It links the video, or holds it with --embed; what browsers cannot play is
    encoded and embedded. Plots need Bokeh (rtmcli[view]); without it the page has none.

    With --live a page on this machine shows each record when it comes, for cameras of machines without a display. Its
    address is printed; it ends with its input.

    Example:

      rtm pose video.mp4 | rtm track | rtm view -o page.html --open
      rtm view poses.jsonl -o page.html --embed --compare other.jsonl
      rtm view val.jsonl -o page.html --labels person_keypoints.json
      rtm pose 0 | rtm track | rtm view --live
    """
    import sys
    import webbrowser

    from rtmcli.cli.filter_verb import read_with_progress
    from rtmcli.view.live import LivePage
    from rtmcli.view.page import Look
    from rtmcli.view.run import serve_live, write_page

    look = Look(min_score=min_score, boxes=boxes, ids=ids)
    frames = read_with_progress(records or ["-"], "view")
    if live:
        given.reject(_PAGE_ONLY, "with --live, which writes no page")
        with LivePage(port, look) as page:
            print(f"rtm view: {page.address}", file=sys.stderr, flush=True)
            if show:
                webbrowser.open(page.address)
            serve_live(frames, page, media=video, insecure=insecure)
        return
    given.reject(("port",), "without --live")
    if output is None:
        raise UsageError("nothing to write; name the page with -o page.html, or give --live")
    if any(output.exists() and Path(file).exists() and output.samefile(file) for file in records or ()):
        raise UsageError(f"{output} is a file of records, which the page would replace; name another file")
    write_page(
        frames,
        output,
        media=video,
        insecure=insecure,
        embed=embed,
        compare=compare,
        labels=labels,
        skeleton=skeleton,
        look=look,
    )
    if show:
        webbrowser.open(output.resolve().as_uri())
