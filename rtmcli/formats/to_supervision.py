"""Records as objects of roboflow's supervision, for its annotators, zones and trackers. Needs supervision."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal, overload

import numpy as np

from rtmcli.errors import DataError
from rtmcli.records.frame import Frame, Instance

if TYPE_CHECKING:
    import supervision

# What supervision has for a track without an id.
_NO_ID = -1


@overload
def to_supervision(frame: Frame, kind: Literal["keypoints"] = "keypoints") -> "supervision.KeyPoints": ...


@overload
def to_supervision(frame: Frame, kind: Literal["detections"]) -> "supervision.Detections": ...


def to_supervision(frame: Frame, kind: Literal["keypoints", "detections"] = "keypoints") -> Any:
    """The people of a frame as `supervision.KeyPoints`, or their boxes as `supervision.Detections`.

    Keypoints: `xy` (N, K, 2), 0 where one does not exist and `visible` is false there; `keypoint_confidence`,
    `detection_confidence`. Detections: `xyxy`, `confidence`, `tracker_id` where people have ids. `class_id` numbers the
    labels of the frame in order of the alphabet; `data` has `class_name`, and for keypoints `tracker_id` (-1 without).
    People without keypoints, or without a box, are left out.

    Raises:
        DataError: people of one frame have different numbers of keypoints.
        ModuleNotFoundError: supervision is not installed (the extra `supervision`).

    Example:
        import supervision
        from rtmcli import load_skeleton, open_media, read_frames, to_supervision

        edges = [(a + 1, b + 1) for a, b in load_skeleton("coco17").links]
        draw = supervision.EdgeAnnotator(edges=edges)
        for picture, frame in zip(open_media("walk.mp4", max_frames=2), read_frames("walk.jsonl")):
            draw.annotate(picture.image, to_supervision(frame))
    """
    import supervision

    if kind == "detections":
        return _detections(supervision, [one for one in frame.instances if one.box is not None])
    people = [one for one in frame.instances if one.keypoints is not None]
    counts = {len(one.keypoints) for one in people if one.keypoints is not None}
    if len(counts) > 1:
        raise DataError(
            f"{frame.source}, frame {frame.frame}: people have {' and '.join(map(str, sorted(counts)))} keypoints; "
            "supervision takes one number for all"
        )
    return _keypoints(supervision, people)


def _keypoints(module: Any, people: Sequence[Instance]) -> Any:
    if not people:
        return module.KeyPoints.empty()
    points = np.stack([one.keypoints for one in people if one.keypoints is not None])  # (N, K, 3)
    there = np.asarray(~np.isnan(points[..., :2]).any(axis=-1))  # (N, K)
    return module.KeyPoints(
        xy=np.where(there[..., None], points[..., :2], np.float32(0)),
        class_id=_classes(people),
        keypoint_confidence=np.nan_to_num(points[..., 2]),
        detection_confidence=_scores(people),
        visible=there,
        data={"class_name": _labels(people), "tracker_id": _ids(people)},
    )


def _detections(module: Any, people: Sequence[Instance]) -> Any:
    if not people:
        return module.Detections.empty()
    ids = _ids(people)
    return module.Detections(
        xyxy=np.stack([one.box for one in people if one.box is not None]),
        confidence=_scores(people),
        class_id=_classes(people),
        tracker_id=None if (ids == _NO_ID).all() else ids,
        data={"class_name": _labels(people)},
    )


def _labels(people: Sequence[Instance]) -> Any:
    return np.array([one.label or "person" for one in people])


def _classes(people: Sequence[Instance]) -> Any:
    return np.unique(_labels(people), return_inverse=True)[1]


def _ids(people: Sequence[Instance]) -> Any:
    return np.array([_NO_ID if one.id is None else one.id for one in people])


def _scores(people: Sequence[Instance]) -> Any:
    """(N,) box scores; None where an instance has none."""
    scores = [one.score for one in people]
    return None if any(score is None for score in scores) else np.array(scores, np.float32)
