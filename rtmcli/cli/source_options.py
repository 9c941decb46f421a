"""The options of `detect` and `pose` that say which frames of which sources are read, with their help."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from rtmcli.cli.option_values import seconds

if TYPE_CHECKING:
    from rtmcli.media import ListedSource, Media

# For every verb that opens addresses.
Insecure = Annotated[
    bool, typer.Option("--insecure", help="Accept any certificate of a server (https, rtsps).")
]


@dataclass(frozen=True, kw_only=True, slots=True)
class SourceOptions:
    """Which frames of the sources to read."""

    every: Annotated[int, typer.Option(min=1, metavar="N", help="Read every N-th frame of a source.")] = 1
    start: Annotated[
        float | None,
        typer.Option(parser=seconds, metavar="TIME", help="First time to read: seconds, mm:ss or hh:mm:ss."),
    ] = None
    end: Annotated[
        float | None, typer.Option(parser=seconds, metavar="TIME", help="Stop before this time.")
    ] = None
    max_frames: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Stop after N frames of a source.")
    ] = None
    on_error: Annotated[
        Literal["stop", "skip"],
        typer.Option(help="At damaged data: stop with exit code 3, or skip it."),
    ] = "stop"
    fps: Annotated[
        float | None,
        typer.Option(
            min=0.001, metavar="RATE", help="Read a folder or list of images as one clip of this rate."
        ),
    ] = None

    stream: Annotated[
        int | None,
        typer.Option(
            min=0,
            metavar="N",
            help="Read this video stream of a file with several, counted as ffprobe does (by default ffmpeg's choice).",
        ),
    ] = None

    live: Annotated[
        bool,
        typer.Option(
            "--live",
            help="Read addresses or stdin as live: the newest frame first, the others are dropped. "
            "Sources without a length are live by themselves.",
        ),
    ] = False
    reconnect: Annotated[
        float,
        typer.Option(
            min=0,
            metavar="SECONDS",
            help="Wait so long for a live source that was lost to come back; 0: do not wait, inf: for ever.",
        ),
    ] = 30.0
    stall: Annotated[
        float,
        typer.Option(min=0.1, metavar="SECONDS", help="A source that sends nothing for so long is lost."),
    ] = 10.0
    insecure: Insecure = False

    def open(self, sources: "Sequence[ListedSource]") -> "list[Media]":
        """Open every source before the first is read.

        A live source of several that cannot be opened leaves the others running.
        """
        from rtmcli.media.open_several import open_several

        return open_several(partial(self._open, patient=len(sources) > 1), sources)

    def _open(self, source: "ListedSource", *, patient: bool) -> "Media":
        from rtmcli.media import open_media

        media = open_media(
            source.source, start=self.start, end=self.end, every=self.every, max_frames=self.max_frames,
            on_error=self.on_error, fps=self.fps, stream=self.stream, live=self.live, reconnect=self.reconnect,
            stall=self.stall, insecure=self.insecure, patient=patient,
        )  # fmt: skip
        media.rename(source.name)
        return media
