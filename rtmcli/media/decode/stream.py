"""An opened container, its video stream and the decoder's settings."""

import math
import time
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any, BinaryIO, Self

from rtmcli.cpus import available_cpus
from rtmcli.media.connection import DEFAULT_CONNECTION, OPEN_SECONDS, PLAYLIST_SUFFIXES, Connection
from rtmcli.media.decode.backlog import Backlog
from rtmcli.media.decode.container import open_container
from rtmcli.media.decode.endless import has_segments, has_timestamps, is_endless
from rtmcli.media.decode.layout import read_layout
from rtmcli.media.decode.seek import plays_in_order, seek_keyframe, seek_known_keyframe
from rtmcli.media.decode.stream_choice import choose_stream
from rtmcli.media.decode.timestamps import Timestamps
from rtmcli.media.names import is_address
from rtmcli.media.remote import RemoteFile

# Codecs whose packets are frames, one to one, so that packets can be counted instead of decoding them.
# fmt: off
_PACKET_IS_FRAME = frozenset({
    "h264", "hevc", "vp9", "av1", "libdav1d", "libaom-av1", "mjpeg", "prores", "dnxhd", "ffv1", "png", "gif",
})
# fmt: on

# Containers that store frames in the order of decoding without the time at which each is shown.
_DECODE_TIMES_ONLY = frozenset({"avi", "asf", "mxf"})


