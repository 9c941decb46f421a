"""A live source: read as it comes, opened again when it is lost, with times that go on across connections."""

import threading
import time
from collections.abc import Callable, Generator

from rtmcli.errors import DataError, MissingError, StreamEndedError
from rtmcli.media.camera import Camera
from rtmcli.media.connection import OPEN_SECONDS, Connection
from rtmcli.media.decode.video import Video
from rtmcli.media.frame_range import FrameRange
from rtmcli.media.live_clock import LiveClock
from rtmcli.media.playout import Playout
from rtmcli.records.picture import Picture
from rtmcli.terminal.messages import say
from rtmcli.terminal.run_stats import utc_now

# Opens a source; its argument is how many seconds that may take.
Opens = Callable[[float], Video | Camera]

# Seconds before a lost source is opened again: at first, and at most. It doubles with each failure.
_FIRST_WAIT, _LONGEST_WAIT = 0.5, 10.0


class LiveSource:
    """A camera or live stream.

    Args:
        name: as in records.
        opens: opens it (again); None where that is not possible, as with a pipe: its end is then an end as any other.
        wanted: the frames to give, but for their number, which a consumer counts that drops some. Its times are those
            of the records.
        first: the source, opened already; None where that failed.
        failure: why it failed.

    Attributes:
        frames: frames that were received.
        gaps: how often frames were missing for a second or more: the source was lost, or its data were.
        gap_seconds: how long they were missing together.
        reconnects: how often the source came back after it was lost.
        connected: whether it is open.
        shown: what notes call it.
    """

    def __init__(
        self,
        name: str,
        opens: Opens | None,
        wanted: FrameRange,
        connection: Connection,
        *,
        first: Video | Camera | None,
        failure: Exception | None = None,
    ) -> None:
        self.name = self.shown = name
        self.connected = first is not None
        self.frames = self.gaps = self.reconnects = 0
        self.gap_seconds = 0.0
        self._opens, self._wanted, self._connection = opens, wanted, connection
        self._source = first
        self._failure = "" if failure is None else _reason(failure, name)
        self._stopping = threading.Event()
        self._wait = _FIRST_WAIT
        # When the source was lost, by time.monotonic; None while frames come.
        self._lost_at: float | None = None

    def stop(self) -> None:
        """End `pictures` at its next frame, or while it waits to open the source again; from any thread."""
        self._stopping.set()

    def close(self) -> None:
        """Free a source that was never read."""
        if self._source is not None:
            self._source.close()

    def pictures(self) -> Generator[Picture, None, None]:
        """The frames of all connections. Decoding ends with the generator.

        Raises:
            StreamEndedError: the source was lost and did not come back in time.
        """
        source, self._source = self._source, None
        if source is None:
            # The caller may have opened other sources since.
            self._lost_at = time.monotonic()
        clock = LiveClock()
        while source is not None or (source := self._open_again()) is not None:
            clock.reset()
            try:
                yield from self._read(source, clock)
                # The end that it declared, or that of --end.
                return
            except (StreamEndedError, DataError) as error:
                if self._opens is None and isinstance(error, StreamEndedError):
                    return
                if source.bursts and self._is_over():
                    return
                self._lose(error, again=not source.has_length)
            finally:
                self.connected = False
                source.close()
            source = None

    def _read(self, source: Video | Camera, clock: LiveClock) -> Generator[Picture, None, None]:
        """The wanted frames of one connection."""
        wanted, begin = self._wanted, time.monotonic()
        # A gap before a frame that is not wanted is reported with the next one.
        missing: float | None = None
        # Frames that were skipped before they were decoded: counted as dropped.
        skipped = told = 0
        playout = Playout() if source.bursts else None
        for image, _, seconds in source.pictures(start=None, end=None, every=1):
            if playout is not None and self._stopping.wait(playout.delay(seconds, time.monotonic())):
                return
            now = time.monotonic()
            utc = utc_now()
            at, gap = clock.add(seconds if source.timed else None, now)
            if source.skipped > skipped and self._lost_at is None:
                gap = None  # they came, and are counted as dropped
            number = self.frames + source.skipped - skipped
            skipped, self.frames = source.skipped, number + 1
            if gap is not None:
                self.gaps += 1
                self.gap_seconds += gap
                missing = gap + (missing or 0.0)
            if self._lost_at is not None:
                self._come_back(now, gap)
            if now - begin > self._wait:
                self._wait = _FIRST_WAIT
            if wanted.end is not None and at >= wanted.end:
                return
            if number % wanted.every or (wanted.start is not None and at < wanted.start):
                continue
            height, width = image.shape[:2]
            yield Picture(
                image, self.name, number, source.frames, at, width, height,
                stream=source.chosen_stream, dropped=skipped - told, gap=missing, utc=utc,
            )  # fmt: skip
            missing, told = None, skipped
            if self._stopping.is_set():
                return

    def _come_back(self, now: float, gap: float | None) -> None:
        assert self._lost_at is not None
        if self.frames > 1:
            self.reconnects += 1
        say(f"{self.shown}: back after {gap or now - self._lost_at:.1f} s")
        self._lost_at = None

    def _lose(self, error: Exception, *, again: bool) -> None:
        """Note why the source was lost; raise StreamEndedError where it is not to be opened again.

        Args:
            again: whether it makes sense: a stream with a length would begin anew.
        """
        self._failure = _reason(error, self.name)
        limit = self._connection.reconnect
        if self._opens is None or not limit or not again:
            raise StreamEndedError(
                f"{self.name}: the live stream ended after {self.frames} frames ({self._failure}); check the camera "
                "or server, and start again"
            ) from None
        if self._lost_at is None:
            self._lost_at = time.monotonic()
            say(
                f"{self.shown}: lost after {self.frames} frames ({self._failure}); waiting {self._connection.patience} "
                "for it to come back"
            )

    def _is_over(self) -> bool:
        """Whether the playlist of a broadcast now has an end, which is then an end as any other."""
        assert self._opens is not None
        try:
            source = self._opens(OPEN_SECONDS)
        except (DataError, MissingError):
            return False
        source.close()
        return source.has_length

    def _open_again(self) -> Video | Camera | None:
        """The source, opened again; None where `stop` was called meanwhile."""
        assert self._opens is not None and self._lost_at is not None
        limit = self._connection.reconnect
        while True:
            left = self._lost_at + limit - time.monotonic()
            if left <= 0:
                what = (
                    f"lost after {self.frames} frames and not back" if self.frames else "could not be opened"
                )
                raise StreamEndedError(
                    f"{self.name}: {what} within {limit:g} s ({self._failure}); check the camera or server, or "
                    "wait longer with --reconnect"
                )
            if self._stopping.wait(min(self._wait, left)):
                return None
            self._wait = min(2 * self._wait, _LONGEST_WAIT)
            try:
                source = self._opens(max(1.0, min(OPEN_SECONDS, left)))
            except (DataError, MissingError) as error:
                self._failure = _reason(error, self.name)
                continue
            self.connected = True
            return source


def _reason(error: Exception, name: str) -> str:
    """An error without the source's name and without the remedy."""
    return str(error).removeprefix(f"{name}: ").split(";")[0]
