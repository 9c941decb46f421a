"""Angles as keys of the records: one frame in, the same frame out with the angles of each person."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from rtmcli.arrays import Float64Array
from rtmcli.kinematics.angles import Side, angles_2d, angles_3d, visible_sides, wrap
from rtmcli.kinematics.definitions import Definitions, definitions
from rtmcli.kinematics.measured_keys import frame_number
from rtmcli.kinematics.seen_points import seen_points
from rtmcli.records.frame import Frame
from rtmcli.skeletons.of_frame import skeleton_of
from rtmcli.tracking import Tracker
from rtmcli.tracking.source_state import Sources, seconds


class JointAngles:
    """Adds joint and segment angles to each person.

    An instance with keypoints gets the keys `side` (the side that faces the camera) and `angles` (degrees by name), one
    with `keypoints3d` also `angles3d`. An angle is left out where one of its keypoints is missing.

    Args:
        side: the side of the people that faces the camera; "auto" finds it for each person in each frame.
        min_score: a keypoint with a lower score counts as missing, unless it is listed under `filled`.
        velocity: add `angular_velocity` (degrees a second by name) and `keypoint_speeds` (pixels a second, one for each
            keypoint) since the frame before, for people who were in it. People without an id get one first, as from
            `Tracker`. After `to_metres` also `keypoint_speeds_metres` (metres a second). Keypoints in 3D give
            `angular_velocity3d` and `keypoint_speeds3d` (metres a second, relative to the root).

    After `to_metres` segment angles are those to the floor.

    Example:
        from rtmcli import JointAngles, read_frames

        for frame in map(JointAngles(), read_frames("walk.jsonl")):
            for person in frame.instances:
                print(frame.time, person.id, person.extra["angles"].get("right_knee"))
    """

    def __init__(
        self,
        side: Side | Literal["auto"] = "auto",
        *,
        min_score: float = 0.3,
        velocity: bool = False,
    ) -> None:
        self._side = side
        self._min_score = min_score
        self._velocity = velocity
        self._tracker = Tracker(start_score=0, confirm_score=0)
        self._sources: Sources[_Source] = Sources(
            lambda old: _Source(has_ids=old is not None and old.has_ids)
        )

    def __call__(self, frame: Frame) -> Frame:
        """The same frame with angles; the given one stays as it is.

        Raises DataError where there are keypoints and the frame's skeleton is unknown or has no angles, and with
        `velocity` where frames come out of order.
        """
        source = self._sources.of(frame) if self._velocity else None
        if source is not None:
            source.has_ids = source.has_ids or any(one.id is not None for one in frame.instances)
            if not source.has_ids:
                frame = self._tracker(frame)
        if all(one.keypoints is None and one.keypoints3d is None for one in frame.instances):
            if source is not None:
                source.last = source.last3d = {}
            return frame
        skeleton_of(frame)
        table = definitions(frame.skeleton or "")
        added: list[dict[str, Any]] = [{} for _ in frame.instances]
        poses = self._measure_2d(frame, table, added)
        deep = self._measure_3d(frame, table, added)
        if source is not None:
            source.last = _add_velocities(frame, source.last, poses, table, added)
            source.last3d = _add_velocities(frame, source.last3d, deep, table, added, suffix="3d")
        instances = [
            one.changed(extra={**one.extra, **keys}) if keys else one
            for one, keys in zip(frame.instances, added, strict=True)
        ]
        return frame.changed(instances=instances)

    def _measure_2d(
        self, frame: Frame, table: Definitions, added: list[dict[str, Any]]
    ) -> dict[int, "_Pose"]:
        """Add `side` and `angles`; returns the poses that velocities need, by the place of the instance."""
        rows = {n: one.keypoints for n, one in enumerate(frame.instances) if one.keypoints is not None}
        if not rows:
            return {}
        points = seen_points(frame, rows, self._min_score)  # (N, K, 2)
        found: Sequence[Side | None] = (
            visible_sides(points, table) if self._side == "auto" else [self._side] * len(rows)
        )
        floor = frame_number(frame, "floor_angle") or 0.0
        angles = angles_2d(points, table, [side or "right" for side in found], floor)  # (N, A)
        for n, side, values in zip(rows, found, _by_name(table, angles), strict=True):
            if side is not None:
                added[n]["side"] = side
            added[n]["angles"] = values
        return self._kept(frame, rows, points, angles)

    def _measure_3d(
        self, frame: Frame, table: Definitions, added: list[dict[str, Any]]
    ) -> dict[int, "_Pose"]:
        """Add `angles3d`; returns the poses that velocities need, by the place of the instance."""
        rows = {n: one.keypoints3d for n, one in enumerate(frame.instances) if one.keypoints3d is not None}
        if not rows:
            return {}
        points = seen_points(frame, rows, self._min_score)  # (N, K, 3)
        angles = angles_3d(points, table)  # (N, A)
        for n, values in zip(rows, _by_name(table, angles), strict=True):
            added[n]["angles3d"] = values
        return self._kept(frame, rows, points, angles)

    def _kept(
        self, frame: Frame, rows: Mapping[int, Any], points: Float64Array, angles: Float64Array
    ) -> dict[int, "_Pose"]:
        if not self._velocity:
            return {}
        time, skeleton = seconds(frame), frame.skeleton or ""
        return {n: _Pose(skeleton, time, *pose) for n, *pose in zip(rows, points, angles, strict=True)}


@dataclass(slots=True)
class _Pose:
    """What the next frame needs of a person: (K, 2 or 3) points and (A,) angles, both with NaN."""

    skeleton: str
    time: float
    points: Float64Array
    angles: Float64Array


@dataclass(slots=True)
class _Source:
    """Whether the people of a source have ids, and those of its last frame by id."""

    has_ids: bool
    last: dict[int, _Pose] = field(default_factory=dict)
    last3d: dict[int, _Pose] = field(default_factory=dict)


def _add_velocities(
    frame: Frame,
    last: Mapping[int, _Pose],
    poses: Mapping[int, _Pose],
    table: Definitions,
    added: list[dict[str, Any]],
    suffix: str = "",
) -> dict[int, _Pose]:
    """Add `angular_velocity` and `keypoint_speeds` since the last frame; returns the poses of this one by id.

    Args:
        suffix: of the keys: "3d" for poses in space.
    """
    now: dict[int, _Pose] = {}
    scale = frame_number(frame, "metres_per_pixel")
    for n, pose in poses.items():
        number = frame.instances[n].id
        if number is None:
            continue
        now[number] = pose
        before = last.get(number)
        if before is None or before.skeleton != pose.skeleton or pose.time <= before.time:
            continue
        elapsed = pose.time - before.time
        change = wrap(pose.angles - before.angles, table.period)  # (A,)
        distance = np.linalg.norm(pose.points - before.points, axis=-1)  # (K,)
        added[n][f"angular_velocity{suffix}"] = _by_name(table, (change / elapsed)[None])[0]
        added[n][f"keypoint_speeds{suffix}"] = np.float32(distance / elapsed)
        if scale and not suffix:
            added[n]["keypoint_speeds_metres"] = np.float32(distance / elapsed * scale)
    return now


def _by_name(table: Definitions, rows: Float64Array) -> list[dict[str, np.float32]]:
    """Values (N, A) by name without NaN; float32 as all figures of a record, so that few digits restore them."""
    there = ~np.isnan(rows)
    values = rows.astype(np.float32)
    if there.all():
        return [dict(zip(table.names, row, strict=True)) for row in values]
    return [
        {name: value for name, value, known in zip(table.names, *person, strict=True) if known}
        for person in zip(values, there.tolist(), strict=True)
    ]
