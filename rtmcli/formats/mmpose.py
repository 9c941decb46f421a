"""MMPose's prediction files to records and back.

There are two forms: `{"meta_info", "instance_info": [{"frame_id", "instances"}]}` of its demos, with frames counted
from 1, and the plain list of its inferencer, with frames counted from 0 (or the instances of one image). Both are read;
the first, which names its skeleton, is written.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import orjson

from rtmcli.arrays import Float32Array
from rtmcli.errors import DataError, UsageError
from rtmcli.formats.skeleton_names import BY_COUNT, recognise
from rtmcli.records.frame import Frame, Instance
from rtmcli.records.line_io import Sink
from rtmcli.skeletons import load_skeleton


def write_mmpose(frames: Iterable[Frame], sink: str | BinaryIO) -> int:
    """Write the records of one source as one document, frame by frame. Returns the number of frames.

    Raises DataError where a second source comes: a document holds one.

    Example:
        from rtmcli import read_frames, write_mmpose

        write_mmpose(read_frames("walk.jsonl"), "walk.json")
    """
    count = 0
    source: str | None = None
    with Sink(sink) as out:
        for frame in frames:
            if source is None:
                source = frame.source
                head = orjson.dumps(_meta(frame.skeleton), option=orjson.OPT_SERIALIZE_NUMPY)
                out.write(b'{"meta_info": ' + head + b', "instance_info": [')
            if frame.source != source:
                raise DataError(f"{frame.source} comes after {source}; an MMPose file holds one source alone")
            entry = {"frame_id": frame.frame + 1, "instances": [_entry(one) for one in frame.instances]}
            out.write((b",\n" if count else b"\n") + orjson.dumps(entry, option=orjson.OPT_SERIALIZE_NUMPY))
            count += 1
        out.write(b'{"meta_info": {}, "instance_info": []}\n' if source is None else b"\n]}\n")
    return count


def read_mmpose(path: str | Path) -> Iterator[Frame]:
    """Records of a prediction file of MMPose's demos or inferencer; the source is called after the file.

    Example:
        from rtmcli import read_frames, read_mmpose, write_mmpose

        write_mmpose(read_frames("walk.jsonl"), "walk.json")
        for frame in read_mmpose("walk.json"):
            print(frame.frame, len(frame.instances))
    """
    path = Path(path)
    try:
        data = orjson.loads(path.read_bytes())
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror}") from None
    except orjson.JSONDecodeError as error:
        raise DataError(f"{path} is not JSON: {error}") from None
    meta = data.get("meta_info", {}) if isinstance(data, dict) else {}
    listed = data.get("instance_info") if isinstance(data, dict) else data
    if not isinstance(listed, list) or not all(isinstance(entry, dict) for entry in listed):
        raise DataError(f"{path}: is not a prediction file of MMPose: it has no list of frames or instances")
    of_image = bool(listed) and "keypoints" in listed[0]
    if of_image:
        listed = [{"frame_id": 0, "instances": listed}]
    first = 0 if isinstance(data, list) or any(entry.get("frame_id") == 0 for entry in listed) else 1
    named = _named_skeleton(meta if isinstance(meta, dict) else {})
    for number, entry in enumerate(listed):
        try:
            people = [_instance(one) for one in entry["instances"]]
            index = int(entry.get("frame_id", number + first)) - first
        except (KeyError, TypeError, ValueError, IndexError, AttributeError):
            raise DataError(
                f"{path}: frame {number} is not MMPose's: expected a list 'instances' of objects with keypoints (x, y "
                "of each), keypoint_scores (a number for each), bbox and bbox_score"
            ) from None
        yield Frame(
            source=path.stem, frame=index, frames=1 if of_image else len(listed), instances=people,
            skeleton=named or _usual_skeleton(people),
        )  # fmt: skip


def _meta(skeleton: str | None) -> dict[str, Any]:
    if skeleton is None:
        return {}
    own = load_skeleton(skeleton)
    return {
        "dataset_name": own.name,
        "num_keypoints": len(own),
        "keypoint_id2name": {str(i): name for i, name in enumerate(own.keypoints)},
        "skeleton_links": [list(link) for link in own.links],
        "sigmas": own.sigmas,
    }


def _entry(one: Instance) -> dict[str, Any]:
    entry: dict[str, Any] = {}
    if one.keypoints is not None:
        points = np.where(np.isnan(one.keypoints), np.float32(0), one.keypoints)
        entry["keypoints"] = np.ascontiguousarray(points[:, :2])
        entry["keypoint_scores"] = np.ascontiguousarray(points[:, 2])
    if one.box is not None:
        # MMPose writes a list of one box.
        entry["bbox"] = [one.box]
    entry["bbox_score"] = 1.0 if one.score is None else one.score
    if one.id is not None:
        entry["track_id"] = one.id
    return entry


def _instance(entry: dict[str, Any]) -> Instance:
    points: Float32Array | None = None
    if entry.get("keypoints"):
        places = np.array(entry["keypoints"], np.float32)[:, :2]  # (K, 2)
        scores = np.array(entry.get("keypoint_scores", [1.0] * len(places)), np.float32)  # (K,)
        points = np.concatenate([places, scores[:, None]], axis=1)  # (K, 3)
        points[(points == 0).all(axis=1)] = np.nan
    box = np.array(entry["bbox"], np.float32).reshape(-1)[:4] if entry.get("bbox") else None
    score = float(entry["bbox_score"]) if entry.get("bbox_score") is not None else None
    track = entry.get("track_id")
    number = int(track) if isinstance(track, int | float) and track >= 0 else None
    return Instance(box=box, score=score, keypoints=points, id=number, label="person")


def _named_skeleton(meta: dict[str, Any]) -> str | None:
    """The skeleton by the name of the data set, else by the names of the keypoints."""
    try:
        return load_skeleton(str(meta["dataset_name"])).name
    except (KeyError, UsageError, DataError):
        pass
    names = meta.get("keypoint_id2name")
    if not isinstance(names, dict) or not names or not all(key.isdecimal() for key in names):
        return None
    found = recognise([str(names[key]) for key in sorted(names, key=int)])
    in_order = found is not None and found[1] == list(range(len(names)))
    return found[0] if found is not None and in_order else None


def _usual_skeleton(people: Iterable[Instance]) -> str | None:
    counts = {len(one.keypoints) for one in people if one.keypoints is not None}
    return BY_COUNT.get(counts.pop()) if len(counts) == 1 else None
