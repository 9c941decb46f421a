"""`rtm angles --plot`: a panel for each angle over time, a line for each person."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

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
            if "angles" not in one.extra:
                continue
            angles = one.extra["angles"]
            names.update(dict.fromkeys(definitions(frame.skeleton or "").names))
            for name in names:
                times, degrees = series.setdefault((name, frame.source, one.id), ([], []))
                times.append(seconds(frame))
                degrees.append(angles.get(name, float("nan")))
                for event in one.extra.get("events", ()):
                    if _side(event) in ("", _side(name)):
                        mark = (times[-1], degrees[-1], event)
                        marks.setdefault((name, frame.source, one.id), []).append(mark)
        yield frame
    _draw(series, marks, list(names), path)


def _draw(series: _Series, marks: _Marks, names: list[str], path: Path) -> None:
    from matplotlib.figure import Figure

    from rtmcli.metrics.plot import save

    rows = _rows(names) or [["no angles"]]
    figure = Figure(figsize=(11, 1.9 * len(rows) + 0.6), dpi=100, layout="constrained")
    people = sorted({key[1:] for key in series}, key=str)
    sources = {source for source, _ in people}
    axes = figure.subplots(len(rows), 2, squeeze=False, sharex=True)
    for row, panels in zip(rows, axes, strict=True):
        for panel in panels[len(row) :]:
            panel.set_visible(False)
        for name, panel in zip(row, panels, strict=False):
            for number, (source, person) in enumerate(people):
                if (name, source, person) in series:
                    label = "without id" if person is None else f"id {person}"
                    label = f"{source} {label}" if len(sources) > 1 else label
                    _draw_line(panel, *series[name, source, person], number, label, person is None)
                for time, value, event in marks.get((name, source, person), ()):
                    marker = _MARKERS.get(event.removeprefix("right_").removeprefix("left_"), "o")
                    panel.plot(time, value, marker=marker, color=f"C{number % 10}", markersize=5)
            panel.set_title(name.replace("_", " "), fontsize=9)
            panel.set_ylabel("degrees", fontsize=8)
            panel.grid(color="#e4e8ec")
            panel.tick_params(labelsize=8, labelbottom=True)
    for panel in axes[-1]:
        panel.set_xlabel("seconds", fontsize=8)
    if 0 < len(people) <= 20:
        axes[0, 0].legend(loc="best", fontsize=7)
    save(figure, path, "joint and segment angles")


def _draw_line(
    panel: Any, times: list[float], degrees: list[float], number: int, label: str, dots: bool
) -> None:
    style = {"linestyle": "none", "marker": "."} if dots else {"linewidth": 1.2}
    panel.plot(times, degrees, color=f"C{number % 10}", label=label, **style)


def _side(name: str) -> str:
    return next((side for side in ("right", "left") if name.startswith(f"{side}_")), "")


def _rows(names: list[str]) -> list[list[str]]:
    """The right and the left one of a joint in a row, others by themselves."""
    rows: dict[str, list[str]] = {}
    for name in names:
        rows.setdefault(name.removeprefix("right_").removeprefix("left_"), []).append(name)
    return list(rows.values())
