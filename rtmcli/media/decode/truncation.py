"""Whether a source that was read to its end holds as much as its container declares."""

import math
from typing import Any

from rtmcli.media.decode.container import tagged_seconds
from rtmcli.media.decode.stream import VideoStream

# Containers that store their duration (that of MPEG streams is estimated from the bit rate).
_STORE_DURATION = frozenset({"matroska,webm", "flv", "asf"})
# A live stream with a length may end so much earlier: by seconds, and by a part of its length. Sound may go on longer.
_LIVE_SECONDS, _LIVE_PART = 1.0, 0.02
# More frames than this are a header that was never completed: 400 days at 30 frames a second.
_MAX_FRAMES = 1 << 30


class Declared:
    """What a container says about its length, and how much of it came.

    Attributes:
        frames: how many frames will be shown, where the container says so reliably, or None.
    """

    def __init__(self, source: VideoStream) -> None:
        self._source = source
        self._format: str = source.container.format.name
        self.frames = self._declared_frames()
        self._shown_packets = 0
        # Begin and end of the packets seen, container time in seconds.
        self._begin, self._end = math.inf, 0.0

    def add_packet(self, packet: Any) -> None:
        """Count a packet whose frame is shown."""
        self._shown_packets += 1
        if packet.pts is not None:
            end = self._source.timestamps.seconds(packet.pts + (packet.duration or 0))
            self._begin = min(self._begin, self._source.timestamps.seconds(packet.pts))
            self._end = max(self._end, end)

    def truncation(self, frames: int, *, skipped: int, demuxer_failed: bool) -> str | None:
        """How a source that ended fell short of what it declares, in words; None where it did not.

        Args:
            frames: number that the next frame would have had.
            skipped: packets before the first that was read.
            demuxer_failed: whether the demuxer met damage at the end, so that a single frame is enough.
        """
        if self._source.live:
            return None
        if self._source.layout.complete is False:
            return f"truncated: {self.of_all(frames)} frames"
        if self.frames is not None:
            # Fewer frames than packets is damage, reported elsewhere; fewer packets than declared is truncation.
            short = skipped + self._shown_packets < self.frames and frames < self.frames
            return f"truncated: {self.of_all(frames)} frames" if short else None
        seconds = self._declared_seconds()
        if seconds is None:
            return f"truncated: {frames} frames" if demuxer_failed else None
        step = self._source.timestamps.step
        if self._end >= seconds - (step / 2 if demuxer_failed else max(0.25, 2 * step)):
            return None
        return f"truncated: {self.of_all(frames)} frames, {self._end:.1f} of {seconds:.1f} seconds"

    def cut_short(self) -> str | None:
        """`3.2 of 60.0 seconds` of a live stream that declares a length and ended long before; None otherwise."""
        if not self._source.container.duration:
            return None
        seconds = self._source.container.duration / 1e6
        came = max(0.0, self._end - self._begin)
        missing = seconds - came
        return (
            f"{came:.1f} of {seconds:.1f} seconds" if missing > _LIVE_SECONDS + _LIVE_PART * seconds else None
        )

    def of_all(self, frames: int) -> str:
        """`87 of 545`, `87 of about 545` or `87`, by what the container declares."""
        if self.frames is not None:
            return f"{frames} of {self.frames}"
        seconds = self._declared_seconds()
        fps = self._source.fps
        return f"{frames} of about {round(seconds * fps)}" if seconds and fps else f"{frames}"

    def _declared_frames(self) -> int | None:
        """Frames that will be shown: by the index where it is complete, by the header where that is reliable.

        A header counts frames that an edit list hides or shows twice, the first fragment alone, frames dropped during
        capture, ticks instead of frames (IVF).
        """
        stream, layout = self._source.stream, self._source.layout
        header = stream.frames if 0 < stream.frames < _MAX_FRAMES else None
        if self._format.startswith("mov,"):
            if not layout.fragmented:
                # Without a count in the header it is fragmented, at an address where that could not be looked up.
                if header is None or self._index_is_cut(header):
                    return header
                return _shown_entries(stream) or header
            if layout.last_fragment is None or layout.complete is False:
                return None
            # The demuxer may have read the first fragments alone.
            known_to = max((entry.pos for entry in stream.index_entries), default=-1)
            return _shown_entries(stream) if known_to > layout.last_fragment else None
        if self._format == "avi":
            if layout.complete is None:
                return None
            return _shown_entries(stream) or header if layout.complete else header
        return None if self._format == "ivf" else header

    def _index_is_cut(self, header: int) -> bool:
        """Whether a damaged index shows fewer frames than the header counts, and ends before the track does.

        An edit list that hides frames shortens the track as well.
        """
        stream = self._source.stream
        shown = [entry.timestamp for entry in stream.index_entries if not entry.is_discard]
        if not 0 < len(shown) < header or not stream.duration:
            return False
        seconds = self._source.timestamps.seconds
        return seconds(max(shown)) + 0.5 < seconds(stream.duration)

    def _declared_seconds(self) -> float | None:
        """When the video ends, as the container declares it; None where the container does not store it."""
        container, stream = self._source.container, self._source.stream
        if self._format not in _STORE_DURATION or not container.duration:
            return None
        length: float = container.duration / 1e6 + max(0.0, (container.start_time or 0) / 1e6)
        tag = tagged_seconds(stream)
        if tag is not None:
            return min(length, tag)
        # Sound may go on after the last frame.
        return length if len(container.streams) == 1 else None


def _shown_entries(stream: Any) -> int:
    """Entries of the demuxer's index that bring a frame to be shown: not hidden by an edit list, and not empty."""
    return sum(not entry.is_discard and entry.size > 0 for entry in stream.index_entries)
