"""One video file, pipe or address -> numbered, timed 8-bit BGR frames, by PyAV."""

from collections.abc import Generator, Sequence
from typing import BinaryIO

import numpy as np

from rtmcli.errors import DataError
from rtmcli.media.connection import DEFAULT_CONNECTION, OPEN_SECONDS, Connection
from rtmcli.media.dash import DashStream
from rtmcli.media.decode.frame_reader import FrameReader
from rtmcli.media.decode.orientation import apply_display_matrix, display_matrix, square_pixel_size
from rtmcli.media.decode.stream import VideoStream
from rtmcli.media.decode.stream_choice import describe_choice
from rtmcli.media.decode.truncation import Declared
from rtmcli.media.images import MAX_PIXELS
from rtmcli.media.remote import RemoteFile


class Video:
    """An opened video.

    Args:
        file: path or address for the demuxer, a binary stream, or a file of an object store.
        name: the source as the user gave it.
        stop: end with DataError at the first damage; else leave damaged frames out.
        live: a source that does not wait (RTSP): lowest delay, and damaged frames are left out. A stream that has no
            end is live whatever this says.
        stream: the stream to read, as ffprobe counts; None for the one that ffmpeg would take.
        connection: limits for an address.
        open_seconds: how long an address may take to open.
        format_name: the demuxer, where it is known.

    Attributes:
        format_name: the demuxer.
        live: whether it does not wait, or has no end.
        has_length: whether it declares a duration.
        timed: whether its frames have timestamps.
        bursts: whether it is live and comes in segments.
        frames: how many frames the container declares, or None.
        fps: average frames a second, or None.
        chosen_stream: the stream that was asked for, or None.
        note: which of several video streams is read, or None.
        lost: frames left out so far.
        truncated: how a source that was read to its end fell short of what it declares, in words, or None.

    Raises:
        DataError: not a media file, no video in it, or nothing that can be decoded.
    """

    def __init__(
        self,
        file: str | BinaryIO | RemoteFile,
        name: str,
        *,
        stop: bool = True,
        live: bool = False,
        stream: int | None = None,
        connection: Connection = DEFAULT_CONNECTION,
        open_seconds: float = OPEN_SECONDS,
        format_name: str | None = None,
    ) -> None:
        self.name, self.lost = name, 0
        self.truncated: str | None = None
        self._source = VideoStream(
            file, name, strict=stop and not live, live=live, number=stream, connection=connection,
            open_seconds=open_seconds, format_name=format_name,
        )  # fmt: skip
        self.live, self.timed, self.bursts = self._source.live, self._source.timed, self._source.bursts
        self.format_name = self._source.container.format.name
        ends = isinstance(file, DashStream) and not file.live
        self.has_length = ends or bool(self._source.container.duration)
        self._stop = stop and not self.live
        self._declared = Declared(self._source)
        self.frames, self.fps = self._declared.frames, self._source.fps
        self.chosen_stream = stream
        self.note = describe_choice(self._source.container, self._source.stream) if stream is None else None
        # The density that an image file states is for printing.
        is_image = self._source.container.format.name.endswith(("_pipe", "image2", "image2pipe"))
        self._pixel = None if is_image else self._source.stream.sample_aspect_ratio

    @property
    def skipped(self) -> int:
        """Frames of a live stream that were not decoded, because decoding them takes longer than they last."""
        return self._source.skipped

    def close(self) -> None:
        """Free decoder and file."""
        self._source.close()

    def pictures(
        self,
        *,
        start: float | None,
        end: float | None,
        every: int,
        keyframes: Sequence[tuple[int, int]] = (),
    ) -> Generator[tuple[np.ndarray, int, float], None, None]:
        """Yield image (H, W, 3) uint8 BGR, frame number in the source, time in seconds.

        Args:
            start, end: seconds; end is exclusive.
            every: only frames whose number is a multiple of this.
            keyframes: tick and number of the last keyframes before `start`, where they are known.

        Raises:
            DataError: damage, after the frames before it (`stop`), or not one frame in it.
        """
        from av.video.reformatter import VideoReformatter

        converter = VideoReformatter()
        last: float | None = None
        rotation: int | None = None
        matrix = b""
        reader = FrameReader(self._source, self._declared, stop=self._stop, start=start, keyframes=keyframes)
        for frame, number, pts in reader:
            self.lost = reader.lost
            time = last = self._source.timestamps.time(pts, last)
            if end is not None and time >= end:
                return
            if number % every or (start is not None and time < start):
                continue
            width, height = square_pixel_size(frame.width, frame.height, self._pixel)
            if width * height > MAX_PIXELS:
                raise DataError(f"{self.name}: frame {number} has {width} x {height} pixels, too many")
            bgr = converter.reformat(frame, width, height, format="bgr24", threads=1)
            if frame.rotation != rotation:
                # Not asked for every frame: side data holds a reference cycle, which keeps the frame in memory.
                rotation, matrix = frame.rotation, display_matrix(frame)
            yield apply_display_matrix(bgr.to_ndarray(), matrix), number, time
        self.lost, self.truncated = reader.lost, reader.truncated
