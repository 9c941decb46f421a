"""`rtm angles --csv`: a table with a row for each person in each frame and a column for each angle."""

from collections.abc import Iterable, Iterator
from typing import Any

from rtmcli.errors import DataError
from rtmcli.formats.csv_writer import table_line
from rtmcli.kinematics.measured_keys import angles_of, events_of
from rtmcli.records.frame import Frame, Instance
from rtmcli.records.line_io import Sink

_PERSON = ("source", "frame", "time", "id", "side", "events")
# Key of an instance -> what is appended to the angle's name in the header.
_KEYS = {
    "angles": "",
    "angles3d": "_3d",
    "angular_velocity": "_velocity",
    "angular_velocity3d": "_3d_velocity",
}


def write_angle_table(frames: Iterable[Frame], path: str, *, velocity: bool) -> Iterator[Frame]:
    """Pass the frames on and write their angles to a CSV file, complete once the last frame has been read.

    The first frame with angles fixes the columns: those of its skeleton, also in 3D where it has 3D angles. Raises
    DataError where a later frame has angles without a column.
    """
    from rtmcli.kinematics.definitions import definitions

    columns: list[str] | None = None
    with Sink(path) as out:
        for frame in frames:
            people = [one for one in frame.instances if _is_measured(one)]
            if people and columns is None:
                table = definitions(frame.skeleton or "")
                deep = any(angles_of(one, "angles3d") is not None for one in people)
                keys = ["angles", *["angles3d"] * deep, *["angular_velocity"] * velocity]
                keys += ["angular_velocity3d"] * (deep and velocity)
                joints = [n for n, flat in zip(table.names, table.horizontal, strict=True) if not flat]
                columns = [
                    name + _KEYS[key]
                    for key in keys
                    for name in (joints if key.endswith("3d") else table.names)
                ]
                out.write(table_line([*_PERSON, *columns]))
            for one in people:
                out.write(table_line(_row(frame, one, columns or [])))
            yield frame
        if columns is None:
            out.write(table_line(_PERSON))


def _is_measured(one: Instance) -> bool:
    return angles_of(one) is not None or angles_of(one, "angles3d") is not None


def _row(frame: Frame, one: Instance, columns: list[str]) -> list[Any]:
    values = {
        name + suffix: value
        for key, suffix in _KEYS.items()
        for name, value in (angles_of(one, key) or {}).items()
    }
    without = sorted(set(values) - set(columns))
    if without:
        raise DataError(
            f"{frame.source}, frame {frame.frame}: the table has no column {without[0]}: the first person had no such "
            "angle; write a table for each skeleton"
        )
    person = [frame.source, frame.frame, frame.time, one.id, one.extra.get("side")]
    person.append(" ".join(events_of(one)))
    return [*person, *(values.get(name) for name in columns)]
