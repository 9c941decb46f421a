"""Which frames of a source are wanted."""

from collections.abc import Sequence
from dataclasses import dataclass

from rtmcli.errors import UsageError


@dataclass(frozen=True, slots=True)
class FrameRange:
    """Frames between two times in seconds, every n-th, at most so many.

    Attributes:
        keyframes: tick and number of the last keyframes of a video before `start`, where they are known.

    Raises:
        UsageError: a range that holds nothing, naming its option.
    """

    start: float | None = None
    end: float | None = None
    every: int = 1
    max_frames: int | None = None
    keyframes: tuple[tuple[int, int], ...] = ()

    def __post_init__(self) -> None:
        if self.every < 1:
            raise UsageError(f"--every {self.every}: must be 1 or more")
        if self.max_frames is not None and self.max_frames < 1:
            raise UsageError(f"--max-frames {self.max_frames}: must be 1 or more")
        if self.end is not None and self.end <= (self.start or 0):
            raise UsageError(f"--end {self.end:g}: must be later than --start {self.start or 0:g}")

    def total(self, frames: int | None) -> int | None:
        """How many of a source's frames will come; None where the source or the times do not tell."""
        if frames is None or self.start is not None or self.end is not None:
            return None
        return self.at_most(len(range(0, frames, self.every)))

    def numbers(self, times: Sequence[float | None]) -> list[int]:
        """The numbers of the wanted frames of a source whose frames are at these times."""
        return [number for number in range(0, len(times), self.every) if self._holds(times[number])][
            : self.max_frames
        ]

    def _holds(self, time: float | None) -> bool:
        if time is None:
            return True
        return (self.start is None or time >= self.start) and (self.end is None or time < self.end)

    def at_most(self, frames: int) -> int:
        """`frames`, or fewer where `max_frames` says so."""
        return frames if self.max_frames is None else min(frames, self.max_frames)
