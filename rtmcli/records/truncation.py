"""Whether a stream of records holds every frame that its sources declare."""

from dataclasses import dataclass, field

from rtmcli.records.frame import Frame


@dataclass(slots=True)
class _Seen:
    """How far one source has come."""

    declared: int
    lines: int = 0
    last: int = -1
    step: int = 1


@dataclass(slots=True)
class Cuts:
    """Counts frames a source; memory holds only the sources that are not finished."""

    unfinished: dict[str, _Seen] = field(default_factory=dict)

    def add(self, frame: Frame) -> None:
        """Count one frame. A source is finished when its next frame would lie beyond what it declares."""
        if frame.frames is None:
            return
        seen = self.unfinished.setdefault(frame.source, _Seen(frame.frames))
        if seen.lines:
            seen.step = max(seen.step, frame.frame - seen.last)  # `--every N`
        seen.lines += 1
        seen.last = frame.frame
        if seen.last + seen.step >= frame.frames:
            del self.unfinished[frame.source]

    def __str__(self) -> str:
        """`walk.mp4: 84 of 150 frames` for each source that was cut; empty where none was."""
        return ", ".join(
            f"{source}: {seen.lines} of {seen.declared} frames" for source, seen in self.unfinished.items()
        )
