"""`rtm angles`: joint and segment angles of each person."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from rtmcli.cli.command import Given
from rtmcli.cli.filter_verb import FilterOutput, RecordFiles, run_filter
from rtmcli.cli.job_options import is_folder
from rtmcli.cli.scale_options import ScaleOptions

if TYPE_CHECKING:
    from rtmcli.records.frame import Frame


def main(
    given: Given,
    scale: ScaleOptions,
    output: FilterOutput,
    records: RecordFiles = None,
    side: Annotated[
        Literal["auto", "right", "left", "front", "back"],
        typer.Option(
            "--side",
            help="The side of people that faces the camera; auto finds right or left for each person in each frame.",
        ),
    ] = "auto",
    min_score: Annotated[
        float, typer.Option("--min-score", help="A keypoint with a lower score counts as missing.")
    ] = 0.3,
    velocity: Annotated[
        bool,
        typer.Option(
            "--velocity",
            help="Add angular velocities (degrees a second) and keypoint speeds (pixels a second, with a scale also "
            "metres a second).",
        ),
    ] = False,
    events: Annotated[
        Literal["gait", "reps"] | None,
        typer.Option(
            "--events",
            help="Find heel strikes and toe-offs of people who walk seen from the side (gait), or repetitions (reps); "
            "reads all frames first. Needs ids, as from 'rtm track'.",
            show_default=False,
        ),
    ] = None,
    of: Annotated[
        str, typer.Option("--of", metavar="ANGLE", help="With --events reps: its peaks are the repetitions.")
    ] = "right_knee",
    csv: Annotated[
        str | None,
        typer.Option("--csv", metavar="FILE", help="Also write a table with a row per person and frame."),
    ] = None,
    plot: Annotated[
        Path | None,
        typer.Option("--plot", metavar="FILE", help="Also draw the angles over time; needs rtmcli[eval]."),
    ] = None,
) -> None:
    """Add joint and segment angles to each person, in degrees.

    Zeros and signs are those of Sports2D and Pose2Sim; docs/angles.md lists the definitions. An angle is left out where
    one of its keypoints is missing. Angles from keypoints in 3D have a key of their own, 'angles3d'. The angles are
    those of the image: they are right where people move in the plane of the image, or with keypoints in 3D.

    Example:

      rtm pose video.mp4 | rtm smooth | rtm angles --csv angles.csv > angles.jsonl
      rtm track poses.jsonl | rtm angles --height 1.75 --floor-angle auto --velocity > angles.jsonl
      rtm angles poses.jsonl --side right --plot angles.png > angles.jsonl
      rtm track poses.jsonl | rtm angles --events reps --of left_knee > squats.jsonl
    """
    if events != "reps":
        given.reject(("of",), "without --events reps, whose angle it names", "add --events reps")
    if plot is not None:
        from rtmcli.cli.plotting import need_matplotlib

        need_matplotlib(plot)

    if is_folder(output.output):
        given.reject(("csv", "plot"), "with -o FOLDER, which gets a file of records for each file")

    def measured(frames: "Iterator[Frame]") -> "Iterator[Frame]":
        from rtmcli.kinematics.measure import JointAngles

        measure = JointAngles(side, min_score=min_score, velocity=velocity)
        frames = map(measure, scale.scaled(frames, min_score=min_score, program="rtm angles"))
        if events is not None:
            from rtmcli.kinematics.events import mark_events
            from rtmcli.terminal.messages import say

            frames = mark_events(
                frames, events, of=of, min_score=min_score, report=partial(say, program="rtm angles")
            )
        if csv is not None:
            from rtmcli.cli.angle_table import write_angle_table

            frames = write_angle_table(frames, csv, velocity=velocity)
        if plot is not None:
            from rtmcli.cli.angle_plot import plot_angles

            frames = plot_angles(frames, plot)
        return frames

    run_filter(records, measured, output, given, label="angles")
