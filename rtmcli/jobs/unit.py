"""The units of a job, and what came of each."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

# Everything unfinished is under this name in the output folder.
PART = ".part"


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A part of a video that begins at a detection, or of several images.

    Attributes:
        first: number of its first frame in the source; of images, among those that are read.
        frames: how many are read.
        start, end: seconds, as for `open_media`; None where the part begins or ends with the source.
        max_frames: stop after so many frames, where the whole run does.
        keyframes: (tick, number as stored) of the last keyframes at or before `start`.
    """

    first: int
    frames: int
    start: float | None = None
    end: float | None = None
    max_frames: int | None = None
    keyframes: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """What one process does at a time: a source, or a part of a long video.

    Attributes:
        source: as in records and messages.
        output: name of the source's file in the output folder.
        images: whether it is the images of a folder, glob or list together.
        length: work in it, for balance: frames, or bytes of a record file.
        span: the part of the source; None for all of it.
    """

    source: str
    output: str
    images: bool = False
    length: int = 1
    span: Span | None = None

    @property
    def file(self) -> str:
        """Name of the unit's own file in the output folder."""
        if self.span is None:
            return self.output
        return f"{PART}/units/{self.output}/{self.span.first:09d}-{self.span.frames}.jsonl"


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A source of a job and its units, in order.

    Attributes:
        name: as in records and messages. output: name of its file in the output folder.
        size: bytes, where it is a file: a source that has changed is noticed.
    """

    name: str
    output: str
    size: int | None
    units: tuple[Unit, ...]


@dataclass(frozen=True, slots=True)
class Counts:
    """What a unit's file holds: frames, and people in all of them."""

    frames: int
    people: int

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(self.frames + other.frames, self.people + other.people)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of a unit: counts, or the reason why there are none."""

    unit: Unit
    counts: Counts = Counts(0, 0)
    seconds: float = 0.0
    error: str | None = None


# Writes the result of a unit to a path.
Work = Callable[[Unit, Path], Counts]
