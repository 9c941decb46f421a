"""Marker names of keypoints as Pose2Sim writes them (`Pose2Sim/skeletons.py`): `right_big_toe` is RBigToe."""

import re
from collections.abc import Sequence
from functools import lru_cache

from rtmcli.skeletons import load_skeleton, skeleton_names

_SIDES = {"left": "L", "right": "R"}
# Finger joints: Pose2Sim leaves the number out of the one that its models use.
_FINGERS = {
    "thumb2": "Thumb",
    "forefinger1": "Index",
    "pinky_finger1": "Pinky",
    **{f"forefinger{n}": f"Index{n}" for n in (2, 3, 4)},
    **{f"{name}_finger{n}": f"{name.title()}{n}" for name in ("middle", "ring") for n in (1, 2, 3, 4)},
    **{f"pinky_finger{n}": f"Pinky{n}" for n in (2, 3, 4)},
}
_OTHERS = {"mid_hip": "CHip"}
# The 68 points of the face: first index, name, how many.
_FACE = (
    (0, "Jaw", 17),
    (17, "EyebrowR", 5),
    (22, "EyebrowL", 5),
    (27, "Nose", 9),
    (36, "REye", 6),
    (42, "LEye", 6),
    (48, "Mouth", 20),
)
_FACE_NAMES = {
    f"face-{first + n}": f"{name}{n + 1}" for first, name, count in _FACE for n in range(count)
}  # fmt: skip
# Skeletons to try first: Pose2Sim's models, the smallest with all of a file's markers.
_USUAL = ("coco17", "halpe26", "openpose25", "coco133", "halpe136")


def marker_name(keypoint: str) -> str:
    """Pose2Sim's name of a keypoint; for others the words joined, capitals first, sides as L and R."""
    if keypoint in _FACE_NAMES:
        return _FACE_NAMES[keypoint]
    side, _, rest = keypoint.partition("_")
    if side in _SIDES and rest:
        return _SIDES[side] + marker_name(rest)
    known = _FINGERS.get(keypoint) or _OTHERS.get(keypoint)
    return known or "".join(word[:1].upper() + word[1:] for word in re.split(r"[_\s-]+", keypoint))


@lru_cache(maxsize=64)
def marker_names(skeleton: str) -> tuple[str, ...]:
    """The marker names of a skeleton's keypoints, in its order."""
    return tuple(marker_name(keypoint) for keypoint in load_skeleton(skeleton).keypoints)


def skeleton_of_markers(markers: Sequence[str]) -> str | None:
    """The skeleton with a keypoint for each of these markers, in any order and spelling of case; None without one."""
    wanted = {marker.casefold() for marker in markers}
    others = sorted(
        (name for name in skeleton_names() if name not in _USUAL), key=lambda n: len(marker_names(n))
    )
    for name in (*_USUAL, *others):
        if wanted <= {marker.casefold() for marker in marker_names(name)}:
            return name
    return None
