"""OpenPose's JSON files to records: a folder with a file per frame, or a single file.

OpenPose names them `<name>_<frame, 12 digits>_keypoints.json`, of an image `<image>_keypoints.json`. Other programs
write the same content with other numbers: `<name>_000012.json` (Pose2Sim), `12.json` (AlphaPose), `<name>_12.json`.
"""

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from rtmcli.arrays import Float32Array
from rtmcli.errors import DataError
from rtmcli.formats.openpose_writer import BODIES, HANDS
from rtmcli.records.frame import Frame, Instance
from rtmcli.skeletons import load_skeleton, map_keypoints

PARTS = ("pose_keypoints_2d", "face_keypoints_2d", *HANDS)
# Bodies that other programs write into OpenPose's files (Pose2Sim's COCO_17, HALPE_26, ...).
_FOREIGN_BODIES = {17: "coco17", 26: "halpe26", 133: "coco133", 136: "halpe136"}
_OWN_NAME = re.compile(r"(?P<stem>.*)_(?P<frame>\d{12})_keypoints\.json")
# How AlphaPose calls the frames of a video.
_FRAME_NAME = re.compile(r"(\d+)\.(?:jpg|png)")
_NUMBERED = re.compile(r"(?P<stem>.*?)[_.-]?(?P<frame>\d+)(?P<suffix>[_.-]keypoints)?\.json")


def read_openpose(folder: str | Path) -> Iterator[Frame]:
    """Records of a folder of OpenPose files, in order of names and frames.

    Files of one name and different numbers are the frames of one source, called after the files (after the folder
    where they are called by numbers alone). Where any person has face or hands, all are coco133, else the skeleton
    with the body's number of keypoints.

    Raises DataError where the folder has no such file, or one is something else.

    Example:
        from rtmcli import read_openpose

        for frame in read_openpose("openpose/"):
            print(frame.frame, len(frame.instances))
    """
    folder = Path(folder)
    if not folder.is_dir():
        yield from _frames_of_file(folder)
        return
    paths = sorted(folder.glob("*_keypoints.json")) or sorted(folder.glob("*.json"))
    if not paths:
        raise DataError(f"{folder} has no file named <name>_<frame>_keypoints.json")
    for path, source, number in _numbered(paths, folder.resolve().name):
        yield _frame_of(_content(path), path, source, number)


def _numbered(paths: Sequence[Path], folder: str) -> Iterator[tuple[Path, str, int | None]]:
    """Each file with its source and frame (None: an image), in order of both."""
    found: list[tuple[str, int, Path, int | None]] = []
    groups: dict[str, list[tuple[int, Path]]] = defaultdict(list)
    for path in paths:
        own, named = _OWN_NAME.fullmatch(path.name), _NUMBERED.fullmatch(path.name)
        if own:
            found.append((own["stem"], int(own["frame"]), path, int(own["frame"])))
        elif named:
            groups[named["stem"]].append((int(named["frame"]), path))
        else:
            found.append((_image_name(path), 0, path, None))
    for stem, files in groups.items():
        clip = _is_clip(stem, files)
        for number, path in files:
            source = (stem or folder) if clip else _image_name(path)
            found.append((source, number if clip else 0, path, number if clip else None))
    for source, _, path, frame in sorted(found, key=lambda entry: entry[:3]):
        yield path, source, frame


def _is_clip(stem: str, files: Sequence[tuple[int, Path]]) -> bool:
    """Whether numbered files are frames of one source: several of one name, each number once.

    Numbers alone (000000000785_keypoints.json of an image 000000000785.jpg) must follow each other evenly.
    """
    numbers = sorted(number for number, _ in files)
    steps = {b - a for a, b in pairwise(numbers)}
    if not steps or 0 in steps:
        return False
    image_names = any(path.name.endswith("keypoints.json") for _, path in files)
    return bool(stem) or len(steps) == 1 or not image_names


def _image_name(path: Path) -> str:
    return path.name.removesuffix(".json").removesuffix("_keypoints")


