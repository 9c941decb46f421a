"""An opened container, its video stream and the decoder's settings."""

from collections.abc import Iterator
from math import ceil
from typing import Any, BinaryIO

from rtmcli.cpus import available_cpus
from rtmcli.media.decode.container import open_container, video_stream
from rtmcli.media.decode.seek import seek_keyframe
from rtmcli.media.decode.timestamps import Timestamps

# Codecs whose packets are frames, one to one, so that packets can be counted instead of decoding them.
_PACKET_IS_FRAME = frozenset({"h264", "hevc", "vp9", "av1", "mjpeg", "prores", "dnxhd", "ffv1", "png", "gif"})


class VideoStream:
    """One video stream of an opened container, at its beginning.

    Args:
        file: path or address for the demuxer, or a binary stream.
        name: the source as the user gave it.
        strict: the decoder stops at the first error, and decodes several frames at once; else it goes on after an
            error, one frame at a time. Only a file is decoded strictly: it can be opened again after the error.
        live: a source that does not wait (RTSP): lowest delay.

    Attributes:
        container, stream: PyAV's.
        packets: the stream's packets from the current position on.
        fps: average frames a second, or None.
        timestamps: from the stream's ticks to seconds.
        local: whether the source is a file, which can be opened again and can seek.
        packet_is_frame: whether each packet of this codec holds exactly one frame.

    Raises:
        DataError: not a media file, no video in it, or nothing that can be decoded.
    """

    def __init__(self, file: str | BinaryIO, name: str, *, strict: bool, live: bool) -> None:
        self.file, self.name, self.live = file, name, live
        self.packets: Iterator[Any]
        self.local = isinstance(file, str) and "://" not in file
        self.strict = strict and self.local
        self._open()
        self.packet_is_frame = self.stream.codec_context.name in _PACKET_IS_FRAME
        rate = float(self.stream.average_rate or 0)
        self.fps = rate if 0 < rate <= 1000 else None
        base = self.stream.time_base
        self.timestamps = Timestamps(
            (base.numerator, base.denominator),
            self.stream.start_time,
            step=1 / self.fps if self.fps else 0.04,
            live=live,
        )

    def close(self) -> None:
        """Free decoder and file."""
        # The decoder's threads may wait for Python to take a message; they must be idle when it is freed.
        self.stream.codec_context.flush_buffers()
        self.container.close()

    def seek(self, start: float) -> int | None:
        """Go to the last keyframe at or before `start` seconds; return the number of its first packet.

        None where the source cannot seek or its packets cannot be counted: the stream is at its beginning then.
        """
        if self.live or not self.packet_is_frame or not self.local:
            return None
        ticks = ceil(self.timestamps.ticks(start))
        landed = seek_keyframe(self.container, self.stream, self.file, self.name, ticks)
        if landed is None:
            self.container.close()
            self._open()
            return None
        number, self.packets = landed
        return number

    def _open(self) -> None:
        self.container = open_container(self.file, self.name)
        self.stream = video_stream(self.container, self.name)
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
        self.packets = self.container.demux(self.stream)
