"""What every writer of images does: take images in order, and finish or abort."""

from abc import ABC, abstractmethod
from types import TracebackType
from typing import Self

import numpy as np

from rtmcli.errors import StreamEndedError
from rtmcli.records.line_io import ClosedPipe


class Writer(ABC):
    """Takes images in order; as a context manager it completes the file at the end, or removes it after an error.

    Ctrl-C, SIGTERM and a closed pipe on standard output end a recording; what was written until then is kept.

    Example:
        from rtmcli import open_media, open_writer

        with open_writer("frames/") as writer:
            for picture in open_media("walk.mp4", max_frames=2):
                writer.write(picture.image, name=f"{picture.frame:06d}.png")
    """

    @abstractmethod
    def write(self, image: np.ndarray, *, time: float | None = None, name: str = "") -> None:
        """Append an image.

        Args:
            image: (H, W, 3) uint8 BGR; not kept.
            time: seconds, rising; None for the next tick of the writer's `fps`.
            name: what a folder calls it, with or without a suffix.

        Raises:
            RtmError: nothing more can be written.
        """

    @abstractmethod
    def close(self) -> None:
        """Finish the file, and give it its name."""

    @abstractmethod
    def abort(self) -> None:
        """Remove what was written."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if (
            error is None
            or isinstance(error, (ClosedPipe, StreamEndedError))
            or not isinstance(error, Exception)
        ):
            self.close()
        else:
            self.abort()
