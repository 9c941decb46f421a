"""The look of all plots that verbs write as image files: sizes, colours, grid, text, and saving."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from rtmcli.errors import UsageError
from rtmcli.files import replacing

BLUE, ORANGE, GREEN, RED, PURPLE, BROWN, TEAL, PINK, OLIVE, GREY = COLORS = (
    "#2f6fb0", "#d9822b", "#2e9e62", "#c0453f", "#7d5fb2", "#8b6b43", "#2a9aa3", "#cf6f9e", "#8d9a2e", "#9aa5b1",
)  # fmt: skip
_GRID = "#e4e8ec"
_WIDTH = 5.2  # inches of a column
# Entries of a legend beyond which it would cover the lines.
_MOST_ENTRIES = 20


def figure_of(
    columns: int, rows: int = 1, *, height: float, width: float = _WIDTH, sharex: bool = False
) -> tuple[Any, Any]:
    """A figure and its panels (rows, columns) with grid and colours; `height` and `width` of a panel in inches."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width * columns, height * rows), dpi=120, layout="constrained")
    panels = figure.subplots(rows, columns, squeeze=False, sharex=sharex)
    for panel in panels.flat:
        panel.set_prop_cycle(color=COLORS)
        panel.grid(color=_GRID)
        panel.set_axisbelow(True)
        panel.tick_params(labelsize=8, labelbottom=True)
        for side in ("top", "right"):
            panel.spines[side].set_visible(False)
    return figure, panels


def label(panel: Any, *, title: str = "", x: str = "", y: str = "", legend: bool = False) -> None:
    """Name a panel and its axes; a legend where few enough lines have names."""
    panel.set_title(title, fontsize=10)
    panel.set_xlabel(x, fontsize=9)
    panel.set_ylabel(y, fontsize=9)
    entries = panel.get_legend_handles_labels()[1]
    if legend and 0 < len(entries) <= _MOST_ENTRIES:
        panel.legend(loc="best", fontsize=8, framealpha=0.8)


def hide(panels: Iterable[Any]) -> None:
    """Leave the place of these panels empty."""
    for panel in panels:
        panel.set_visible(False)


def save(figure: Any, path: Path, title: str) -> None:
    """Write a figure under a temporary name and rename. Raises UsageError where the format is unknown."""
    figure.suptitle(title, fontsize=11)
    with replacing(path) as temporary:
        try:
            figure.savefig(temporary)
        except ValueError as error:
            raise UsageError(f"cannot write {path}: {error}") from None
