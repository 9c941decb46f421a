"""Angles of `rtm angles` to OpenSim's motion files (.mot), one for each person.

A file is a header, a row of column names and a row of tab-separated numbers for each frame with the person
(OpenSim's documentation, "Motion (.mot) Files").
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path, PurePath
from typing import Any

from rtmcli.errors import DataError
from rtmcli.files import check_folder, make_folder, write_atomically
from rtmcli.kinematics.measured_keys import angles_of
from rtmcli.records.frame import Frame
from rtmcli.terminal.messages import printable
from rtmcli.tracking.source_state import seconds


@dataclass(slots=True)
class _Motion:
    """The rows of a person: the time, and the degrees of each angle by name."""

    source: str
    times: list[float] = field(default_factory=list)
    rows: list[dict[str, Any]] = field(default_factory=list)


def write_opensim_motion(frames: Iterable[Frame], folder: str | Path) -> int:
    """Write `<source>_person<id>.mot` for each person with an id and angles. Returns the number of frames read.

    The angles are those of the key `angles`, of `angles3d` where there is no other. An angle that a frame has not is
    NaN.

    Raises:
        DataError: nobody has an id and angles, two sources would write the same file, or times do not increase.
        RtmError: the folder cannot be written.

    Example:
        from rtmcli import JointAngles, read_frames, write_opensim_motion

        write_opensim_motion(map(JointAngles(), read_frames("tracked.jsonl")), "angles/")
    """
    folder, count = Path(folder), 0
    check_folder(folder)
    motions: dict[str, _Motion] = {}  # by file name
    for frame in frames:
        count += 1
        for one in frame.instances:
            angles = angles_of(one) or angles_of(one, "angles3d")
            if one.id is None or not angles:
                continue
            name = f"{PurePath(frame.source).stem}_person{one.id}.mot"
            motion = motions.setdefault(name, _Motion(frame.source))
            if motion.source != frame.source:
                raise DataError(
                    f"{frame.source} and {motion.source} would both be {name}; convert them to two folders"
                )
            time = seconds(frame)
            if motion.times and time <= motion.times[-1]:
                raise DataError(
                    f"{frame.source}, frame {frame.frame}: the time of a motion must increase, got {time:g} after "
                    f"{motion.times[-1]:g} seconds; convert one run at a time"
                )
            motion.times.append(time)
            motion.rows.append(angles)
    if count and not motions:
        raise DataError("no person has both an id and angles: run 'rtm track' and 'rtm angles' first")
    make_folder(folder)
    for name, motion in motions.items():
        write_atomically(folder / name, _content(printable(PurePath(name).stem), motion))
    return count


def _content(title: str, motion: _Motion) -> bytes:
    names = list(dict.fromkeys(name for row in motion.rows for name in row))
    lines = [
        title,
        "version=1",
        f"nRows={len(motion.rows)}",
        f"nColumns={len(names) + 1}",
        "inDegrees=yes",
        "endheader",
        "\t".join(["time", *names]),
    ]
    for time, row in zip(motion.times, motion.rows, strict=True):
        lines.append("\t".join([str(time), *(str(row.get(name, "NaN")) for name in names)]))
    return ("\n".join(lines) + "\n").encode()
