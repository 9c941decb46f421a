"""Records to OpenPose's JSON files: a folder with one `<name>_<frame>_keypoints.json` per frame.

The body is written as BODY_25 (or as the 18 points of COCO's OpenPose model, where the records are in those), face and
hands in their own lists. OpenPose writes a point that does not exist as 0, 0, 0.
"""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path, PurePath
from typing import Any

import numpy as np
import orjson

from rtmcli.arrays import Float32Array
from rtmcli.errors import DataError
from rtmcli.files import make_folder, write_atomically
from rtmcli.formats.second_run import refuse_second_run
from rtmcli.records.frame import Frame, Instance
from rtmcli.skeletons import load_skeleton, map_keypoints
from rtmcli.skeletons.of_frame import skeleton_of

HANDS = {"hand_left_keypoints_2d": "lefthand", "hand_right_keypoints_2d": "righthand"}
# 68, then the pupils, which the whole-body skeletons do not have.
FACE_POINTS = 70
BODIES = {25: "openpose25", 18: "openpose18"}


def write_openpose(
    frames: Iterable[Frame],
    folder: str | Path,
    *,
    skeleton: str | None = None,
    note: Callable[[str], None] | None = None,
) -> int:
    """Write one file per frame into a folder, which is created. Returns the number of files.

    Args:
        skeleton: the skeleton of the records, whose keypoints `pose_keypoints_2d` then holds as they are: 51 numbers
            of coco17, 78 of halpe26, as Pose2Sim's COCO_17 and HALPE_26 read them. By default BODY_25.
        note: called where BODY_25 gets no feet.

    Raises:
        UsageError: the keypoints have no form in OpenPose.
        DataError: two sources, or two runs of one, would write the same file; or as `skeleton_of` does.

    Example:
        from rtmcli import map_frame, read_frames, write_openpose

        to_openpose = map_frame("openpose25")
        count = write_openpose(map(to_openpose, read_frames("walk.jsonl")), "openpose/")
    """
    folder = Path(folder)
    make_folder(folder)
    own = None if skeleton is None else load_skeleton(skeleton).name
    owners: dict[str, str] = {}
    first: dict[str, int] = {}
    footless: str | None = None
    count = 0
    for frame in frames:
        name = _file_name(frame)
        stem = PurePath(frame.source).stem
        if owners.setdefault(stem, frame.source) != frame.source:
            raise DataError(
                f"{frame.source} and {owners[stem]} would both be {name}; convert them to two folders"
            )
        refuse_second_run(frame, first)
        people = [_person(one, frame, own) for one in frame.instances if one.keypoints is not None]
        if people and own in (None, "openpose25") and _without_feet(people):
            footless = frame.skeleton
        _write(folder / name, {"version": 1.3, "people": people})
        count += 1
    if footless is not None and note is not None:
        note(
            f"{footless} has no feet: the foot keypoints of BODY_25 are 0, 0, 0, which other programs may take for "
            "positions; --skeleton coco17 or halpe26 writes that skeleton in its place"
        )
    return count


def _without_feet(people: Sequence[dict[str, Any]]) -> bool:
    """Whether all foot keypoints of BODY_25 are 0 although there are ankles."""
    bodies = np.array([person["pose_keypoints_2d"] for person in people]).reshape(len(people), -1, 3)
    feet = slice(19, 25)
    return bodies.shape[1] == 25 and not bodies[:, feet].any() and bool(bodies[:, [11, 14]].any())


def _file_name(frame: Frame) -> str:
    stem = PurePath(str(frame.extra.get("file", frame.source))).stem
    if frame.time is None and frame.frames == 1:
        return f"{stem}_keypoints.json"
    return f"{PurePath(frame.source).stem}_{frame.frame:012d}_keypoints.json"


def _person(one: Instance, frame: Frame, own: str | None) -> dict[str, Any]:
    assert one.keypoints is not None
    name = skeleton_of(frame, one.keypoints).name
    if name in (own, *BODIES.values()) and name != "openpose134":
        body = one.keypoints
    elif name == "openpose134":
        body = one.keypoints[list(load_skeleton(name).parts["body"])]
    else:
        body = map_keypoints(one.keypoints, name, "openpose25")
    person: dict[str, Any] = {
        "person_id": [-1 if one.id is None else one.id],
        "pose_keypoints_2d": _flat(body),
        "face_keypoints_2d": [],
        "hand_left_keypoints_2d": [],
        "hand_right_keypoints_2d": [],
    }
    # A whole body that was asked for is in the first list already.
    parts = {} if name == own and name not in (*BODIES.values(), "openpose134") else load_skeleton(name).parts
    if "face" in parts and len(parts["face"]) == 68:
        pupils = np.full((FACE_POINTS - 68, 3), np.nan, np.float32)
        person["face_keypoints_2d"] = _flat(np.concatenate([one.keypoints[list(parts["face"])], pupils]))
    for key, part in HANDS.items():
        if part in parts:
            person[key] = _flat(one.keypoints[list(parts[part])])
    for part in ("pose", "face", "hand_left", "hand_right"):
        person[f"{part}_keypoints_3d"] = []
    return person


def _flat(points: Float32Array) -> Float32Array:
    return np.ascontiguousarray(np.where(np.isnan(points), np.float32(0), points).ravel().astype(np.float32))


def _write(path: Path, content: dict[str, Any]) -> None:
    write_atomically(path, orjson.dumps(content, option=orjson.OPT_SERIALIZE_NUMPY))
