"""`rtm smooth`: take the jitter out of keypoints and boxes."""

from typing import TYPE_CHECKING, Annotated, Literal

import typer

from rtmcli.cli.filter_verb import run_filter
from rtmcli.filters.defaults import BETA, D_CUTOFF, MIN_CUTOFF

if TYPE_CHECKING:
    from rtmcli.filters import Smoother


def main(
    records: Annotated[
        list[str] | None, typer.Argument(help="Record files; standard input without.", show_default=False)
    ] = None,
    filter: Annotated[Literal["oneeuro"], typer.Option("--filter", help="The filter.")] = "oneeuro",
    min_cutoff: Annotated[
        float, typer.Option("--min-cutoff", min=1e-6, help="Hertz at rest: lower is smoother.")
    ] = MIN_CUTOFF,
    beta: Annotated[
        float,
        typer.Option(
            "--beta", min=0, help="Hertz for each body size a second: higher lags less in fast motion."
        ),
    ] = BETA,
    d_cutoff: Annotated[
        float, typer.Option("--d-cutoff", min=1e-6, help="Hertz of the filter of the speed.")
    ] = D_CUTOFF,
    max_gap: Annotated[
        float, typer.Option("--max-gap", min=0, help="Seconds after which a person starts anew.")
    ] = 1.0,
) -> None:
    """Take the jitter out of keypoints and boxes, each person and each keypoint by itself.

    Uses the record's own times, so an uneven frame rate is right; counts speed in body sizes, so resolution
    does not matter; a point with a low score hardly moves. People without an id get one first, as by `rtm track`.

    Example:

      rtm pose video.mp4 | rtm smooth > out.jsonl
    """

    def make() -> "Smoother":
        from rtmcli.filters import Smoother

        return Smoother(filter, min_cutoff=min_cutoff, beta=beta, d_cutoff=d_cutoff, max_gap=max_gap)

    run_filter(records, make, "smooth")
