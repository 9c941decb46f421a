"""Run a generator in a background thread, ahead of its consumer by a bounded queue."""

import threading
from collections import deque
from collections.abc import Callable, Generator, Iterator
from typing import Generic, TypeVar

T = TypeVar("T")


class Prefetcher(Generic[T]):
    """Iterator over what a generator yields, produced in a background thread.

    The generator is run, and closed, in that thread alone. An exception in it reaches the consumer after the
    items that came before it.

    Args:
        items: the generator.
        depth: how many items may wait; the thread sleeps when they do.
        latest: when full, drop the oldest item instead of sleeping (a camera does not wait).
        most: end after the consumer has taken so many items; None: at the end of the generator.
        merge: called with an item that is dropped and the newer one that takes its place.
        changed: notified at every change; several prefetchers may share one, to be waited for together.
        on_close: called when the consumer closes, so that a generator that waits can end.

    Attributes:
        dropped: items dropped so far.
    """

    def __init__(
        self,
        items: Generator[T, None, None],
        *,
        depth: int = 4,
        latest: bool = False,
        most: int | None = None,
        merge: Callable[[T, T], None] = lambda dropped, newer: None,
        changed: threading.Condition | None = None,
        on_close: Callable[[], None] = lambda: None,
    ) -> None:
        self.dropped = 0
        self._left = most
        self._latest, self._merge, self._on_close = latest, merge, on_close
        self._waiting: deque[T] = deque()
        self._depth = depth
        self._ended = self._closed = False
        self._error: BaseException | None = None
        self._changed = changed or threading.Condition()
        # A daemon: a read that never returns (a silent pipe, a dead camera) must not keep the process alive.
        self._thread = threading.Thread(target=self._produce, args=(items,), name="rtm-decode", daemon=True)
        self._thread.start()

    def __iter__(self) -> Iterator[T]:
        return self

    def __next__(self) -> T:
        with self._changed:
            while not (self._waiting or self._ended or self._closed):
                self._changed.wait()
            if self._waiting:
                item = self._waiting.popleft()
                if self._left is not None:
                    self._left -= 1
                if self._left == 0:
                    self._end()
                self._changed.notify_all()
                return item
            if self._error is not None and not self._closed:
                error, self._error = self._error, None
                raise error
        raise StopIteration

    @property
    def ready(self) -> bool:
        """Whether `next` would return (or end, or raise) at once."""
        return bool(self._waiting) or self._ended or self._closed

    def close(self, timeout: float = 2.0) -> None:
        """Stop the thread and wait for it; one stuck in a read is left behind after `timeout` seconds."""
        with self._changed:
            self._end()
            self._changed.notify_all()
        if self._thread is not threading.current_thread():
            self._thread.join(timeout)

    def _end(self) -> None:
        self._closed = True
        self._waiting.clear()
        self._on_close()

    def _produce(self, items: Generator[T, None, None]) -> None:
        error: BaseException | None = None
        try:
            for item in items:
                if not self._put(item):
                    break
        except BaseException as caught:
            error = caught
        finally:
            items.close()
            with self._changed:
                self._ended, self._error = True, error
                self._changed.notify_all()

    def _put(self, item: T) -> bool:
        with self._changed:
            while len(self._waiting) >= self._depth and not self._closed:
                if self._latest:
                    self._merge(self._waiting.popleft(), item)
                    self.dropped += 1
                else:
                    self._changed.wait()
            if self._closed:
                return False
            self._waiting.append(item)
            self._changed.notify_all()
        return True
