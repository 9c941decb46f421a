"""Frame numbers that stay right when reading began in the middle, or when frames were lost on the way."""

import heapq


class FrameIndex:
    """Counts the frames of a source in the order they are shown.

    In an intact file read from its beginning a frame's number is how many came before it. After a seek, or once the
    decoder has dropped frames, it is how many packets belong before it: every packet that went into the decoder with an
    earlier presentation time counts, whether or not a frame came out. That holds where one packet is one frame.

    Args:
        first: number of the first frame that can come.
        count_packets: count packets instead of frames from the beginning.

    Attributes:
        next: number of the next frame, if none is missing before it.
        lost: frames that never came out.
        count_packets: may be set once damage is met.
        order: what the latest frame's packet was added with, or None.
    """

    def __init__(self, first: int = 0, *, count_packets: bool = False) -> None:
        self.next = first
        self.lost = 0
        self.count_packets = count_packets
        self.order: int | None = None
        # A heap: the order of packets whose frames have not come yet.
        self._pending: list[int] = []

    def add_packet(self, order: int | None) -> None:
        """A packet went into the decoder; `order` is its presentation time, or what else sorts frames as shown."""
        if order is not None:
            heapq.heappush(self._pending, order)

    def number(self, pts: int | None) -> int:
        """A frame with this presentation time came out of the decoder: its number."""
        missed = 0
        if pts is not None:
            # Frames come in order of presentation: what is still pending with an earlier time will never come.
            while self._pending and self._pending[0] < pts:
                heapq.heappop(self._pending)
                missed += 1
        # The frame's own packet. A frame without a time takes the first, so that nothing piles up.
        self.order = None
        if self._pending and (pts is None or self._pending[0] == pts):
            self.order = heapq.heappop(self._pending)
        if self.count_packets:
            self.next += missed
            self.lost += missed
        self.next += 1
        return self.next - 1

    def add_lost(self, frames: int) -> None:
        """`frames` packets that never arrived belong before the frame that came last."""
        self.next += frames
        self.lost += frames

    def gap_before(self, pts: int | None) -> bool:
        """Whether a frame with this time would come after one that was lost."""
        return pts is not None and bool(self._pending) and self._pending[0] < pts
