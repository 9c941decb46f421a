"""An opened source: an iterable of pictures that are decoded ahead of whoever takes them."""

import threading
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from typing import Self

import numpy as np

from rtmcli.media.prefetch import Ahead
from rtmcli.terminal.messages import say


@dataclass(slots=True, eq=False)
class Picture:
    """Pixels of one frame.

    Attributes:
        image: (H, W, 3) uint8 BGR, upright.
        source: the source as the person gave it (a picture's own path).
        frame: number in the source, from 0.
        frames: how many the source declares, or None.
        time: presentation time in seconds; None for pictures.
        width, height: of `image`, in pixels.
        file: the picture's path where several are read as one clip, else None.
        dropped: of a source that does not wait, how many pictures were lost before this one; else None.
    """

    image: np.ndarray
    source: str
    frame: int
    frames: int | None
    time: float | None
    width: int
    height: int
    file: str | None = None
    dropped: int | None = None


class Media:
    """Iterable of `Picture`, decoded ahead in a thread of its own; iterate once, `close` or leave the loop to stop.

    Attributes:
        source: as given.
        total: how many pictures will come, as far as the source declares it, or None.
        fps: average pictures a second of a video or clip, or None.
        live: whether the source does not wait: pictures that come while nobody takes them are dropped.
        lost: damaged frames and files left out so far (`on_error="skip"`).
    """

    def __init__(
        self,
        source: str,
        pictures: Generator[Picture, None, None],
        *,
        total: int | None = None,
        fps: float | None = None,
        live: bool = False,
        close: Callable[[], None] = lambda: None,
    ) -> None:
        self.source, self.total, self.fps, self.live, self.lost = source, total, fps, live, 0
        self._pictures: Generator[Picture, None, None] | None = pictures
        self._release = close
        self._ahead: Ahead[Picture] | None = None

    def __iter__(self) -> Iterator[Picture]:
        ahead = self.ahead()
        try:
            yield from ahead
        finally:
            ahead.close()

    def ahead(self, bell: threading.Condition | None = None) -> Ahead[Picture]:
        """The pictures, decoded in a thread of their own from now on; `close` it. `bell` is rung when one is there."""
        if self._pictures is None:
            raise RuntimeError(f"{self.source} was read already; open it again")
        pictures, self._pictures = self._pictures, None

        def told() -> Generator[Picture, None, None]:
            yield from pictures
            if self.lost:
                say(f"{self.source}: {self.lost} damaged, left out")

        self._ahead = Ahead(told(), depth=1 if self.live else 4, latest=self.live, bell=bell)
        return self._ahead

    def close(self) -> None:
        """Stop decoding and free the source; harmless when done twice."""
        if self._ahead is not None:
            self._ahead.close()
        elif self._pictures is not None:
            self._pictures = None
            self._release()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
