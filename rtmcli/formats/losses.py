"""What a format cannot hold of the records that are written to it, said in one note."""

from collections.abc import Callable, Iterable, Iterator

from rtmcli.formats.format import Format
from rtmcli.records.frame import Frame, Instance

# What is not left out but brought into the range that the format asks for.
_CLIPPED = "scores of keypoints outside 0 to 1"

# Name of a loss -> whether a record has it.
LOSSES: dict[str, Callable[[Frame], bool]] = {
    "times": lambda frame: frame.time is not None,
    "image sizes": lambda frame: frame.width is not None,
    "frames without people": lambda frame: not frame.instances,
    "ids": lambda frame: _any(frame, lambda one: one.id is not None),
    "people without an id": lambda frame: _any(frame, lambda one: one.id is None),
    "boxes": lambda frame: _any(frame, lambda one: one.box is not None),
    "scores of people": lambda frame: _any(frame, lambda one: one.score is not None),
    "keypoints": lambda frame: _any(frame, lambda one: one.keypoints is not None),
    "people without keypoints": lambda frame: _any(frame, lambda one: one.keypoints is None),
    "scores of keypoints": lambda frame: _any(frame, lambda one: one.keypoints is not None),
    _CLIPPED: lambda frame: _any(frame, _unbounded),
    "3D keypoints": lambda frame: _any(frame, lambda one: one.keypoints3d is not None),
}


def noting_losses(frames: Iterable[Frame], target: Format, note: Callable[[str], None]) -> Iterator[Frame]:
    """The frames; `note` is called after the last one where the format cannot hold something that they have."""
    found: set[str] = set()
    for frame in frames:
        found |= {name for name in target.omits if name not in found and LOSSES[name](frame)}
        yield frame
    lost = [name for name in target.omits if name in found and name != _CLIPPED]
    if lost:
        listed = lost[0] if len(lost) == 1 else f"{', '.join(lost[:-1])} and {lost[-1]}"
        note(f"{target.name} does not hold {listed}")
    if _CLIPPED in found:
        note(f"{target.name} holds scores from 0 to 1: those of keypoints beyond are clipped")


def _any(frame: Frame, has: Callable[[Instance], bool]) -> bool:
    return any(has(one) for one in frame.instances)


def _unbounded(one: Instance) -> bool:
    if one.keypoints is None:
        return False
    scores = one.keypoints[:, 2]
    return bool(((scores < 0) | (scores > 1)).any())
