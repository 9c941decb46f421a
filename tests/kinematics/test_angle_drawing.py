"""The drawing of docs/angles.md."""

import re
from pathlib import Path

from rtmcli import load_skeleton
from tools.draw_angles import JOINTS, front, measured, side

DRAWING = Path(__file__).parents[2] / "docs" / "angles.svg"
TITLE = re.compile(r">(\w+): ([+−]\d+)°<")


def test_there_is_a_panel_for_each_angle_with_the_value_that_is_measured() -> None:
    titles = {name: int(value.replace("−", "-")) for name, value in TITLE.findall(DRAWING.read_text())}
    angles = load_skeleton("coco133").angles
    assert set(titles) == {name.removeprefix("right_").removeprefix("left_") for name in angles}
    assert {name: titles[name] for name in JOINTS} == {name: round(value) for name, value in JOINTS.items()}
    for name, value in titles.items():
        points = front() if name in ("pelvis", "shoulders") else side(name)
        assert round(measured(points, name if name in angles else f"right_{name}")) == value, name
