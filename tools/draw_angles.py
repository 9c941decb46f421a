"""Draw docs/angles.svg: what each angle of `rtm angles` measures, on a figure whose joint angles are known.

python -m tools.draw_angles
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Arc, Circle

from rtmcli import Frame, Instance, JointAngles, load_skeleton
from rtmcli.skeletons.angles import Point
from tests.helpers.figures import figure, in_image

PATH = Path(__file__).parent.parent / "docs" / "angles.svg"
SKELETON = "coco133"
JOINTS = {
    "ankle": 25.0, "knee": 50.0, "hip": 45.0, "shoulder": 60.0, "elbow": 55.0, "wrist": 35.0,
}  # fmt: skip
SEGMENTS = ("foot", "shank", "thigh", "pelvis", "trunk", "shoulders", "head", "arm", "forearm", "hand")
# Degrees that the hips and shoulders of the figure seen from the front are inclined.
TILT = 15.0
# How much of the figure around the joint a panel shows, in tenths of the height.
VIEW = 3.0
GREY, BLUE, RED = "#b8c0c8", "#2b6cb0", "#c53030"
LIMBS = (
    ("hip", "neck"), ("neck", "head"), ("right_shoulder", "right_elbow"), ("right_elbow", "right_wrist"),
    ("right_wrist", "right_forefinger1"), ("right_hip", "right_knee"), ("right_knee", "right_ankle"),
    ("right_ankle", "right_heel"), ("right_heel", "right_big_toe"),
)  # fmt: skip

Points = Mapping[str, np.ndarray]


def main() -> None:
    matplotlib.rcParams.update({"svg.hashsalt": "rtm", "svg.fonttype": "none", "font.family": "sans-serif"})
    names = [*JOINTS, *SEGMENTS]
    drawing = Figure(figsize=(9, 9.6), layout="constrained")
    panels = drawing.subplots(4, 4).ravel()
    for panel, name in zip(panels, names, strict=True):
        draw_panel(panel, name)
    drawing.savefig(PATH, metadata={"Date": None})


def draw_panel(panel: Any, name: str) -> None:
    """The figure with the angle's zero (dashed), its vector (red) and an arrow from one to the other."""
    across = name in ("pelvis", "shoulders")
    key = name if name in ("pelvis", "trunk", "shoulders", "head") else f"right_{name}"
    points = front() if across else side(name)
    definition = load_skeleton(SKELETON).angles[key]
    vector = place(points, definition.end[1]) - place(points, definition.end[0])
    if name in JOINTS:
        first = place(points, definition.start[1]) - place(points, definition.start[0])
        zero, at = turned(first, definition.zero), points[f"right_{name}"][:2]
        if name != "ankle":  # both vectors point to the joint: drawn from it
            zero, vector = -zero, -vector
    else:
        zero, at = np.array([1.0, 0.0]), place(points, definition.end[0])
    limbs = [*LIMBS]
    if across:
        limbs += [(start.replace("right", "left"), end.replace("right", "left")) for start, end in LIMBS]
        limbs += [("right_hip", "left_hip"), ("right_shoulder", "left_shoulder")]
    for start, end in limbs:
        panel.plot(
            *zip(points[start][:2], points[end][:2], strict=True), color=GREY, linewidth=6, zorder=1,
            solid_capstyle="round",
        )  # fmt: skip
    panel.add_patch(Circle(points["head"][:2], 0.45, color=GREY, zorder=1))
    length = 1.7
    unit = vector / np.linalg.norm(vector)
    tip = at + zero / np.linalg.norm(zero) * length
    panel.plot([at[0], tip[0]], [at[1], tip[1]], color=BLUE, linestyle="--", linewidth=1.4)
    panel.annotate(
        "", at + unit * length, at, arrowprops={"arrowstyle": "-|>", "color": RED, "linewidth": 1.8}
    )
    draw_arc(panel, at, zero, unit)
    value = measured(points, key)
    panel.set_title(f"{name}: {value:+.0f}°".replace("-", "−"), fontsize=11)
    panel.set_xlim(at[0] - VIEW, at[0] + VIEW)
    panel.set_ylim(at[1] - VIEW, at[1] + VIEW)
    panel.set_aspect("equal")
    panel.axis("off")


def draw_arc(panel: Any, at: np.ndarray, zero: np.ndarray, unit: np.ndarray) -> None:
    """An arc with an arrow from the zero to the vector, the short way."""
    start, end = (np.degrees(np.arctan2(v[1], v[0])) for v in (zero, unit))
    turn = (end - start + 180) % 360 - 180
    low, high = (start, start + turn) if turn > 0 else (start + turn, start)
    panel.add_patch(Arc(at, 1.6, 1.6, theta1=low, theta2=high, color=RED, linewidth=1.2))
    tip, before = (
        at + 0.8 * np.array([np.cos(a), np.sin(a)]) for a in np.radians([start + turn, start + turn * 0.9])
    )
    panel.annotate("", tip, before, arrowprops={"arrowstyle": "-|>", "color": RED, "linewidth": 1.2})


def side(name: str) -> Points:
    """The figure from its right side, that joint bent (of segments those that move them)."""
    bent = {
        "foot": ("ankle",), "shank": ("knee", "hip"), "thigh": ("hip",), "arm": ("shoulder",),
        "forearm": ("shoulder", "elbow"), "hand": ("elbow",),
    }.get(name, (name,))  # fmt: skip
    joints = {f"{which}_{joint}": 0.0 for joint in JOINTS for which in ("right", "left")}
    joints |= {f"right_{joint}": JOINTS[joint] for joint in bent if joint in JOINTS}
    return figure(joints, lean=20.0 if name in ("trunk", "head") else 0.0)


def front() -> Points:
    """The figure from the front, its right on the left of the image, hips and shoulders inclined."""
    points = dict(
        figure(dict.fromkeys([f"{s}_{j}" for j in JOINTS for s in ("right", "left")], 0.0), lean=0.0)
    )
    slope = np.array([np.cos(np.radians(TILT)), np.sin(np.radians(TILT)), 0])
    for joint, half, lower in (("hip", 0.6, ("knee", "ankle", "heel", "big_toe")),
                               ("shoulder", 0.9, ("elbow", "wrist", "forefinger1"))):  # fmt: skip
        for which, sign in (("right", -1), ("left", 1)):
            old = points[f"{which}_{joint}"]
            new = old * [1, 1, 0] + sign * half * slope
            for name in (joint, *lower):
                moved = points[f"{which}_{name}"] * [0 if name == "big_toe" else 1, 1, 0]
                points[f"{which}_{name}"] = moved + (new - old * [1, 1, 0])
    return points


def place(points: Points, point: Point) -> np.ndarray:
    """(2,) x, y up, of a point of a definition."""
    names = load_skeleton(SKELETON).keypoints
    return np.mean([points[names[index]][:2] for index in point], axis=0)


def turned(vector: np.ndarray, degrees: float) -> np.ndarray:
    angle = np.radians(degrees)
    return np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]) @ vector


def measured(points: Points, name: str) -> float:
    """What `rtm angles` says of the figure."""
    person = Instance(keypoints=in_image(points, SKELETON))
    frame = JointAngles("right")(Frame("a", 0, skeleton=SKELETON, instances=[person]))
    return float(frame.instances[0].extra["angles"][name])


if __name__ == "__main__":
    main()
