"""The options that give keypoints a scale in metres, of `angles` and `convert`."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from rtmcli.errors import UsageError

if TYPE_CHECKING:
    from rtmcli.kinematics.metres import Known
    from rtmcli.records.frame import Frame


@dataclass(frozen=True, kw_only=True, slots=True)
class ScaleOptions:
    """How many metres a pixel is, and how the floor lies."""

    height: Annotated[
        float | None,
        typer.Option(
            "--height",
            min=0.01,
            max=100,
            metavar="METRES",
            help="Add keypoints in metres: the height of the person who is in most frames gives the scale.",
        ),
    ] = None
    known: Annotated[
        str | None,
        typer.Option(
            "--known",
            metavar="X1,Y1,X2,Y2,METRES",
            help="Add keypoints in metres: two points in pixels and the distance between them give the scale.",
        ),
    ] = None
    floor_angle: Annotated[
        str | None,
        typer.Option(
            "--floor-angle",
            metavar="DEGREES|auto",
            help="How much the floor rises towards the right of the image (0); auto estimates it from resting feet. "
            "Metres and segment angles refer to it.",
        ),
    ] = None

    def given(self) -> bool:
        """Whether any of the options is given."""
        return self.height is not None or self.known is not None or self.floor_angle is not None

    def scaled(self, frames: "Iterator[Frame]", *, min_score: float, program: str) -> "Iterator[Frame]":
        """The frames as `to_metres` returns them; as they are where no option is given."""
        if not self.given():
            return frames
        known, angle = _known(self.known), _angle(self.floor_angle)
        from rtmcli.kinematics.metres import to_metres
        from rtmcli.terminal.messages import say

        return to_metres(
            frames, height=self.height, known=known, floor_angle=angle, min_score=min_score,
            report=partial(say, program=program),
        )  # fmt: skip


def _known(text: str | None) -> "Known | None":
    if text is None:
        return None
    try:
        x1, y1, x2, y2, metres = (float(value) for value in text.split(","))
        if not (metres > 0 and all(map(math.isfinite, (x1, y1, x2, y2, metres)))):
            raise ValueError
    except ValueError:
        raise UsageError(
            f"--known {text!r} is not two points and a distance; write pixels and metres as in "
            "--known 102,640,812,655,3.5"
        ) from None
    return x1, y1, x2, y2, metres


def _angle(text: str | None) -> float | Literal["auto"]:
    if text is None or text == "auto":
        return "auto" if text else 0.0
    try:
        value = float(text)
        if not -45 <= value <= 45:
            raise ValueError
    except ValueError:
        raise UsageError(f"--floor-angle {text!r} is neither degrees from -45 to 45 nor 'auto'") from None
    return value
