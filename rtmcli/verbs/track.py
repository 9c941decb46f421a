"""`rtm track`: one id for each person through time."""

from typing import TYPE_CHECKING, Annotated, Literal

import typer

from rtmcli.cli.filter_verb import run_filter

if TYPE_CHECKING:
    from rtmcli.tracking import Tracker


def main(
    records: Annotated[
        list[str] | None, typer.Argument(help="Record files; standard input without.", show_default=False)
    ] = None,
    method: Annotated[
        Literal["iou", "oks"],
        typer.Option("--method", help="Pair people by the overlap of boxes or the similarity of poses."),
    ] = "iou",
    threshold: Annotated[
        float, typer.Option("--threshold", min=0, max=1, help="Least similarity of one person in two frames.")
    ] = 0.3,
    max_gap: Annotated[
        float, typer.Option("--max-gap", min=0, help="Seconds a person may be unseen and keep the id.")
    ] = 1.0,
) -> None:
    """Give every person one id through time.

    Ids start at 1 in each source and are never given to somebody else. Motion is predicted, so that people
    who cross keep theirs. Ids that come in are replaced.

    Example:

      rtm pose video.mp4 | rtm track --method oks > tracked.jsonl
    """

    def make() -> "Tracker":
        from rtmcli.tracking import Tracker

        return Tracker(method, similarity_threshold=threshold, max_gap=max_gap)

    run_filter(records, make, "track")
