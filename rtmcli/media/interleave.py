"""Several sources as one stream of pictures: files in turn, cameras as their pictures come."""

import threading
from collections import deque
from collections.abc import Generator, Sequence
from contextlib import ExitStack

from rtmcli.errors import RtmError
from rtmcli.media.frame_source import Media, Picture
from rtmcli.media.prefetch import Ahead
from rtmcli.terminal.messages import say

OPEN = 8  # files that are decoded at once: each has a thread and a few pictures in memory


def in_turn(media: Sequence[Media], turn: int | None) -> Generator[Picture, None, None]:
    """The pictures of sources that wait for us.

    Args:
        turn: how many pictures a source gives before it is the next one's turn; None: all of them.

    An error of one source ends all, after the pictures before it.
    """
    waiting, running = deque(media), deque[Ahead[Picture]]()
    try:
        while waiting or running:
            while waiting and len(running) < (OPEN if turn else 1):
                running.append(waiting.popleft().ahead())
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


def as_they_come(media: Sequence[Media]) -> Generator[list[Picture], None, None]:
    """Rounds of pictures: one, the newest, of every source that has one. A source that does not wait loses the others.

    A source that fails is told of and left out; its error is raised when all others have ended.
    """
    bell = threading.Condition()
    failed: Exception | None = None
    with ExitStack() as stack:
        running = [one.ahead(bell) for one in media]
        for ahead in running:
            stack.callback(ahead.close)
        while True:
            with bell:
                while not any(ahead.ready for ahead in running):
                    bell.wait()
                ready = [ahead for ahead in running if ahead.ready]
            pictures = []
            for ahead in ready:
                dropped = ahead.dropped
                try:
                    picture = next(ahead)
                except StopIteration:
                    running.remove(ahead)
                    continue
                except RtmError as error:
                    running.remove(ahead)
                    failed = failed or error
                    if running:
                        say(f"{error}; the other sources go on")
                    continue
                if ahead.latest:
                    picture.dropped = dropped - ahead.told
                    ahead.told = dropped
                pictures.append(picture)
            if pictures:
                yield pictures
            elif not running:
                break
    if failed is not None:
        raise failed
