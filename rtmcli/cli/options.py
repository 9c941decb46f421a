"""Options that `detect` and `pose` share, with their help."""

from typing import Annotated, Literal

import typer

from rtmcli.errors import UsageError


def seconds(text: str | float) -> float:
    """Seconds from `12.5`, `1:30` or `1:02:03.5`. Raises UsageError for anything else."""
    try:
        parts = [float(part) for part in str(text).split(":")]
        if len(parts) > 3 or any(not 0 <= part < 60 for part in parts[1:]) or not 0 <= parts[0] < 1e9:
            raise ValueError
    except ValueError:
        raise UsageError(f"{text!r} is not a time; write seconds (12.5), mm:ss or hh:mm:ss") from None
    return sum(part * 60**power for power, part in enumerate(reversed(parts)))


Score = Annotated[
    float | None,
    typer.Option(
        min=0, max=1, metavar="S", help="Keep boxes scored above S (the card's threshold, else 0.3)."
    ),
]
Nms = Annotated[
    float | None,
    typer.Option(min=0, max=1, metavar="IOU", help="Drop a box that overlaps a better one by more than IOU."),
]
DetectorName = Annotated[
    str | None, typer.Option("--detector", metavar="NAME|FILE", help="The detector (rtmdet-nano).")
]
DetectorSize = Annotated[
    str | None,
    typer.Option(metavar="WxH", help="The detector's input, where its file does not say it: 640x640."),
]
Family = Annotated[
    str | None,
    typer.Option(metavar="NAME", help="rtmdet or yolox, where the detector's file does not say it."),
]
Every = Annotated[int, typer.Option(min=1, metavar="N", help="Take every N-th frame of a source.")]
Start = Annotated[
    float | None,
    typer.Option(parser=seconds, metavar="TIME", help="Begin here: seconds, mm:ss or hh:mm:ss."),
]
End = Annotated[float | None, typer.Option(parser=seconds, metavar="TIME", help="Stop before here.")]
MaxFrames = Annotated[int | None, typer.Option(min=1, metavar="N", help="Stop after N frames of a source.")]
OnError = Annotated[
    Literal["stop", "skip"],
    typer.Option(help="What to do at damage: stop with exit code 3, or skip what is broken."),
]
Fps = Annotated[
    float | None,
    typer.Option(
        min=0.001, metavar="RATE", help="Read a folder or list of pictures as one clip of this rate."
    ),
]
EngineName = Annotated[
    str,
    typer.Option(
        "--engine",
        metavar="NAME",
        help="onnxruntime, openvino, ncnn, torch, tensorrt; auto takes the fastest that is here (measured once).",
    ),
]
Device = Annotated[str, typer.Option(metavar="NAME", help="cpu, cuda, cuda:1, ...")]
Precision = Annotated[
    str | None,
    typer.Option(metavar="NAME", help="float32 (the default; auto may choose less), float16, bfloat16."),
]
Threads = Annotated[
    int | None,
    typer.Option(min=1, metavar="N", help="Threads of one run of a network (files: 1, cameras: all)."),
]
Jobs = Annotated[
    int | None,
    typer.Option(min=1, metavar="N", help="Frames worked on at once (files: as many as CPUs; cameras: 1)."),
]
BatchFrames = Annotated[
    int,
    typer.Option(
        min=1, metavar="N", help="Frames that share a run of the networks: for GPUs, bfloat16 on CPUs."
    ),
]
Draw = Annotated[
    str | None, typer.Option(metavar="FILE", help="Also draw what is found into this video or picture.")
]
Show = Annotated[bool, typer.Option("--show", help="Also show it in a window; q quits.")]


def size_of(text: str | None, flag: str) -> tuple[int, int] | None:
    """`640x480` -> (640, 480). Raises UsageError for anything else."""
    if text is None:
        return None
    width, _, height = text.lower().partition("x")
    if not (width.isdigit() and height.isdigit() and int(width) and int(height)):
        raise UsageError(f"{flag} {text!r} is not a size; write width and height as in {flag} 640x480")
    return int(width), int(height)


def words(text: str | None) -> list[str] | None:
    """`a, b` -> ["a", "b"]; None stays None."""
    return None if text is None else [word.strip() for word in text.split(",") if word.strip()]
