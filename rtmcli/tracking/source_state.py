"""State that lives as long as its source: bounded however many sources a stream holds."""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from rtmcli.errors import DataError
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
    """A source's state, the number of the first frame it was made for, and number and time of the last frame."""

    state: S
    first: int
    frame: int
    time: float


class Sources(Generic[S]):
    """The state of each source of a stream, made when its first frame comes.

    A source that starts again with its first frame (two runs of one video, one after the other), or whose times jump
    back, gets a new state by `make(old)`. Where there are too many sources, the one seen longest ago is forgotten.
    """

    def __init__(self, make: Callable[[S | None], S]) -> None:
        self._make = make
        self._entries: OrderedDict[str, _Entry[S]] = OrderedDict()

    def of(self, frame: Frame) -> S:
        """The state for this frame's source.

        Raises DataError where the frame does not come after the last one: state over time needs frames in order.
        """
        number, time = frame.frame, seconds(frame)
        entry = self._entries.get(frame.source)
        if entry is None:
            entry = self._entries[frame.source] = _Entry(self._make(None), number, number, time)
            if len(self._entries) > _SOURCES:
                self._entries.popitem(last=False)
            return entry.state
        if entry.first < number <= entry.frame or number < entry.first:
            raise DataError(
                f"{frame.source}: frame {number} comes after frame {entry.frame}; frames of a source must come in "
                "order: run 'parallel' with -k, or sort the lines by frame"
            )
        if number == entry.first or time < entry.time:
            entry.state = self._make(entry.state)
        entry.frame, entry.time = number, time
        self._entries.move_to_end(frame.source)
        return entry.state
