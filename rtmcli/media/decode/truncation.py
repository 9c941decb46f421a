"""Whether a source that was read to its end holds as much as its container declares."""

from typing import Any

from rtmcli.media.decode.container import declared_frames, declared_seconds
from rtmcli.media.decode.stream import VideoStream


class Declared:
    """What a container says about its length, and how much of it came.

    Attributes:
        frames: how many frames the container declares, or None.
        packets_seen: how many packets came so far.
    """

    def __init__(self, source: VideoStream) -> None:
        self._source = source
        self.frames = declared_frames(source.container, source.stream)
        self.packets_seen = 0
        self._end = 0.0  # of the packets seen, container time in seconds

    def add_packet(self, packet: Any) -> None:
        """Count a packet."""
        self.packets_seen += 1
        if packet.pts is not None and not packet.is_discard:
            end = self._source.timestamps.seconds(packet.pts + (packet.duration or 0))
            self._end = max(self._end, end)

    def truncation(self, frames: int, *, sought: bool, demuxer_failed: bool) -> str | None:
        """How a source that ended fell short of what it declares, in words; None where it did not.

        Args:
            frames: number that the next frame would have had.
            sought: whether reading began in the middle.
            demuxer_failed: whether the demuxer met damage at the end, so that a single frame is enough.
        """
        if self._source.live:
            return None
        if self.frames is not None:
            # Fewer frames than packets is damage, reported elsewhere; fewer packets than declared is truncation.
            short = frames < self.frames and (sought or self.packets_seen < self._source.stream.frames)
            return f"truncated: {self.of_all(frames)} frames" if short else None
        length = declared_seconds(self._source.container, self._source.stream)
        if length is None:
            return f"truncated: {frames} frames" if demuxer_failed else None
        step = self._source.timestamps.step
        if self._end >= length - (step / 2 if demuxer_failed else max(0.25, 2 * step)):
            return None
        return f"truncated: {self.of_all(frames)} frames, {self._end:.1f} of {length:.1f} seconds"

    def of_all(self, frames: int) -> str:
        """`87 of 545`, `87 of about 545` or `87`, by what the container declares."""
        if self.frames is not None:
            return f"{frames} of {self.frames}"
        length = declared_seconds(self._source.container, self._source.stream)
        fps = self._source.fps
        return f"{frames} of about {round(length * fps)}" if length and fps else f"{frames}"
