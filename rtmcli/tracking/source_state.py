"""State that lives as long as its source: bounded however many sources a stream holds."""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from rtmcli.records.frame import Frame

# Where a record has no time: the rate of most videos.
_FRAMES_A_SECOND = 30.0
# Sources whose state is kept at a time; a stream of many cameras interleaves fewer, a folder of pictures has one each.
_SOURCES = 256

S = TypeVar("S")


def seconds(frame: Frame) -> float:
    """The frame's time; its number at 30 frames a second where it has none."""
    return frame.frame / _FRAMES_A_SECOND if frame.time is None else frame.time


@dataclass(slots=True)
class _Entry(Generic[S]):
    state: S
    last: tuple[int, float]


class Sources(Generic[S]):
    """The state of each source of a stream, made when its first frame comes.

    A source that starts again (two runs of one video, one after the other) gets a new state by `make(old)`. The source
    that was seen the longest ago is forgotten when there are too many.
    """

    def __init__(self, make: Callable[[S | None], S]) -> None:
        self._make = make
        self._entries: OrderedDict[str, _Entry[S]] = OrderedDict()

    def of(self, frame: Frame) -> S:
        """The state for this frame's source."""
        now = (frame.frame, seconds(frame))
        entry = self._entries.get(frame.source)
        if entry is None:
            entry = self._entries[frame.source] = _Entry(self._make(None), now)
            if len(self._entries) > _SOURCES:
                self._entries.popitem(last=False)
            return entry.state
        if now[0] <= entry.last[0] or now[1] < entry.last[1]:
            entry.state = self._make(entry.state)
        entry.last = now
        self._entries.move_to_end(frame.source)
        return entry.state
