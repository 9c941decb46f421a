"""Records to a recording of the Rerun viewer (.rrd), with rerun-sdk (the extra `rerun`).

Entities: `<source>/people/<id>` with the keypoints and the box of a person, `<source>/people/<id>/score` with the
score, on the timelines `frame` and `time`. The names and links of keypoints are an annotation context of the source.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from rtmcli.files import replacing
from rtmcli.records.frame import Frame, Instance
from rtmcli.skeletons import load_skeleton

# Rerun's class of people; 0 is its default for what has no class.
_PERSON = 1


def write_rerun(frames: Iterable[Frame], path: str | Path) -> int:
    """Write records as a recording, which `rerun FILE` opens. Returns the number of frames.

    A person without an id is called after the place in the frame. Scores of keypoints are a component of their own,
    `keypoint_scores`.

    Raises:
        ModuleNotFoundError: rerun-sdk is not installed.

    Example:
        from rtmcli import read_frames, write_rerun

        write_rerun(read_frames("walk.jsonl"), "walk.rrd")
    """
    import rerun as rr

    count = 0
    skeletons: dict[str, str | None] = {}  # source -> skeleton that its annotation context describes
    present: dict[str, set[str]] = {}  # source -> entities of the people in its last frame
    with replacing(Path(path)) as temporary:
        recording = rr.RecordingStream("rtm")
        recording.save(str(temporary))
        for frame in frames:
            count += 1
            _set_time(recording, frame)
            if frame.skeleton is not None and frame.skeleton != skeletons.get(frame.source):
                skeletons[frame.source] = frame.skeleton
                recording.log(_entity(frame.source), _annotations(frame.skeleton), static=True)
            here = {_person_entity(frame, one, n): one for n, one in enumerate(frame.instances)}
            for gone in sorted(present.get(frame.source, set()) - here.keys()):
                recording.log(gone, rr.Clear(recursive=True))
            for entity, one in here.items():
                _log_person(recording, entity, one)
            present[frame.source] = set(here)
        recording.flush()
        recording.disconnect()
    return count


def _set_time(recording: Any, frame: Frame) -> None:
    recording.set_time("frame", sequence=frame.frame)
    if frame.time is not None:
        recording.set_time("time", duration=frame.time)


def _entity(*parts: str) -> str:
    import rerun as rr

    return str(rr.new_entity_path(list(parts)))


def _person_entity(frame: Frame, one: Instance, number: int) -> str:
    return _entity(frame.source, "people", f"unknown_{number}" if one.id is None else str(one.id))


def _annotations(skeleton: str) -> Any:
    import rerun as rr

    own = load_skeleton(skeleton)
    points = [
        rr.AnnotationInfo(number, name, color)
        for number, (name, color) in enumerate(zip(own.keypoints, own.colors, strict=True))
    ]
    person = rr.ClassDescription(
        info=rr.AnnotationInfo(_PERSON, "person"),
        keypoint_annotations=points,
        keypoint_connections=list(own.links),
    )
    return rr.AnnotationContext([person])


def _log_person(recording: Any, entity: str, one: Instance) -> None:
    import rerun as rr

    held: list[Any] = []
    if one.keypoints is not None:
        known = np.flatnonzero(~np.isnan(one.keypoints[:, :2]).any(axis=1))
        held.append(
            rr.Points2D(
                one.keypoints[known, :2],
                keypoint_ids=known,
                class_ids=np.full(len(known), _PERSON),
                show_labels=False,
            )
        )
        held.append(rr.AnyValues(keypoint_scores=one.keypoints[known, 2].astype(np.float64)))
    if one.box is not None:
        low, high = one.box[:2], one.box[2:]
        held.append(rr.Boxes2D(mins=[low], sizes=[high - low], class_ids=[_PERSON]))
    if held:
        recording.log(entity, *held)
    if one.score is not None:
        recording.log(f"{entity}/score", rr.Scalars(one.score))
