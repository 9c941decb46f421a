"""One video file, pipe or address -> numbered, timed 8-bit BGR frames, by PyAV."""

from collections.abc import Generator
from typing import BinaryIO

import numpy as np

from rtmcli.errors import DataError
from rtmcli.media.decode.frame_reader import FrameReader
from rtmcli.media.decode.orientation import apply_display_matrix
from rtmcli.media.decode.stream import VideoStream
from rtmcli.media.decode.truncation import Declared
from rtmcli.media.images import MAX_PIXELS


class Video:
    """An opened video.

    Args:
        file: path or address for the demuxer, or a binary stream.
        name: the source as the user gave it.
        stop: end with DataError at the first damage; else leave damaged frames out.
        live: a source that does not wait (RTSP): lowest delay, and damaged frames are left out.

    Attributes:
        frames: how many frames the container declares, or None.
        fps: average frames a second, or None.
        lost: frames left out so far.
        truncated: how a source that was read to its end fell short of what it declares, in words, or None.

    Raises:
        DataError: not a media file, no video in it, or nothing that can be decoded.
    """

    def __init__(self, file: str | BinaryIO, name: str, *, stop: bool = True, live: bool = False) -> None:
        self.name, self.lost = name, 0
        self.truncated: str | None = None
        self._stop = stop and not live
        self._source = VideoStream(file, name, strict=self._stop, live=live)
        self._declared = Declared(self._source)
        self.frames, self.fps = self._declared.frames, self._source.fps

    def close(self) -> None:
        """Free decoder and file."""
        self._source.close()

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

        converter = VideoReformatter()
        last: float | None = None
        matrix: bytes | None = None
        reader = FrameReader(self._source, self._declared, stop=self._stop, start=start)
        for frame, number in reader:
            self.lost = reader.lost
            time = last = self._source.timestamps.time(frame.pts, last)
            if end is not None and time >= end:
                return
            if number % every or (start is not None and time < start):
                continue
            if frame.width * frame.height > MAX_PIXELS:
                raise DataError(
                    f"{self.name}: frame {number} has {frame.width} x {frame.height} pixels, too many"
                )
            image = converter.reformat(frame, format="bgr24", threads=1).to_ndarray()  # (H, W, 3)
            if matrix is None:
                # Asked once: side data holds a reference cycle, which keeps the frame until garbage collection.
                matrix = bytes(frame.side_data.get("DISPLAYMATRIX") or b"")
            yield apply_display_matrix(image, matrix), number, time
        self.lost, self.truncated = reader.lost, reader.truncated
