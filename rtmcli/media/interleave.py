"""Several sources as one stream of pictures: files take turns, live sources give their newest."""

import threading
from collections import deque
from collections.abc import Generator, Sequence
from contextlib import ExitStack

from rtmcli.errors import RtmError
from rtmcli.media.frame_source import Media
from rtmcli.media.prefetch import Prefetcher
from rtmcli.records.picture import Picture
from rtmcli.terminal.messages import say

# Files decoded at once: each has a thread and a few pictures in memory.
MAX_OPEN = 8


def take_turns(media: Sequence[Media], turn: int | None) -> Generator[Picture, None, None]:
    """The pictures of files: so many of each, then so many of the next.

    Args:
        turn: how many pictures a source gives before it is the next one's turn; None: all of them.

    An error of one source ends all, after the pictures before it.
    """
    waiting, running = deque(media), deque[Prefetcher[Picture]]()
    try:
        while waiting or running:
            while waiting and len(running) < (MAX_OPEN if turn else 1):
                running.append(waiting.popleft().prefetch())
            source, given = running.popleft(), 0
            try:
                for picture in source:
                    yield picture
                    given += 1
                    if given == turn:
                        break
                else:
                    continue  # at its end
            except BaseException:
                source.close()
                raise
            running.append(source)
    finally:
        for source in running:
            source.close()
        for one in waiting:
            one.close()


def newest_pictures(
    media: Sequence[Media], *, together: int | None = None
) -> Generator[list[Picture], None, None]:
    """Rounds of pictures: the newest of sources that have one. A live source drops the others.

    Sources that have waited longest come first, so that all get the same rate where each has a picture in every round,
    and one that sends less often is not passed over. Nobody waits for a source that has none.

    Args:
        together: pictures in a round, at most; None: one of every source that has one.

    A source that fails is reported and left out; its error is raised when all others have ended.
    """
    changed = threading.Condition()
    failed: Exception | None = None
    with ExitStack() as stack:
        running = [one.prefetch(changed) for one in media]
        for source in running:
            stack.callback(source.close)
        while True:
            with changed:
                while not any(source.ready for source in running):
                    changed.wait()
                ready = [source for source in running if source.ready][:together]
            pictures = []
            for source in ready:
                # Its next turn comes after those of all others.
                running.remove(source)
                running.append(source)
                try:
                    pictures.append(next(source))
                except StopIteration:
                    running.remove(source)
                except RtmError as error:
                    running.remove(source)
                    failed = failed or error
                    if running:
                        say(f"{error}; the other sources go on")
            if pictures:
                yield pictures
            elif not running:
                break
    if failed is not None:
        raise failed
