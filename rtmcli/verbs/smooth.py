"""`rtm smooth`: smooth keypoints and boxes over time."""

from typing import TYPE_CHECKING, Annotated, Literal

import typer

from rtmcli.cli.command import Given
from rtmcli.cli.filter_verb import FilterOutput, RecordFiles, frame_by_frame, run_filter
from rtmcli.filters.defaults import BETA, CUTOFF, D_CUTOFF, MIN_CUTOFF

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rtmcli.cli.filter_verb import Change
    from rtmcli.filters import Smoother
    from rtmcli.records.frame import Frame


def main(
    options: Given,
    output: FilterOutput,
    records: RecordFiles = None,
    offline: Annotated[
        bool,
        typer.Option(
            "--offline", help="Read to the end and filter without lag. Needs scipy (extra analysis)."
        ),
    ] = False,
    filter: Annotated[
        Literal["oneeuro", "butterworth", "savgol", "kalman", "median", "gaussian"] | None,
        typer.Option(
            "--filter",
            help="The filter: oneeuro, or with --offline any of these (butterworth).",
            show_default=False,
        ),
    ] = None,
    min_cutoff: Annotated[
        float,
        typer.Option("--min-cutoff", min=1e-6, help="Cutoff frequency at rest in hertz: lower is smoother."),
    ] = MIN_CUTOFF,
    beta: Annotated[
        float,
        typer.Option(
            "--beta", min=0, help="Hertz for each body size a second: higher lags less in fast motion."
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
    cutoff: Annotated[
        float, typer.Option("--cutoff", min=1e-3, help="With --offline: hertz of the low-pass filter.")
    ] = CUTOFF,
    fill: Annotated[
        float,
        typer.Option(
            "--fill",
            min=0,
            metavar="SECONDS",
            help="With --offline: fill gaps of up to so long, marked 'filled'.",
        ),
    ] = 0.0,
    repair: Annotated[
        bool,
        typer.Option(
            "--repair/--no-repair", help="With --offline: first correct exchanged sides and outliers."
        ),
    ] = True,
) -> None:
    """Smooth keypoints and boxes over time, each person and each keypoint by itself.

    Without --offline each frame is written as soon as it is read: the One-Euro filter uses the record's own times, so
    an uneven frame rate is right; it counts speed in body sizes, so resolution does not matter; a keypoint with a low
    score hardly moves. People without an id get one first, as by `rtm track`.

    With --offline the result does not lag behind the motion. Left and right sides that were exchanged for some frames
    are corrected, outliers are replaced, and both are counted on standard error.

    Example:

      rtm pose video.mp4 | rtm smooth > out.jsonl
      rtm track poses.jsonl --offline | rtm smooth --offline --cutoff 6 --fill 0.3 > out.jsonl
    """
    if offline:
        options.reject(
            ("min_cutoff", "beta", "d_cutoff", "max_gap"), "with --offline", "--cutoff sets that filter"
        )
        change = _offline(filter or "butterworth", cutoff=cutoff, fill=fill, repair=repair)
        run_filter(records, change, output, options, label="smooth")
        return
    options.reject(("cutoff", "fill", "repair"), "without --offline")
    if filter not in (None, "oneeuro"):
        options.reject(("filter",), "without --offline", "only oneeuro works frame by frame: add --offline")

    def make() -> "Smoother":
        from rtmcli.filters import Smoother

        return Smoother("oneeuro", min_cutoff=min_cutoff, beta=beta, d_cutoff=d_cutoff, max_gap=max_gap)

    run_filter(records, frame_by_frame(make), output, options, label="smooth")


def _offline(filter: str, *, cutoff: float, fill: float, repair: bool) -> "Change":
    from importlib.util import find_spec

    from rtmcli.errors import MissingError
    from rtmcli.filters.offline import smooth_offline
    from rtmcli.filters.track_smoothing import OfflineOptions, Repairs
    from rtmcli.terminal.messages import say

    if find_spec("scipy") is None:
        raise MissingError("--offline needs scipy: pip install 'rtmcli[analysis]'")
    chosen = OfflineOptions(method=filter, cutoff=cutoff, fill=fill, outliers=repair, swaps=repair)

    def change(frames: "Iterator[Frame]") -> "Iterator[Frame]":
        repairs = Repairs()
        yield from smooth_offline(frames, chosen, repairs)
        if repairs.swaps or repairs.outliers or repairs.filled:
            say(
                f"corrected exchanged sides in {repairs.swaps} poses, replaced {repairs.outliers} outliers, "
                f"filled {repairs.filled} keypoints",
                program="rtm smooth",
            )

    return change
