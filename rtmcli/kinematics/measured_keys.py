"""The keys that `rtm angles` adds, as records hold them: also those that another program has written or changed."""

from rtmcli.errors import DataError
from rtmcli.records.frame import Frame, Instance


def frame_number(frame: Frame, key: str) -> float | None:
    """The number under a key of the frame; None without one. Raises DataError where it is something else."""
    value = frame.extra.get(key)
    if value is not None and type(value) not in (int, float):
        raise DataError(f"{frame.source}, frame {frame.frame}: {key!r} must be a number, got {value!r:.40}")
    return None if value is None else float(value)


def angles_of(one: Instance, key: str = "angles") -> dict[str, float] | None:
    """Degrees (of velocities degrees a second) by name; None where the instance was not measured."""
    angles = one.extra.get(key)
    if not isinstance(angles, dict):
        return None
    return {name: value for name, value in angles.items() if not isinstance(value, str | list | dict | None)}


def events_of(one: Instance) -> list[str]:
    """The names of events; empty where the instance has none."""
    events = one.extra.get("events")
    return [name for name in events if isinstance(name, str)] if isinstance(events, list) else []
