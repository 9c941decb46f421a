"""OpenPose's JSON files <-> records: a folder with one `<name>_<frame>_keypoints.json` a frame.

The body goes as BODY_25 (or as the 18 points of COCO's OpenPose model, where the records are in those), face and hands
in their own lists. OpenPose writes a point that is not there as 0, 0, 0.
"""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePath
from typing import Any

import numpy as np
import orjson

from rtmcli.arrays import Float32Array
from rtmcli.errors import DataError, RtmError, UsageError
from rtmcli.files import write_atomically
from rtmcli.records.frame import Frame, Instance
from rtmcli.skeletons import load_skeleton, map_keypoints

HANDS = {"hand_left_keypoints_2d": "lefthand", "hand_right_keypoints_2d": "righthand"}
FACE_POINTS = 70  # 68, then the pupils, which the whole-body skeletons do not have
_BODIES = {25: "openpose25", 18: "openpose18"}
_NAME = re.compile(r"(?P<stem>.*?)(?:_(?P<frame>\d{12}))?_keypoints\.json")


def write_openpose(frames: Iterable[Frame], folder: str | Path) -> int:
    """Write one file a frame into a folder, which is made; the number of files.

    Raises:
        UsageError: the points have no form that OpenPose knows.
        DataError: two sources would write the same file.

    Example:
        from rtmcli import map_frame, read_frames, write_openpose

        to_openpose = map_frame("openpose25")
        count = write_openpose(map(to_openpose, read_frames("walk.jsonl")), "openpose/")
    """
    folder = Path(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RtmError(f"cannot make the folder {folder}: {error.strerror}") from None
    owners: dict[str, str] = {}
    count = 0
    for frame in frames:
        name = _file_name(frame)
        stem = PurePath(frame.source).stem
        if owners.setdefault(stem, frame.source) != frame.source:
            raise DataError(
                f"{frame.source} and {owners[stem]} would both be {name}; convert them to two folders"
            )
        people = [_person(one, frame) for one in frame.instances if one.keypoints is not None]
        _write(folder / name, {"version": 1.3, "people": people})
        count += 1
    return count


def read_openpose(folder: str | Path) -> Iterator[Frame]:
    """Records of a folder of OpenPose files, in order of names and frames.

    The source is called after the files. Where anybody has face or hands, all are coco133, else openpose25 or
    openpose18 as they are.

    Example:
        from rtmcli import read_openpose

        for frame in read_openpose("openpose/"):
            print(frame.frame, len(frame.instances))
    """
    folder = Path(folder)
    paths = sorted(folder.glob("*_keypoints.json")) if folder.is_dir() else [folder]
    if not paths:
        raise DataError(f"{folder}: holds no file named <name>_<frame>_keypoints.json")
    for path in paths:
        yield _frame_of(path)


def _file_name(frame: Frame) -> str:
    stem = PurePath(str(frame.extra.get("file", frame.source))).stem
    if frame.time is None and frame.frames == 1:
        return f"{stem}_keypoints.json"
    return f"{PurePath(frame.source).stem}_{frame.frame:012d}_keypoints.json"


def _person(one: Instance, frame: Frame) -> dict[str, Any]:
    assert one.keypoints is not None
    if frame.skeleton is None:
        raise UsageError(
            f"{frame.source} frame {frame.frame} does not say its skeleton; give --source-skeleton NAME"
        )
    name = load_skeleton(frame.skeleton).name
    if name in _BODIES.values():
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
    parts = load_skeleton(name).parts
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


def _frame_of(path: Path) -> Frame:
    try:
        people = orjson.loads(path.read_bytes())["people"]
        points = [_parts(person) for person in people]
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror}") from None
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(f"{path}: is not an OpenPose file: {error}") from None
    named = _NAME.fullmatch(path.name)
    stem, number = (named["stem"], named["frame"]) if named else (path.stem, None)
    frame = Frame(source=stem, frame=int(number or 0), frames=None if number else 1)
    whole = any(len(parts[key]) for parts in points for key in ("face_keypoints_2d", *HANDS))
    for person, parts in zip(people, points, strict=True):
        body = parts["pose_keypoints_2d"]
        if len(body) not in _BODIES:
            raise DataError(f"{path}: {len(body)} points of a body are neither OpenPose's 25 nor its 18")
        frame.skeleton = "coco133" if whole else _BODIES[len(body)]
        said = person.get("person_id", [-1])
        number_said = said[0] if isinstance(said, list) and said else -1
        frame.instances.append(
            Instance(
                keypoints=_whole_body(parts) if whole else body,
                id=number_said if isinstance(number_said, int) and number_said >= 0 else None,
                label="person",
            )
        )
    return frame


def _parts(person: dict[str, Any]) -> dict[str, Float32Array]:
    """The lists of a person as (K, 3) points, NaN where OpenPose says 0, 0, 0."""
    found = {}
    for key in ("pose_keypoints_2d", "face_keypoints_2d", *HANDS):
        points = np.array(person.get(key, []), np.float32).reshape(-1, 3)
        points[(points == 0).all(axis=1)] = np.nan
        found[key] = points
    return found


def _whole_body(parts: dict[str, Float32Array]) -> Float32Array:
    """Body, feet, face and hands as coco133."""
    body, whole = parts["pose_keypoints_2d"], load_skeleton("coco133")
    points = np.full((len(whole), 3), np.nan, np.float32)
    form = _BODIES[len(body)]
    points[:17] = map_keypoints(body, form, "coco17")
    if form == "openpose25":  # the feet: the way of coco133 to it, backwards
        for own, there in whole.maps[form].pairs:
            if isinstance(own, int) and own in whole.parts["feet"]:
                points[own] = body[there]
    for key, part in (("face_keypoints_2d", "face"), *HANDS.items()):
        given = parts[key][: len(whole.parts[part])]
        if len(given) == len(whole.parts[part]):
            points[list(whole.parts[part])] = given
    return points


def _write(path: Path, content: dict[str, Any]) -> None:
    write_atomically(path, orjson.dumps(content, option=orjson.OPT_SERIALIZE_NUMPY))
