"""`rtm smooth`: smooth keypoints and boxes over time."""

from typing import TYPE_CHECKING, Annotated, Literal

import typer

from rtmcli.cli.filter_verb import run_filter
from rtmcli.filters.defaults import BETA, D_CUTOFF, MIN_CUTOFF

if TYPE_CHECKING:
    from rtmcli.filters import Smoother


def main(
    records: Annotated[
        list[str] | None,
        typer.Argument(help="Record files; standard input if none is named.", show_default=False),
    ] = None,
    filter: Annotated[Literal["oneeuro"], typer.Option("--filter", help="The filter.")] = "oneeuro",
    min_cutoff: Annotated[
        float,
        typer.Option("--min-cutoff", min=1e-6, help="Cutoff frequency at rest in hertz: lower is smoother."),
    ] = MIN_CUTOFF,
    beta: Annotated[
        float,
        typer.Option(
            "--beta",
            min=0,
            help="Cutoff added per body size a second, in hertz: higher lags less in fast motion.",
        ),
    ] = BETA,
    d_cutoff: Annotated[
        float,
        typer.Option("--d-cutoff", min=1e-6, help="Cutoff frequency of the filter of the speed, in hertz."),
    ] = D_CUTOFF,
    max_gap: Annotated[
        float,
        typer.Option("--max-gap", min=0, help="Seconds unseen after which a person's filter starts again."),
    ] = 1.0,
) -> None:
    """Smooth keypoints and boxes over time, each person and each keypoint by itself (One-Euro filter).

    The filter uses the times of the records, so an uneven frame rate is handled, and measures speed in body sizes, so
    the resolution does not matter. Keypoints with low scores move less. People without an id get one first, as by
    `rtm track`. Frames of a source must come in order.

    Example:

      rtm pose video.mp4 | rtm smooth > out.jsonl
    """

    def make() -> "Smoother":
        from rtmcli.filters import Smoother

        return Smoother(filter, min_cutoff=min_cutoff, beta=beta, d_cutoff=d_cutoff, max_gap=max_gap)

    run_filter(records, make, "smooth")
