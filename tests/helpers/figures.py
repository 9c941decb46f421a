"""A figure seen from the side, made from known joint angles, as keypoints of a skeleton; and published definitions."""

from collections.abc import Mapping

import numpy as np

from rtmcli.skeletons import load_skeleton

# Degrees. The two sides differ so that a mix-up is seen.
JOINTS = {
    **{"right_ankle": 12.0, "right_knee": 35.0, "right_hip": 28.0, "right_shoulder": -20.0},
    **{"left_ankle": -18.0, "left_knee": 62.0, "left_hip": -14.0, "left_shoulder": 75.0},
    **{"right_elbow": 40.0, "right_wrist": 15.0, "left_elbow": 95.0, "left_wrist": 5.0},
}
LEAN = 9.0  # of the trunk to the front


def figure(joints: Mapping[str, float] = JOINTS, lean: float = LEAN) -> dict[str, np.ndarray]:
    """Keypoints (3,) by name: x to the front, y up, z from right to left, in units of a tenth of the height."""
    up = 90.0 - lean
    points = {"hip": np.zeros(3), "neck": 3 * direction(up)}
    points["head"] = points["neck"] + direction(up)
    points["nose"] = points["neck"] + 0.6 * direction(up) + 0.5 * direction(up - 90)
    for side, z in (("right", -1.0), ("left", 1.0)):
        across = np.array([0, 0, z])
        shoulder, hip = points["neck"] + 0.9 * across, points["hip"] + 0.6 * across
        thigh = up + 180 + joints[f"{side}_hip"]
        shank = thigh - joints[f"{side}_knee"]
        sole = shank + 90 + joints[f"{side}_ankle"]
        arm = up + 180 + joints[f"{side}_shoulder"]
        forearm = arm + joints[f"{side}_elbow"]
        knee = hip + 2.5 * direction(thigh)
        ankle = knee + 2.4 * direction(shank)
        heel = ankle + 0.4 * direction(shank) - 0.3 * direction(sole)
        elbow = shoulder + 1.8 * direction(arm)
        wrist = elbow + 1.5 * direction(forearm)
        found = {"shoulder": shoulder, "hip": hip, "knee": knee, "ankle": ankle, "heel": heel, "elbow": elbow}
        found |= {"wrist": wrist, "big_toe": heel + 1.2 * direction(sole)}
        found |= {"forefinger1": wrist + 0.6 * direction(forearm + joints[f"{side}_wrist"])}
        found |= {"ear": points["neck"] + 0.6 * direction(up) + 0.3 * across}
        points |= {f"{side}_{name}": point for name, point in found.items()}
    points["mid_hip"] = points["hip"]
    return points


def direction(degrees: float) -> np.ndarray:
    radians = np.radians(degrees)
    return np.array([np.cos(radians), np.sin(radians), 0.0])


def in_image(points: Mapping[str, np.ndarray], skeleton: str, *, mirrored: bool = False) -> np.ndarray:
    """Keypoints (K, 3) x, y in pixels and score 0.9; NaN where the figure has no such keypoint."""
    rows = in_space(points, skeleton)  # (K, 4)
    flat = np.stack(
        [rows[:, 0] * (-70 if mirrored else 70) + 400, rows[:, 1] * 70 + 300, rows[:, 3]], axis=-1
    )
    return flat.astype(np.float32)


def in_space(points: Mapping[str, np.ndarray], skeleton: str) -> np.ndarray:
    """Keypoints (K, 4) x to the right, y down, z away from the camera, score 0.9; NaN where there is none."""
    names = load_skeleton(skeleton).keypoints
    rows = np.full((len(names), 4), np.nan, np.float32)
    for index, name in enumerate(names):
        if name in points:
            rows[index] = [*(points[name] * [1, -1, 1]), 0.9]
    return rows


def expected(joints: Mapping[str, float] = JOINTS, lean: float = LEAN) -> dict[str, float]:
    """The joint and segment angles of the figure in degrees, without those of lines across the body."""
    found = {**joints, "trunk": 90 - lean, "head": 90 - lean}
    for side in ("right", "left"):
        thigh = 270 - lean + joints[f"{side}_hip"]
        arm = 270 - lean + joints[f"{side}_shoulder"]
        shank, forearm = thigh - joints[f"{side}_knee"], arm + joints[f"{side}_elbow"]
        segments = {"thigh": thigh, "shank": shank, "foot": shank + 90 + joints[f"{side}_ankle"], "arm": arm}
        segments |= {"forearm": forearm, "hand": forearm + joints[f"{side}_wrist"]}
        found |= {f"{side}_{name}": (value + 180) % 360 - 180 for name, value in segments.items()}
    return found
