"""Whether a stream of records holds every frame that its sources declare."""

from dataclasses import dataclass

from rtmcli.records.frame import Frame


@dataclass(slots=True)
class _Seen:
    """The records of one source so far.

    Attributes:
        declared: how many frames the source has.
        lines: how many records came. last: the frame number of the last one.
        longest, shortest: steps from one record's frame to the next; of `--every N` both are N.
    """

    declared: int
    lines: int = 0
    last: int = -1
    longest: int = 1
    shortest: int | None = None

    def add(self, number: int) -> None:
        if self.lines:
            step = number - self.last
            self.longest = max(self.longest, step)
            self.shortest = step if self.shortest is None else min(self.shortest, step)
        self.lines += 1
        self.last = number

    @property
    def at_end(self) -> bool:
        """Whether the next frame would lie beyond what the source declares."""
        return self.last + self.longest >= self.declared

    @property
    def has_all(self) -> bool:
        """Whether every frame came, or every N-th from the first."""
        return self.at_end and self.lines == len(range(0, self.declared, self.shortest or 1))

    def __str__(self) -> str:
        return f"{self.lines} of {self.declared} frames"


class FrameCounts:
    """Counts frames by source; memory holds only the sources that miss frames so far."""

    def __init__(self) -> None:
        self._open: dict[str, _Seen] = {}
        # Sources that began again before every frame had come, as in the output of two runs.
        self._earlier: dict[str, _Seen] = {}

    def add(self, frame: Frame) -> None:
        """Count one frame."""
        # A file may hold a few frames more than it declares.
        if frame.frames is None or frame.frame >= frame.frames:
            return
        seen = self._open.get(frame.source)
        if seen is None or frame.frame <= seen.last:
            if seen is not None:
                self._earlier.setdefault(frame.source, seen)
            seen = self._open[frame.source] = _Seen(frame.frames)
        seen.add(frame.frame)
        if seen.has_all:
            del self._open[frame.source]

    @property
    def truncated(self) -> str:
        """`walk.mp4: 84 of 150 frames` for each source that ended early; empty where none did."""
        return _listed({name: seen for name, seen in self._all().items() if not seen.at_end})

    @property
    def missing(self) -> str:
        """The same, also for sources whose first frames or frames in between are missing."""
        return _listed(self._all())

    def _all(self) -> dict[str, _Seen]:
        return {**self._open, **self._earlier}


def _listed(sources: dict[str, _Seen]) -> str:
    return ", ".join(f"{source}: {seen}" for source, seen in sources.items())
