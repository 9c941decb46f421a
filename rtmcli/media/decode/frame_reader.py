"""Packets -> numbered frames in order of presentation, up to the first damage or around it."""

from collections.abc import Generator, Iterable, Iterator, Sequence
from itertools import chain
from typing import Any

from rtmcli.errors import DataError, StreamEndedError
from rtmcli.media.decode.container import decode_failures
from rtmcli.media.decode.decode_errors import Failure, decode_packet, demux_packets
from rtmcli.media.decode.frame_index import FrameIndex
from rtmcli.media.decode.stream import VideoStream
from rtmcli.media.decode.truncation import Declared

# Frames that can be shown before one whose packet came earlier: the most that H.264 and HEVC allow.
_MAX_REORDER = 16


# A decoded frame, its number in the source, its presentation time in ticks.
NumberedFrame = tuple[Any, int, int | None]


class FrameReader:
    """Decodes a stream; iterate once over its frames, their numbers and presentation times (ticks, or None).

    Args:
        source: at its beginning.
        declared: what the container says about its length.
        stop: raise DataError at the first damage, after the frames before it; else leave damaged frames out.
        start: seconds; frames come from the keyframe before it on.
        keyframes: as for `VideoStream.seek`.
        expect_damage: number frames by their packets throughout, so that a frame that is lost shows as a gap.

    Attributes:
        lost: frames left out so far.
        truncated: once at the end, how the source fell short of what it declares, in words, or None.

    Raises:
        DataError: damage, not one frame that can be decoded.
        StreamEndedError: the end of a live stream that declares no length.
    """

    def __init__(
        self,
        source: VideoStream,
        declared: Declared,
        *,
        stop: bool,
        start: float | None,
        keyframes: Sequence[tuple[int, int]] = (),
        expect_damage: bool = False,
    ) -> None:
        self._expect_damage = expect_damage
        self._source, self._declared, self._stop, self._start = source, declared, stop, start
        self.lost = 0
        self.truncated: str | None = None
        # A strict decoder stops by itself; another one goes on after an error and leaves a message.
        self._judge_messages = stop and not source.strict
        sought = source.seek(start, keyframes) if start is not None and start > 0 else None
        self._sought = sought is not None
        self._first_packet = sought or 0
        self._index = FrameIndex(self._first_packet, count_packets=self._sought)
        # Frames that refer to others before the beginning may fail; that is usual where one joins a broadcast.
        self._lenient = source.live or self._sought
        # Asked for at the beginning: some demuxers set the duration while they read.
        self._endless = source.live and not source.container.duration
        # Number and container time of the latest frame.
        self._last: tuple[int, float] | None = None
        self._packets = self._decoded = 0
        # How many of the next frames may have missing packets before them.
        self._gap_possible = 0
        # Whether the demuxer failed on the way to the latest packet; after the last packet, at the end.
        self._demuxer_failed: Failure = ""
        # Whether the current packet is damaged.
        self._damaged = False
        # Presentation time of the keyframe that was sought, until it is shown. Frames shown before it are counted by
        # their packets, because those that refer to earlier frames cannot be decoded.
        self._landed: int | None = None
        # Whether a strict decoder missed a reference to frames before the beginning.
        self._stuck = False

    def __iter__(self) -> Iterator[NumberedFrame]:
        source = self._source
        demuxer = source.container.format.name
        packets = demux_packets(source.packets, source.stream, demuxer, heed_messages=not source.live)
        for packet, self._demuxer_failed in packets:
            self._count_packet(packet)
            frames = self._decode(packet)
            if self._stuck:
                yield from self._read_leniently()
                return
            yield from self._number_frames(frames, self._damaged_from(packet))
            if self._damaged and self._stop:
                yield from self._stop_at_damage(at_end=not packet.size)
                return
            if self._damaged and source.packet_is_frame:
                self._index.count_packets = True
        self._check_end()

    def _count_packet(self, packet: Any) -> None:
        if self._demuxer_failed:
            self._gap_possible = _MAX_REORDER
        if packet.size:
            if self._packets == 0:
                self._lenient = self._lenient or not packet.is_keyframe
                self._landed = packet.pts if self._sought and not self._expect_damage else None
            self._packets += 1
            if not packet.is_discard:
                self._declared.add_packet(packet)
                self._index.add_packet(self._source.order(packet))

    def _decode(self, packet: Any) -> Iterable[Any]:
        """The frames that a packet brings out; sets `_damaged` and `_stuck`."""
        frames, failed, complained = decode_packet(packet)
        self._stuck = failed and self._lenient and self._sought and self._source.strict
        if failed:
            self._landed = None
        damaged = bool(self._demuxer_failed) or failed or (complained and self._judge_messages)
        self._damaged = damaged and not self._lenient
        return chain(frames, self._frames_before_damage()) if self._damaged and self._stop else frames

    def _damaged_from(self, packet: Any) -> int | None:
        """The tick from which on frames are damaged, where the decoder conceals damage."""
        concealed = self._damaged and self._judge_messages
        return packet.pts if concealed and packet.size else None

    def _number_frames(
        self, frames: Iterable[Any], damaged_from: int | None
    ) -> Generator[NumberedFrame, None, None]:
        """The intact ones of the frames, with their numbers; sets `_damaged` where one is missing before a frame."""
        for frame in frames:
            if damaged_from is not None and (frame.pts is None or frame.pts >= damaged_from):
                return
            pts = frame.pts if self._source.has_presentation_times else None
            number = self._index.number(pts)
            if not self._source.has_presentation_times:
                pts = self._index.order
            if self._landed is not None and pts is not None and pts >= self._landed:
                self._landed, self._index.count_packets = None, False
            missing = self._missing_before(pts, number) if self._gap_possible else 0
            if missing and self._last is not None and self._stop and not self._lenient:
                self._index.next, self._damaged = self._last[0] + 1, True
                return
            if missing:
                self._index.add_lost(missing)
                number += missing
            self._gap_possible = max(0, self._gap_possible - 1)
            if pts is not None:
                self._last = number, self._source.timestamps.seconds(pts)
            if frame.is_corrupt and not self._stop and not self._source.live:
                self.lost += 1
                continue
            self._decoded += 1
            yield frame, number, pts
            self._lenient = self._lenient and (
                self._source.live or self._source.timestamps.is_before(pts, self._start)
            )

    def _missing_before(self, pts: int | None, number: int) -> int:
        """How many packets the demuxer never found before a frame: only the time that passed tells.

        Args:
            number: the frame's, if none is missing.
        """
        if pts is None or self._last is None:
            return 0
        timestamps = self._source.timestamps
        passed = round((timestamps.seconds(pts) - self._last[1]) / timestamps.step)
        return max(0, passed - (number - self._last[0]))

    def _frames_before_damage(self) -> Iterator[Any]:
        """Frames that the decoder still holds from before the damage, up to the first gap."""
        try:
            frames = self._source.stream.codec_context.decode(None)
        except decode_failures():
            return
        for frame in frames:
            known = frame.pts is not None and self._source.has_presentation_times
            if not known or self._index.gap_before(frame.pts):
                return
            yield frame

    def _stop_at_damage(self, *, at_end: bool) -> Generator[NumberedFrame, None, None]:
        """Raise DataError; where a strict decoder stopped, first give the frames that another one still reads."""
        # At the end of the file damage is most likely a truncation.
        truncated = self._truncation() if at_end else None
        if truncated is None and self._source.strict:
            yield from self._read_again()
            return
        raise self._error(truncated or f"damaged at frame {self._declared.of_all(self._index.next)}")

    def _read_again(self) -> Generator[NumberedFrame, None, None]:
        """The frames from the damage on, by a decoder that goes on after an error, to see how bad it is."""
        number = self._index.next
        last = self._last[1] if self._last else None
        again = self._source.open_again()
        try:
            declared = Declared(again)
            for frame, found, pts in FrameReader(again, declared, stop=True, start=last, expect_damage=True):
                if found > number:  # some of those between cannot be read at all
                    raise self._error(f"damaged at frame {self._declared.of_all(number)}")
                if found == number:
                    yield frame, found, pts
                    number += 1
        finally:
            again.close()

    def _read_leniently(self) -> Generator[NumberedFrame, None, None]:
        """All frames, by a decoder that goes on after an error: a strict one may give none up to the next keyframe."""
        again = self._source.open_again()
        try:
            yield from FrameReader(again, Declared(again), stop=True, start=self._start)
        finally:
            again.close()

    def _check_end(self) -> None:
        if not self._sought:
            self.lost += self._index.lost
        if self._endless:
            raise StreamEndedError(f"{self._source.name}: {self._how_it_ended()}; check the camera or server")
        if self._source.live and (short := self._declared.cut_short()) is not None:
            raise StreamEndedError(
                f"{self._source.name}: {self._how_it_ended()} after {short}; check the server, and start again"
            )
        if not self._decoded:
            raise DataError(f"{self._source.name}: not one frame of it can be decoded; get the file again")
        self.truncated = self._truncation()
        if self.truncated and self._stop:
            raise self._error(self.truncated)

    def _how_it_ended(self) -> str:
        # A server that is gone looks like one that closes the connection: both are the end of the data.
        return "no data came any more" if self._demuxer_failed == "timeout" else "the connection was closed"

    def _truncation(self) -> str | None:
        return self._declared.truncation(
            self._index.next, skipped=self._first_packet, demuxer_failed=bool(self._demuxer_failed)
        )

    def _error(self, what: str) -> DataError:
        return DataError(
            f"{self._source.name}: {what}; get it again, or read the intact part with --on-error skip"
        )