class VideoStream:
    """One video stream of an opened container, at its beginning.

    Args:
        file: path or address for the demuxer, a binary stream, or a file of an object store.
        name: the source as the user gave it.
        strict: the decoder stops at the first error, and decodes several frames at once; else it goes on after an
            error, one frame at a time. Only a file is decoded strictly: it can be opened again after the error.
        live: a source that does not wait (RTSP): lowest delay.
        number: the stream to read, as ffprobe counts; None for the one that ffmpeg would take.
        connection: limits for an address.
        open_seconds: how long an address may take to open.
        format_name: the demuxer, where it is known.

    Attributes:
        container, stream: PyAV's.
        live: as given, or because the stream has no end.
        timed: whether its frames have timestamps.
        bursts: whether it is live and comes in segments, a burst of frames each.
        packets: the stream's packets from the current position on.
        layout: what the file's structure says.
        fps: average frames a second, or None.
        timestamps: from the stream's ticks to seconds.
        packet_is_frame: whether each packet of this codec holds exactly one frame.
        has_presentation_times: whether a decoded frame's time can be relied on; else frames are shown at the decoding
            times of the packets, in order.

    Raises:
        DataError: not a media file, no video in it, or nothing that can be decoded.
        UsageError: stream `number` is not a video.
    """

    def __init__(
        self,
        file: str | BinaryIO | RemoteFile,
        name: str,
        *,
        strict: bool,
        live: bool,
        number: int | None = None,
        connection: Connection = DEFAULT_CONNECTION,
        open_seconds: float = OPEN_SECONDS,
        format_name: str | None = None,
    ) -> None:
        self.file, self.name, self.live = file, name, live
        self.packets: Iterator[Any]
        self._number = number
        self._backlog = Backlog()
        self._connection, self._open_seconds, self._format_name = connection, open_seconds, format_name
        # Can be opened again, and read from any place.
        self._local = isinstance(file, RemoteFile) or (
            isinstance(file, str) and not is_address(file) and not file.lower().endswith(PLAYLIST_SUFFIXES)
        )
        self.strict = strict and self._local
        self.layout = read_layout(file)
        self._open()
        self.timed = has_timestamps(self.container)
        self.bursts = self.live and has_segments(self.container, file)
        context, format_name = self.stream.codec_context, self.container.format.name
        self.packet_is_frame = context.name in _PACKET_IS_FRAME
        reorders = context.has_b_frames and (format_name == "avi" or self.packet_is_frame)
        self.has_presentation_times = not (format_name in _DECODE_TIMES_ONLY and reorders)
        rate = float(self.stream.average_rate or 0)
        self.fps = rate if 0 < rate <= 1000 else None
        base = self.stream.time_base
        self.timestamps = Timestamps(
            (base.numerator, base.denominator),
            self.stream.start_time,
            step=1 / self.fps if self.fps else 0.04,
            live=self.live,
        )

    def open_again(self) -> Self:
        """The same stream at its beginning, with a decoder that goes on after an error."""
        return type(self)(self.file, self.name, strict=False, live=self.live, number=self._number)

    def close(self) -> None:
        """Free decoder and file."""
        # The decoder's threads may wait for Python to take a message; they must be idle when it is freed.
        self.stream.codec_context.flush_buffers()
        self.container.close()

    @property
    def skipped(self) -> int:
        """Packets of a live stream that were not decoded, because they had waited too long."""
        return self._backlog.skipped

    def order(self, packet: Any) -> int | None:
        """What sorts packets as their frames are shown."""
        order: int | None = packet.pts if self.has_presentation_times else packet.dts
        return order

    @property
    def can_count_packets(self) -> bool:
        """Whether the number of a frame can be found by counting packets, so that reading may begin in the middle."""
        countable = self.packet_is_frame and self.has_presentation_times and plays_in_order(self.stream)
        return self._local and not self.live and countable

    def seek(self, start: float, keyframes: Sequence[tuple[int, int]] = ()) -> int | None:
        """Go to the last keyframe at or before `start` seconds; return the number of its first packet.

        None where the source cannot seek or its packets cannot be counted: the stream is at its beginning then.

        Args:
            keyframes: tick and number of the last ones before `start`, where they are known. Without them all packets
                up to `start` are read and counted.
        """
        if not self.can_count_packets:
            return None
        is_after = partial(self.timestamps.is_after, start=start)
        landed = seek_known_keyframe(self.container, self.stream, keyframes, is_after)
        if landed is None:
            scanned = open_container(self.file, self.name)
            try:
                stream = scanned.streams[self.stream.index]
                landed = seek_keyframe(self.container, self.stream, stream, is_after)
            finally:
                scanned.close()
        if landed is None:
            self.container.close()
            self._open()
            return None
        number, self.packets = landed
        return number

    def _open(self) -> None:
        self.container = open_container(
            self.file,
            self.name,
            connection=self._connection,
            open_seconds=self._open_seconds,
            format_name=self._format_name,
        )
        self.live = self.live or is_endless(self.container, self.file)
        self.stream = choose_stream(self.container, self.name, self._number)
        context = self.stream.codec_context
        if self.strict:
            # A decoder that ends at the first error says exactly where it is, with frame threads too.
            context.options = {"err_detect": "explode"}
            context.thread_count = min(available_cpus(), 8)
            context.thread_type = "AUTO"
        else:
            # Frame threads conceal errors differently from run to run, and delay a camera by several frames.
            context.thread_count = min(available_cpus(), 8) if self.live else 1
            context.thread_type = "SLICE"
        self.packets = self._live_packets() if self.live else self.container.demux(self.stream)

    def _live_packets(self) -> Iterator[Any]:
        """The packets of the video; an error where none comes for too long, whatever else the server sends."""
        import av

        stall = self._connection.stall_of(self.file) if isinstance(self.file, str) else math.inf
        packets = self.container.demux()
        waited = 0.0
        while True:
            begin = time.monotonic()
            packet = next(packets, None)
            if packet is None:
                return
            waited += time.monotonic() - begin
            # When its time is up, the demuxer may give what it held back first.
            is_late = packet.size > 0 and waited >= stall
            if packet.stream.index == self.stream.index:
                if not self._skips(packet, waited):
                    yield packet
                waited = 0.0
            if is_late:
                raise av.error.ExitError(0, "no video came any more")

    def _skips(self, packet: Any, waited: float) -> bool:
        """Whether a packet of the video is not worth to be decoded. Segments come in bursts, which wait on purpose."""
        if self.bursts or not self.timed or not packet.size or packet.dts is None:
            return False
        return self._backlog.skips(
            self.timestamps.seconds(packet.dts),
            waited=waited,
            now=time.monotonic(),
            keyframe=packet.is_keyframe,
        )
