"""The times of a live source's frames: one clock across all its connections."""

# Seconds by which the container's times may differ from the clock of this machine, before they are set to it.
_DRIFT = 10.0
# A frame that comes so many seconds after the one before it follows a gap ...
_GAP = 1.0
# ... unless frames are usually that far apart: more than so many times the usual interval.
_UNUSUAL = 4.0


class LiveClock:
    """Seconds since the first frame, always rising.

    The container's timestamps give the intervals. They are set to the clock of this machine at the first frame of each
    connection, and when they are far from it: a server that was restarted counts from anywhere. Without timestamps the
    time of a frame is when it arrived.

    Args:
        step: seconds from frame to frame, where they are known.

    Attributes:
        last: time of the latest frame, or None.
    """

    def __init__(self, step: float | None = None) -> None:
        self.last: float | None = None
        self._step = step
        self._begin = 0.0
        # From the container's seconds to times; None: to be set at the next frame.
        self._shift: float | None = None

    def reset(self) -> None:
        """A new connection begins: its timestamps have nothing to do with those before."""
        self._shift = None

    def add(self, seconds: float | None, now: float) -> tuple[float, float | None]:
        """The time of a frame, and the gap before it in seconds, or None.

        Args:
            seconds: the container's, or None.
            now: when the frame arrived, by a clock that is never set back.
        """
        if self.last is None:
            self._begin = now
        wall = now - self._begin
        is_first = self._shift is None
        if seconds is None:
            time, self._shift = wall, 0.0
        else:
            if self._shift is None or abs(seconds + self._shift - wall) > _DRIFT:
                self._shift = wall - seconds
            time = seconds + self._shift
        if self.last is None:
            self.last = time
            return time, None
        if time <= self.last:
            time = self.last + min(self._step or 0.04, 0.04) / 2
            if seconds is not None:
                self._shift = time - seconds
        interval, self.last = time - self.last, time
        usual = interval if self._step is None else self._step
        self._step = 0.9 * usual + 0.1 * interval
        is_gap = is_first or interval > max(_GAP, _UNUSUAL * usual)
        return time, round(interval, 3) if is_gap else None
