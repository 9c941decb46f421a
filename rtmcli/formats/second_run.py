"""Two runs of one source, one after the other: formats with a file for each frame hold one run."""

from rtmcli.errors import DataError
from rtmcli.records.frame import Frame


def refuse_second_run(frame: Frame, first: dict[str, int]) -> None:
    """Raise DataError where a source starts again with its first frame, whose file would be replaced.

    Args:
        first: number of the first frame by source, which is kept here.
    """
    if first.get(frame.source) == frame.frame:
        raise DataError(
            f"{frame.source}: frame {frame.frame} comes twice, and its file can hold one; convert one run at a time"
        )
    first.setdefault(frame.source, frame.frame)
