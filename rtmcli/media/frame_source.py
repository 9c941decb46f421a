"""An opened source: an iterable of pictures, decoded ahead of their consumer."""

import threading
from collections.abc import Callable, Generator
from contextlib import closing
from typing import TYPE_CHECKING, Literal, Self

from rtmcli.errors import RtmError
from rtmcli.media.prefetch import Prefetcher
from rtmcli.records.picture import Picture
from rtmcli.terminal.messages import say

if TYPE_CHECKING:
    from rtmcli.media.live import LiveSource

OnError = Literal["stop", "skip"]


class Media:
    """Iterable of `Picture`, decoded ahead in a background thread; iterate once, `close` or leave the loop to stop.

    Attributes:
        source: as given.
        total: how many pictures will come, where the source declares it, or None.
        fps: average frames a second of a video or clip, or None.
        live: whether the source does not wait for its consumer: pictures not taken in time are dropped.
        lost: damaged frames and files skipped so far (`on_error="skip"`).
        live_source: counts frames, gaps and reconnects of a live source; None for others.

    Example:
        from rtmcli import open_media

        with open_media("walk.mp4") as media:
            print(media.total, media.fps)
            for picture in media:
                print(picture.time)
    """

    def __init__(
        self,
        source: str,
        pictures: Generator[Picture, None, None],
        *,
        total: int | None = None,
        fps: float | None = None,
        live: bool = False,
        live_source: "LiveSource | None" = None,
        max_frames: int | None = None,
        close: Callable[[], None] = lambda: None,
    ) -> None:
        self.source, self.total, self.fps, self.live, self.lost = source, total, fps, live, 0
        self.live_source, self._max_frames = live_source, max_frames
        self._name: str | None = None
        self._pictures: Generator[Picture, None, None] | None = pictures
        self._release = close
        self._prefetcher: Prefetcher[Picture] | None = None

    def __iter__(self) -> Generator[Picture, None, None]:
        prefetcher = self.prefetch()
        try:
            yield from prefetcher
        finally:
            prefetcher.close()

    def rename(self, name: str | None) -> None:
        """Let pictures, and so records, call the source so; None leaves it as it is. Errors then name both."""
        if name is not None:
            self.source = self._name = name
            if self.live_source is not None:
                self.live_source.shown = f"{name}: {self.live_source.name}"

    def prefetch(self, changed: threading.Condition | None = None) -> Prefetcher[Picture]:
        """Start decoding in a background thread; close what is returned. `changed` is notified at each picture."""
        if self._pictures is None:
            raise RuntimeError(f"{self.source} has been read; open it again")
        pictures, self._pictures = self._pictures, None

        def pictures_and_losses() -> Generator[Picture, None, None]:
            yield from pictures if self._name is None else _renamed(pictures, self._name)
            if self.lost:
                say(f"{self.source}: {self.lost} damaged, skipped")

        self._prefetcher = Prefetcher(
            pictures_and_losses(),
            depth=1 if self.live else 4,
            latest=self.live,
            most=self._max_frames,
            merge=_count_dropped,
            changed=changed,
            on_close=(lambda: None) if self.live_source is None else self.live_source.stop,
        )
        return self._prefetcher

    @property
    def dropped(self) -> int:
        """Pictures of a live source that came too fast and were dropped, so far."""
        return 0 if self._prefetcher is None else self._prefetcher.dropped

    def close(self) -> None:
        """Stop decoding and free the source; may be called twice."""
        if self._prefetcher is not None:
            self._prefetcher.close()
        elif self._pictures is not None:
            self._pictures = None
            self._release()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _count_dropped(dropped: Picture, newer: Picture) -> None:
    """Count a replaced picture, and the gap before it, in the one that replaces it."""
    newer.dropped = (newer.dropped or 0) + (dropped.dropped or 0) + 1
    if dropped.gap is not None:
        newer.gap = dropped.gap + (newer.gap or 0.0)


def _renamed(pictures: Generator[Picture, None, None], name: str) -> Generator[Picture, None, None]:
    """The pictures of a source under another name."""
    with closing(pictures):
        try:
            for picture in pictures:
                picture.source = name
                yield picture
        except RtmError as error:
            raise type(error)(f"{name}: {error}") from None
