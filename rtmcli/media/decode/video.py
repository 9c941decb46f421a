"""One video file, pipe or address -> numbered, timed 8-bit BGR frames, by PyAV."""

import math
from collections.abc import Generator, Iterator
from itertools import chain
from typing import Any, BinaryIO

import numpy as np

from rtmcli.cpus import available_cpus
from rtmcli.errors import DataError
from rtmcli.media.decode.container import (
    declared_frames,
    declared_seconds,
    errors,
    open_container,
    video_stream,
)
from rtmcli.media.decode.decode_errors import watched_frames, watched_packets
from rtmcli.media.decode.frame_index import Numbers
from rtmcli.media.decode.orientation import upright
from rtmcli.media.decode.seek import seek_keyframe
from rtmcli.media.decode.timestamps import Clock
from rtmcli.media.images import MOST_PIXELS

# Codecs whose packets are frames, one to one, so that packets can be counted instead of decoding them.
_PACKET_IS_FRAME = frozenset({"h264", "hevc", "vp9", "av1", "mjpeg", "prores", "dnxhd", "ffv1", "png", "gif"})

# Frames that can be shown before one whose packet came earlier: the most that H.264 and HEVC allow.
_REORDER = 16


class Video:
    """An opened container and its video stream.

    Args:
        file: path or address for the demuxer, or a binary stream.
        name: how the person named it.
        stop: end with DataError at the first damage; else leave damaged frames out.
        careful: one thread, and every complaint of the decoder weighed; what `stop` falls back on by itself.
        live: a source that does not wait (RTSP): lowest delay, and damage is left out.

    Attributes:
        frames: how many frames the container declares, or None.
        fps: average frames a second, or None.
        lost: frames left out so far.
        shortfall: how a source that was read to its end fell short of what it declares, in words, or None.

    Raises:
        DataError: not a media file, no video in it, or nothing that can be decoded.
    """

    def __init__(
        self, file: str | BinaryIO, name: str, *, stop: bool = True, careful: bool = False, live: bool = False
    ) -> None:
        self.name, self.lost = name, 0
        self.shortfall: str | None = None
        self._file, self._stop, self._live = file, stop and not live, live
        self._local = isinstance(file, str) and "://" not in file
        # What cannot be opened a second time is read carefully from the beginning.
        self._careful = careful or not self._local
        self._open()
        self.frames = declared_frames(self._container, self._stream)
        self._countable = self._stream.codec_context.name in _PACKET_IS_FRAME
        rate = float(self._stream.average_rate or 0)
        self.fps = rate if 0 < rate <= 1000 else None
        base = self._stream.time_base
        self._clock = Clock(
            (base.numerator, base.denominator),
            self._stream.start_time,
            step=1 / self.fps if self.fps else 0.04,
            live=live,
        )
        self._packets_seen, self._end = 0, 0.0

    def close(self) -> None:
        """Free decoder and file."""
        # The decoder's threads may wait for Python to take a message; they must be idle when it is freed.
        self._stream.codec_context.flush_buffers()
        self._container.close()

    def pictures(
        self, *, start: float | None, end: float | None, every: int
    ) -> Generator[tuple[np.ndarray, int, float], None, None]:
        """Yield image (H, W, 3) uint8 BGR, frame number in the source, time in seconds.

        Args:
            start, end: seconds; end is exclusive.
            every: only frames whose number is a multiple of this.

        Raises:
            DataError: damage, after the frames before it (`stop`), or not one frame in it.
        """
        from av.video.reformatter import VideoReformatter

        convert, last, matrix = VideoReformatter(), None, None
        for frame, number in self._numbered(start):
            time = last = self._clock.time(frame.pts, last)
            if end is not None and time >= end:
                return
            if number % every or (start is not None and time < start):
                continue
            if frame.width * frame.height > MOST_PIXELS:
                raise DataError(
                    f"{self.name}: frame {number} has {frame.width} x {frame.height} pixels, too many"
                )
            bgr = convert.reformat(frame, format="bgr24", threads=1).to_ndarray()  # (H, W, 3)
            if matrix is None:
                # Asked once: whoever asks ties the frame into a cycle, and its memory waits for the garbage collector.
                matrix = bytes(frame.side_data.get("DISPLAYMATRIX") or b"")
            yield upright(bgr, matrix), number, time

    def _open(self) -> None:
        """Open the container at its beginning."""
        self._container = open_container(self._file, self.name)
        self._stream = video_stream(self._container, self.name)
        context = self._stream.codec_context
        if self._stop and not self._careful:
            # A decoder that ends at the first error says exactly where it is, with frame threads too.
            context.options = {"err_detect": "explode"}
            context.thread_count = min(available_cpus(), 8)
            context.thread_type = "AUTO"
        else:
            # Frame threads conceal damage differently from run to run; and they cost a camera several frames of delay.
            context.thread_count = min(available_cpus(), 8) if self._live else 1
            context.thread_type = "SLICE"
        self._demuxed: Iterator[Any] = self._container.demux(self._stream)

    def _numbered(self, start: float | None) -> Generator[tuple[Any, int], None, None]:
        """Frames with their numbers, in order of presentation, from the keyframe before `start` on."""
        numbers = Numbers()
        sought = self._seek(start) if start is not None and start > 0 else None
        if sought is not None:
            numbers = Numbers(sought, ranked=True)
        decoded = 0
        last: tuple[int, float] | None = None  # number and container time of the latest frame
        # Frames that hang on others before the beginning may fail; whoever joins a broadcast expects it.
        lenient = self._live or sought is not None
        own = self._container.format.name
        torn = 0  # frames to come that may have a hole before them
        met = (
            False  # damage, by the demuxer, on the way to the latest packet; the last one stands for the end
        )
        for packet, met in watched_packets(self._demuxed, self._stream, own, heed=not self._live):
            torn = _REORDER if met else torn
            if packet.size:
                lenient = lenient or (not self._packets_seen and not packet.is_keyframe)
                self._packets_seen += 1
                if not packet.is_discard:
                    numbers.sent(packet.pts)
                    if packet.pts is not None:
                        self._end = max(self._end, self._clock.seconds(packet.pts + (packet.duration or 0)))
            frames, failed, complained = watched_frames(packet)
            trouble = (met or failed or (complained and self._careful)) and not lenient
            until = None
            if trouble and self._stop:
                frames = chain(frames, self._held(numbers))
                until = packet.pts if self._careful and packet.size else None
            for frame in frames:
                if until is not None and (frame.pts is None or frame.pts >= until):
                    break
                number = numbers.came(frame.pts)
                missing = self._missing(frame.pts, number, last) if torn else 0
                if missing and last is not None and self._stop and not lenient:
                    numbers.next, trouble = last[0] + 1, True
                    break
                if missing:
                    numbers.torn(missing)
                    number += missing
                torn = max(0, torn - 1)
                if frame.pts is not None:
                    last = number, self._clock.seconds(frame.pts)
                if frame.is_corrupt and not self._stop and not self._live:
                    self.lost += 1
                    continue
                decoded += 1
                yield frame, number
                lenient = lenient and (self._live or self._clock.before(frame.pts, start))
            if trouble and self._stop:
                # At the end of the file damage is most likely a cut.
                cut = None if packet.size else self._cut(numbers.next, sought is not None, met)
                if cut is None and not self._careful:
                    yield from self._carefully(numbers.next, last[1] if last else None)
                    return
                raise DataError(self._remedy(cut or f"damaged at frame {self._of(numbers.next)}"))
            numbers.ranked = numbers.ranked or (trouble and self._countable)
        if sought is None:
            self.lost += numbers.lost
        if not decoded:
            raise DataError(f"{self.name}: not one frame of it can be decoded; get the file again")
        self.shortfall = self._cut(numbers.next, sought is not None, met)
        if self.shortfall and self._stop:
            raise DataError(self._remedy(self.shortfall))

    def _held(self, numbers: Numbers) -> Iterator[Any]:
        """Frames that the decoder still holds from before the damage, up to the first gap."""
        try:
            frames = self._stream.codec_context.decode(None)
        except errors():
            return
        for frame in frames:
            if frame.pts is None or numbers.gap_before(frame.pts):
                return
            yield frame

    def _missing(self, pts: int | None, number: int, last: tuple[int, float] | None) -> int:
        """How many packets the demuxer never found before a frame: only the time that passed tells.

        Args:
            number: the frame's, if none is missing.
            last: number and container time of the frame before it.
        """
        if pts is None or last is None:
            return 0
        passed = round((self._clock.seconds(pts) - last[1]) / self._clock.step)
        return max(0, passed - (number - last[0]))

    def _carefully(self, number: int, last: float | None) -> Generator[tuple[Any, int], None, None]:
        """Frames from `number` on, read again by a decoder that goes on after an error, to see how bad it is.

        Args:
            last: container time of the frame before, from whose keyframe it starts.
        """
        again = Video(self._file, self.name, careful=True)
        try:
            for frame, found in again._numbered(last):
                if found > number:  # some of those between cannot be read at all
                    raise DataError(self._remedy(f"damaged at frame {self._of(number)}"))
                if found == number:
                    yield frame, found
                    number += 1
        finally:
            again.close()

    def _seek(self, start: float) -> int | None:
        """Go to the last keyframe at or before `start`; return the number of its first packet.

        None where the source cannot seek or its packets cannot be counted: then everything is decoded up to `start`.
        """
        if self._live or not self._countable or not self._local:
            return None
        ticks = math.ceil(self._clock.ticks(start))
        landed = seek_keyframe(self._container, self._stream, self._file, self.name, ticks)
        if landed is None:
            self._container.close()
            self._open()
            return None
        number, self._demuxed = landed
        return number

    def _cut(self, frames: int, sought: bool, torn: bool = False) -> str | None:
        """How a source that ended fell short of what it declares, in words; None where it did not.

        Args:
            frames: number that the next frame would have had.
            sought: whether reading began in the middle.
            torn: whether the demuxer met damage at the end, so that a single frame is enough.
        """
        if self._live:
            return None
        if self.frames is not None:
            # Fewer frames than packets is damage, told elsewhere; fewer packets than declared is a cut.
            short = frames < self.frames and (sought or self._packets_seen < self._stream.frames)
            return f"cut short: {self._of(frames)} frames" if short else None
        length = declared_seconds(self._container, self._stream)
        if length is None:
            return f"cut short: {frames} frames" if torn else None
        if self._end >= length - (self._clock.step / 2 if torn else max(0.25, 2 * self._clock.step)):
            return None
        return f"cut short: {self._of(frames)} frames, {self._end:.1f} of {length:.1f} seconds"

    def _of(self, frames: int) -> str:
        """`87 of 545`, `87 of about 545` or `87`, by what the container declares."""
        if self.frames is not None:
            return f"{frames} of {self.frames}"
        length = declared_seconds(self._container, self._stream)
        return f"{frames} of about {round(length * self.fps)}" if length and self.fps else f"{frames}"

    def _remedy(self, what: str) -> str:
        return f"{self.name}: {what}; get it again, or take what is sound with --on-error skip"