def _frames_of_file(path: Path) -> Iterator[Frame]:
    """The frame of a file of OpenPose's; of a file of AlphaPose's (`--format open` or `cmu`) its frames by image."""
    content = _content(path)
    if isinstance(content, dict) and "people" not in content and content:
        named = {key: _FRAME_NAME.fullmatch(key) for key in content}
        numbered = all(named.values())
        for key in sorted(content, key=lambda key: (int(match[1]) if (match := named[key]) else 0, key)):
            match = named[key]
            frame = int(match[1]) if numbered and match else None
            yield _frame_of(content[key], path, path.stem if numbered else key, frame)
        return
    named_file = _OWN_NAME.fullmatch(path.name)
    if named_file:
        yield _frame_of(content, path, named_file["stem"], int(named_file["frame"]))
    else:
        yield _frame_of(content, path, _image_name(path), None)


def _content(path: Path) -> Any:
    try:
        return orjson.loads(path.read_bytes())
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror}") from None
    except ValueError as error:
        raise DataError(f"{path} is not an OpenPose file: {error}") from None


def _frame_of(content: Any, path: Path, source: str, number: int | None) -> Frame:
    try:
        people = content["people"] if "people" in content else content["bodies"]
        points = [_parts(person) for person in people]
    except (ValueError, KeyError, TypeError, AttributeError):
        raise DataError(
            f"{path} is not an OpenPose file: expected an object with a list 'people' of objects with "
            "pose_keypoints_2d (x, y and score of each)"
        ) from None
    frame = Frame(source=source, frame=number or 0, frames=None if number is not None else 1)
    whole = any(len(parts[key]) for parts in points for key in PARTS[1:])
    for person, parts in zip(people, points, strict=True):
        body = parts["pose_keypoints_2d"]
        if not len(body) and not whole:
            continue
        form = ({0: "openpose25"} | BODIES | _FOREIGN_BODIES).get(len(body))
        if form is None:
            raise DataError(f"{path}: a body has {len(body)} keypoints; OpenPose's have 25 or 18")
        frame.skeleton = "coco133" if whole else form
        frame.instances.append(
            Instance(
                keypoints=_whole_body(parts, form) if whole else body,
                id=_person_id(person.get("person_id")),
                label="person",
            )
        )
    return frame


def _person_id(value: Any) -> int | None:
    """OpenPose's list of one number; -1 where there is no tracker."""
    if isinstance(value, list):
        value = value[0] if value else None
    if not isinstance(value, int | float) or value < 0 or value != int(value):
        return None
    return int(value)


def _parts(person: dict[str, Any]) -> dict[str, Float32Array]:
    """The lists of a person as (K, 3) points, NaN where OpenPose says 0, 0, 0. Before version 1.2 names lack `_2d`."""
    found = {}
    for key in PARTS:
        values = person.get(key) or person.get(key.removesuffix("_2d"))
        if values is None and key == PARTS[0]:
            values = person.get("joints")
        points = np.array(values or [], np.float32).reshape(-1, 3)
        points[(points == 0).all(axis=1)] = np.nan
        found[key] = points
    return found


def _whole_body(parts: dict[str, Float32Array], form: str) -> Float32Array:
    """Body, feet, face and hands as coco133."""
    body, whole = parts["pose_keypoints_2d"], load_skeleton("coco133")
    points = np.full((len(whole), 3), np.nan, np.float32)
    if len(body):
        points[:17] = map_keypoints(body, form, "coco17")
    if form == "openpose25" and len(body):
        # The feet, by the map from coco133 in reverse.
        for own, there in whole.maps[form].pairs:
            if isinstance(own, int) and own in whole.parts["feet"]:
                points[own] = body[there]
    for key, part in (("face_keypoints_2d", "face"), *HANDS.items()):
        given = parts[key][: len(whole.parts[part])]
        if len(given) == len(whole.parts[part]):
            points[list(whole.parts[part])] = given
    return points
