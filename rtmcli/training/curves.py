"""The curves of a training: loss, validation and learning rate over the steps, from the log of its folder."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from rtmcli.plot_style import figure_of, hide, label, save

# Figures of a log line that are no part of the loss: the place and the speeds.
_OTHER = ("epoch", "step", "lr", "images_per_s", "loader_per_s", "wait")


def plot_curves(log: Path, path: Path) -> None:
    """Draw the lines of a log as an image file. Raises UsageError where the file's format is unknown.

    A run that was resumed repeats steps since its last checkpoint: the last line of a step counts.
    """
    terms, validation, rates = _curves(json.loads(line) for line in log.read_text().splitlines())
    figure, (panels,) = figure_of(3, height=4)
    for panel, curves, title in zip(
        panels, (terms, validation, rates), ("loss", "validation", "learning rate"), strict=True
    ):
        for name, points in curves.items():
            steps, values = zip(*sorted(points.items()), strict=True)
            panel.plot(steps, values, linewidth=1.2, marker="." if len(steps) < 20 else None, label=name)
        label(panel, title=title, x="step", legend=True)
    panels[0].set_yscale("log")
    hide(panels[1:2] if not validation else ())
    save(figure, path, f"training of {log.resolve().parent.name}")


# Name of a figure -> its value by step.
_Curves = dict[str, dict[int, float]]


def _curves(lines: Iterable[dict[str, Any]]) -> tuple[_Curves, _Curves, _Curves]:
    """The terms of the loss, the figures of the validations, and the learning rate."""
    terms: _Curves = {}
    validation: _Curves = {}
    rates: _Curves = {}
    for line in lines:
        curves = terms if "loss" in line else validation
        for name, value in line.items():
            if name not in _OTHER and isinstance(value, (int, float)):
                curves.setdefault(name, {})[line["step"]] = value
        if isinstance(line.get("lr"), float):
            rates.setdefault("lr", {})[line["step"]] = line["lr"]
    return terms, validation, rates
