"""The angles of Pose2Sim and Sports2D as they publish them: keypoints, offset and factor of each.

Two keypoints: the angle of the vector from the second to the first. Three: the angle at the middle one. Four: the angle
between two vectors. The angle, in image coordinates, plus the offset, times the factor.
"""

import numpy as np

_SIDE = {
    "ankle": (["knee", "ankle", "big_toe", "heel"], 90, 1),
    "knee": (["ankle", "knee", "hip"], -180, 1),
    "hip": (["knee", "hip", "MIDHIP", "NECK"], 0, -1),
    "shoulder": (["elbow", "shoulder", "MIDHIP", "NECK"], 0, -1),
    "elbow": (["wrist", "elbow", "shoulder"], 180, -1),
    "foot": (["big_toe", "heel"], 0, -1),
    "shank": (["ankle", "knee"], 0, -1),
    "thigh": (["knee", "hip"], 0, -1),
    "arm": (["elbow", "shoulder"], 0, -1),
    "forearm": (["wrist", "elbow"], 0, -1),
}
PUBLISHED = {
    f"{side}_{name}": ([f"{side}_{point}" if point.islower() else point for point in points], offset, factor)
    for name, (points, offset, factor) in _SIDE.items()
    for side in ("right", "left")
} | {
    "pelvis": (["left_hip", "right_hip"], 0, -1),
    "trunk": (["NECK", "MIDHIP"], 0, -1),
    "shoulders": (["left_shoulder", "right_shoulder"], 0, -1),
    "head": (["head", "NECK"], 0, -1),
}


def published_angle(name: str, points: dict[str, complex]) -> float:
    """One angle in degrees. Points are x + iy in pixels, y down, mirrored where the person faces the left."""
    keys, offset, factor = PUBLISHED[name]
    at = [points[{"NECK": "neck", "MIDHIP": "hip"}.get(key, key)] for key in keys]
    if len(at) == 2:
        turn = np.angle(at[0] - at[1], deg=True)
    elif len(at) == 3:
        turn = np.angle(at[0] - at[1], deg=True) - np.angle(at[2] - at[1], deg=True)
    else:
        turn = np.angle(at[1] - at[0], deg=True) - np.angle(at[3] - at[2], deg=True)
    half = 90 if name in ("pelvis", "shoulders") else 180
    return float(((turn + offset) * factor + half) % (2 * half) - half)
