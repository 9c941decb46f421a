"""Frame numbers that stay true when the reading began in the middle, or when frames got lost on the way."""

import heapq


class Numbers:
    """Counts the frames of a source in the order they are shown.

    In a sound file read from its beginning a frame's number is how many came before it. After a seek, or once the
    decoder has dropped frames, it is how many packets belong before it: every packet that went into the decoder with an
    earlier presentation time counts, whether or not a frame came out. That holds where one packet is one frame.

    Args:
        first: number of the first frame that can come.
        ranked: count packets instead of frames from the beginning.
    """

    def __init__(self, first: int = 0, *, ranked: bool = False) -> None:
        self.next = first
        self.lost = 0
        self.ranked = ranked
        self._waiting: list[int] = []

    def sent(self, pts: int | None) -> None:
        """A packet with this presentation time went into the decoder."""
        if pts is not None:
            heapq.heappush(self._waiting, pts)

    def came(self, pts: int | None) -> int:
        """A frame with this presentation time came out: its number."""
        missed = 0
        if pts is not None:
            # Frames come in order of presentation, so what still waits with an earlier time will never come.
            while self._waiting and self._waiting[0] < pts:
                heapq.heappop(self._waiting)
                missed += 1
        # The frame's own packet; one that lost its time on the way takes the first, so that nothing piles up.
        if self._waiting and (pts is None or self._waiting[0] == pts):
            heapq.heappop(self._waiting)
        if self.ranked:
            self.next += missed
            self.lost += missed
        self.next += 1
        return self.next - 1

    def torn(self, frames: int) -> None:
        """`frames` more packets than were seen belong before the frame that came last."""
        self.next += frames
        self.lost += frames

    def gap_before(self, pts: int | None) -> bool:
        """Whether a frame with this time would come after one that got lost."""
        return pts is not None and bool(self._waiting) and self._waiting[0] < pts
