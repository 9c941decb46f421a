"""A camera by its number: frames as they arrive, timed from the first."""

import time
from collections.abc import Generator, Sequence

import numpy as np

from rtmcli.errors import MissingError, StreamEndedError


class Camera:
    """The n-th camera of this machine, through OpenCV. Raises MissingError where there is none.

    Attributes:
        fps: what the camera says it delivers, or None.
    """

    # A camera is always live; its frames have no times of their own, and come one by one.
    live, timed, bursts, has_length = True, False, False, False
    skipped = 0
    frames = None
    lost = 0
    truncated = None
    note = None
    chosen_stream = None

    def __init__(self, index: int) -> None:
        from rtmcli.opencv import cv2

        self.name = str(index)
        cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
        self._capture = cv2.VideoCapture(index)
        if not self._capture.isOpened():
            raise MissingError(
                f"no camera {index}, or another program uses it; on Linux 'ls /dev/video*' lists the cameras"
            )
        fps = float(self._capture.get(cv2.CAP_PROP_FPS))
        self.fps = fps if 0 < fps <= 1000 else None

    def close(self) -> None:
        """Release the camera."""
        self._capture.release()

    def pictures(
        self,
        *,
        start: float | None,
        end: float | None,
        every: int,
        keyframes: Sequence[tuple[int, int]] = (),
    ) -> Generator[tuple[np.ndarray, int, float], None, None]:
        """As `Video.pictures`, without keyframes; a camera that stops delivering raises StreamEndedError."""
        first_time, number = None, 0
        while True:
            received, image = self._capture.read()
            now = time.perf_counter()
            if not received:
                raise StreamEndedError(f"{self.name}: the camera was unplugged, or its driver failed")
            first_time = now if first_time is None else first_time
            if end is not None and now - first_time >= end:
                return
            if number % every == 0 and (start is None or now - first_time >= start):
                yield np.ascontiguousarray(image), number, now - first_time
            number += 1
