"""`rtm angles --plot`: a panel for each angle over time, a line for each person."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from rtmcli.kinematics.measured_keys import angles_of, events_of
from rtmcli.records.frame import Frame

# (name of the angle, source, id) -> seconds, degrees
_Series = dict[tuple[str, str, int | None], tuple[list[float], list[float]]]
# The same -> seconds, degrees and name of each event
_Marks = dict[tuple[str, str, int | None], list[tuple[float, float, str]]]
_MARKERS = {"heel_strike": "v", "toe_off": "^"}


def plot_angles(frames: Iterable[Frame], path: Path) -> Iterator[Frame]:
    """Pass the frames on and draw their angles at the end, as an image file.

    Right and left of a joint are side by side. A line is broken where the angle is missing; people without an id are
    dots. Events of the same side of the body are marked: heel strikes by a triangle that points down, toe-offs by one
    that points up, repetitions by a disc. Raises UsageError where the file's format is unknown.
    """
    from rtmcli.kinematics.definitions import definitions
    from rtmcli.tracking.source_state import seconds

    series: _Series = {}
    marks: _Marks = {}
    names: dict[str, None] = {}  # in the order of the skeleton
    for frame in frames:
        for one in frame.instances:
            angles = angles_of(one)
            if angles is None:
                continue
            names.update(dict.fromkeys(definitions(frame.skeleton or "").names))
            for name in names:
                times, degrees = series.setdefault((name, frame.source, one.id), ([], []))
                times.append(seconds(frame))
                degrees.append(angles.get(name, float("nan")))
                for event in events_of(one):
                    if _side(event) in ("", _side(name)):
                        mark = (times[-1], degrees[-1], event)
                        marks.setdefault((name, frame.source, one.id), []).append(mark)
        yield frame
    _draw(series, marks, list(names), path)


def _draw(series: _Series, marks: _Marks, names: list[str], path: Path) -> None:
    from rtmcli.plot_style import COLORS, figure_of, hide, label, save

    rows = _rows(names) or [["no angles"]]
    figure, axes = figure_of(2, len(rows), height=1.8, sharex=True)
    people = sorted({key[1:] for key in series}, key=str)
    sources = {source for source, _ in people}
    for row, panels in zip(rows, axes, strict=True):
        hide(panels[len(row) :])
        for name, panel in zip(row, panels, strict=False):
            for number, (source, person) in enumerate(people):
                color = COLORS[number % len(COLORS)]
                if (name, source, person) in series:
                    who = "without id" if person is None else f"id {person}"
                    who = f"{source} {who}" if len(sources) > 1 else who
                    _draw_line(panel, *series[name, source, person], color, who, person is None)
                for time, value, event in marks.get((name, source, person), ()):
                    marker = _MARKERS.get(event.removeprefix("right_").removeprefix("left_"), "o")
                    panel.plot(time, value, marker=marker, color=color, markersize=5)
            is_first, is_last = panel is axes[0, 0], row is rows[-1]
            title = name.replace("_", " ")
            label(panel, title=title, x="seconds" if is_last else "", y="degrees", legend=is_first)
    save(figure, path, "joint and segment angles")


def _draw_line(
    panel: Any, times: list[float], degrees: list[float], color: str, who: str, dots: bool
) -> None:
    style = {"linestyle": "none", "marker": "."} if dots else {"linewidth": 1.2}
    panel.plot(times, degrees, color=color, label=who, **style)


def _side(name: str) -> str:
    return next((side for side in ("right", "left") if name.startswith(f"{side}_")), "")


def _rows(names: list[str]) -> list[list[str]]:
    """The right and the left one of a joint in a row, others by themselves."""
    rows: dict[str, list[str]] = {}
    for name in names:
        rows.setdefault(name.removeprefix("right_").removeprefix("left_"), []).append(name)
    return list(rows.values())
