"""The plots of the page: empty Bokeh figures that `page/plots.js` fills with the people and keypoints chosen.

Bokeh, because its script is 1.3 MB, which leaves room for the records; that of Plotly 7.1 is 4.8 MB.
"""

import importlib.util
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

_HEIGHT = 170
# Name of a figure -> label of its vertical axis.
FIGURES = {
    "x": "x (pixels)",
    "y": "y (pixels)",
    "speed": "speed (pixels/s)",
    "angle": "angle (degrees)",
    "error": "distance (pixels)",
}


@dataclass(frozen=True, slots=True)
class Plots:
    """What the page needs for its plots.

    Attributes:
        script: Bokeh's own script.
        item: the document of all figures, as Bokeh's `embed_item` takes it.
    """

    script: str
    item: Any


def are_plots_available() -> bool:
    """Whether Bokeh is installed."""
    return importlib.util.find_spec("bokeh") is not None


def make_plots(names: Sequence[str]) -> Plots:
    """Empty figures of these names, one under the other with the same time axis, and Bokeh's script."""
    from bokeh.embed import json_item
    from bokeh.layouts import column
    from bokeh.models import Range1d
    from bokeh.resources import Resources

    times = Range1d(start=0, end=1, name="times")
    figures = [_figure(name, times, is_last=name == names[-1]) for name in names]
    item = json_item(column(*figures, sizing_mode="stretch_width"))
    return Plots("".join(Resources(mode="inline", components=["bokeh"]).js_raw), item)


def _figure(name: str, times: Any, *, is_last: bool) -> Any:
    """Lines of people over time; the script finds them by their name, which begins with that of the figure."""
    from bokeh.models import ColumnDataSource, HoverTool, Range1d
    from bokeh.plotting import figure

    plot = figure(
        name=name,
        height=_HEIGHT + (20 if is_last else 0),
        sizing_mode="stretch_width",
        x_axis_label="seconds" if is_last else None,
        y_axis_label=FIGURES[name],
        x_range=times,
        # Set with the data: a DataRange1d warns on the console while there are none.
        y_range=Range1d(start=0, end=1),
        tools="xpan,xwheel_zoom,xbox_zoom,reset",
        active_drag="xpan",
        background_fill_color=None,
        border_fill_color=None,
        min_border_left=70,
    )
    empty: dict[str, list[Any]] = {column: [] for column in ("xs", "ys", "color", "dash", "label")}
    lines = ColumnDataSource(empty, name=f"{name}-lines")
    drawn = plot.multi_line("xs", "ys", color="color", line_dash="dash", line_width=1.5, source=lines)
    tips = [("", "@label"), ("seconds", "$x{0.00}"), (FIGURES[name], "$y{0.0}")]
    plot.add_tools(HoverTool(renderers=[drawn], tooltips=tips))
    plot.toolbar.logo = None
    return plot
