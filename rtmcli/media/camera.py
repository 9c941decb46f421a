"""A camera by its number: frames as they come, timed from the first."""

import time
from collections.abc import Generator

import numpy as np

from rtmcli.errors import DataError, MissingError


class Camera:
    """The n-th camera of this machine, through OpenCV. Raises MissingError where there is none.

    Attributes:
        fps: what the camera says it delivers, or None.
    """

    frames = None
    lost = 0
    shortfall = None

    def __init__(self, index: int) -> None:
        from rtmcli.opencv import cv2

        self.name = str(index)
        cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
        self._capture = cv2.VideoCapture(index)
        if not self._capture.isOpened():
            raise MissingError(
                f"no camera {index}, or another program holds it; on Linux 'ls /dev/video*' lists the cameras"
            )
        fps = float(self._capture.get(cv2.CAP_PROP_FPS))
        self.fps = fps if 0 < fps <= 1000 else None

    def close(self) -> None:
        """Give the camera back."""
        self._capture.release()

    def pictures(
        self, *, start: float | None, end: float | None, every: int
    ) -> Generator[tuple[np.ndarray, int, float], None, None]:
        """As `Video.pictures`; a camera that stops delivering raises DataError."""
        began, number = None, 0
        while True:
            there, image = self._capture.read()
            now = time.perf_counter()
            if not there:
                raise DataError(f"camera {self.name}: no more pictures after {number}; was it unplugged?")
            began = now if began is None else began
            if end is not None and now - began >= end:
                return
            if number % every == 0 and (start is None or now - began >= start):
                yield np.ascontiguousarray(image), number, now - began
            number += 1
