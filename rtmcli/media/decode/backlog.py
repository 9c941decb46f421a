"""A live stream that comes faster than it can be decoded: what waits is skipped up to a newer keyframe."""

# Seconds that a packet may have waited before packets are skipped, and those within which decoding goes on.
_MOST, _LEAST = 2.0, 0.5
# A packet that was waited for so long was read as soon as it came: nothing else waits.
_AT_ONCE = 0.02


class Backlog:
    """Decides which packets of a live stream are not decoded.

    A sender's packets wait in the buffers of the connection, megabytes of them, while the decoder is busy. Their
    timestamps then fall behind the clock, and no read has to wait.

    Attributes:
        skipped: packets skipped so far.
    """

    def __init__(self) -> None:
        self.skipped = 0
        self._is_skipping = False
        # Clock minus timestamp of the last packet that was read as soon as it came.
        self._delay: float | None = None

    def skips(self, seconds: float | None, *, waited: float, now: float, keyframe: bool) -> bool:
        """Whether a packet is to be skipped.

        Args:
            seconds: its timestamp; None: it is never skipped.
            waited: how long reading it took.
            now: by a clock that is never set back.
            keyframe: whether decoding can begin with it.
        """
        if seconds is None:
            return False
        if self._delay is None or waited >= _AT_ONCE:
            self._delay = now - seconds
        behind = now - seconds - self._delay
        if behind > _MOST:
            self._is_skipping = True
        elif keyframe and behind < _LEAST:
            self._is_skipping = False
        self.skipped += self._is_skipping
        return self._is_skipping
