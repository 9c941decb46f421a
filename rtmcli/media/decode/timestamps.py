"""From a container's ticks to the times of frames: seconds that always rise."""


class Timestamps:
    """The times of one video stream.

    Args:
        time_base: (numerator, denominator) of a tick in seconds.
        first: the tick at which the stream says it begins, or None.
        step: seconds from frame to frame, by the declared rate.
        live: a source whose timestamps began long ago; its first frame is at 0.
    """

    def __init__(self, time_base: tuple[int, int], first: int | None, *, step: float, live: bool) -> None:
        self._base, self._live, self.step = time_base, live, step
        # A time below zero would be before the beginning.
        self._shift = -self.seconds(first) if first is not None and first < 0 else 0.0

    def seconds(self, pts: int) -> float:
        """The container's own time of a tick."""
        return pts * self._base[0] / self._base[1]

    def is_before(self, pts: int | None, start: float | None) -> bool:
        """Whether a frame lies before `start`, seconds."""
        return pts is not None and start is not None and self.seconds(pts) + self._shift < start

    def is_after(self, pts: int, start: float) -> bool:
        """Whether a frame lies after `start`, seconds."""
        return self.seconds(pts) + self._shift > start

    def time(self, pts: int | None, last: float | None) -> float:
        """Presentation time in seconds, always later than `last`, the one before.

        A missing time is one frame after the last; a repeated one half a frame. A jump back by more than a second (two
        recordings joined) moves all that follow. A live source begins at 0.
        """
        if pts is None:
            return 0.0 if last is None else last + self.step
        if self._live and last is None:
            self._shift = -self.seconds(pts)
        time = self.seconds(pts) + self._shift if self._shift else self.seconds(pts)
        if last is None or time > last:
            return time
        if time < last - 1:
            self._shift += last + self.step - time
            return last + self.step
        return last + self.step / 2
