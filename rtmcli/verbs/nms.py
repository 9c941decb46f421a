"""`rtm nms`: drop poses that show the same person twice."""

from collections.abc import Callable
from functools import partial
from typing import Annotated

import typer

from rtmcli.cli.filter_verb import run_filter
from rtmcli.records.frame import Frame


def main(
    records: Annotated[
        list[str] | None, typer.Argument(help="Record files; standard input without.", show_default=False)
    ] = None,
    oks: Annotated[
        float, typer.Option("--oks", min=0, max=1, help="Drop a pose more similar than this to a better one.")
    ] = 0.9,
    skeleton: Annotated[
        str | None, typer.Option("--skeleton", help="Name or TOML file, where the records do not say.")
    ] = None,
) -> None:
    """Drop poses that show the same person twice, by object keypoint similarity (OKS).

    The better of two poses has the higher box score times the mean of its keypoint scores above 0.2.
    The tolerance of each point is its skeleton's own.

    Example:

      rtm pose video.mp4 | rtm nms --oks 0.7 | rtm track > tracked.jsonl
    """

    def make() -> Callable[[Frame], Frame]:
        from rtmcli.filters.nms import pose_nms

        return partial(pose_nms, oks_threshold=oks, skeleton=skeleton)

    run_filter(records, make, "nms")
