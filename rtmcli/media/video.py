"""One video file, pipe or stream -> numbered, timed 8-bit BGR frames, by PyAV."""

from collections.abc import Generator
from typing import Any, BinaryIO

import numpy as np

from rtmcli.cpus import available_cpus
from rtmcli.errors import DataError


class Video:
    """An opened container and its video stream.

    Attributes:
        frames: how many frames the container declares, or None.
        fps: average frames a second, or None.
    """

    def __init__(self, file: str | BinaryIO, name: str) -> None:
        import av

        self.name = name
        try:
            self._container: Any = av.open(file)
        except av.error.FFmpegError as error:
            raise DataError(f"{name}: not a media file that can be opened ({error.strerror})") from None
        streams = self._container.streams.video
        if not streams:
            raise DataError(f"{name}: has no video in it")
        self._stream: Any = streams[0]
        self._stream.thread_type = "AUTO"
        self._stream.codec_context.thread_count = available_cpus()
        self.frames: int | None = self._stream.frames or None
        self.fps = float(self._stream.average_rate) if self._stream.average_rate else None

    def close(self) -> None:
        self._container.close()

    def pictures(
        self, *, start: float | None, end: float | None, every: int
    ) -> Generator[tuple[np.ndarray, int, float], None, None]:
        """Yield image (H, W, 3) uint8 BGR, frame number in the source, time in seconds."""
        base, last = self._stream.time_base, None
        step = 1 / self.fps if self.fps else 1 / 25
        for index, frame in enumerate(self._container.decode(self._stream)):
            time = frame.pts * base.numerator / base.denominator if frame.pts is not None else None
            if time is None or (last is not None and time <= last):
                time = 0.0 if last is None else last + step / 2
            last = time
            if end is not None and time >= end:
                return
            if index % every or (start is not None and time < start):
                continue
            yield upright(frame.to_ndarray(format="bgr24"), frame.rotation), index, time


def upright(image: np.ndarray, rotation: int) -> np.ndarray:
    """Turn an image by the container's rotation (degrees counter-clockwise, a multiple of 90)."""
    turns = round(rotation / 90) % 4
    return np.ascontiguousarray(np.rot90(image, turns)) if turns else image
