"""When the frames of a stream in segments are due."""

# A frame is not held back longer: its time is wrong, or the stream has a gap.
_MOST = 10.0


class Playout:
    """Spreads frames that come in bursts over the time they show.

    The segments of HLS and DASH arrive as a whole. Taken as they come, all of a segment's frames but the last would be
    too late. So each is due as long after the first as its timestamp says. A segment that comes late delays all that
    follow, so that the next one of this kind is in time.
    """

    def __init__(self) -> None:
        self._begin: float | None = None

    def delay(self, seconds: float, now: float) -> float:
        """Seconds to wait until a frame is due.

        Args:
            seconds: the container's time of the frame.
            now: by a clock that is never set back.
        """
        if self._begin is None:
            self._begin = now - seconds
        due = self._begin + seconds - now
        if due <= 0 or due > _MOST:
            self._begin = now - seconds
            return 0.0
        return due
