"""`rtm nms`: remove duplicate poses of the same person."""

from collections.abc import Callable
from functools import partial
from typing import Annotated

import typer

from rtmcli.cli.command import Given
from rtmcli.cli.filter_verb import FilterOutput, RecordFiles, frame_by_frame, run_filter
from rtmcli.records.frame import Frame


def main(
    given: Given,
    output: FilterOutput,
    records: RecordFiles = None,
    oks: Annotated[
        float,
        typer.Option("--oks", min=0, max=1, help="Remove a pose whose OKS with a better one is above this."),
    ] = 0.9,
    skeleton: Annotated[
        str | None,
        typer.Option(
            "--skeleton",
            help="Skeleton of the keypoints, if the records do not name it: a name or a TOML file.",
        ),
    ] = None,
) -> None:
    """Remove duplicate poses of the same person, by object keypoint similarity (OKS).

    Of two similar poses the one with the higher box score times the mean of its keypoint scores above 0.2 is kept.
    The sigmas of the OKS are those of the skeleton.

    Example:

      rtm pose video.mp4 | rtm nms --oks 0.7 | rtm track > tracked.jsonl
    """

    def make() -> Callable[[Frame], Frame]:
        from rtmcli.filters.nms import pose_nms

        return partial(pose_nms, oks_threshold=oks, skeleton=skeleton)

    run_filter(records, frame_by_frame(make), output, given, label="nms")
