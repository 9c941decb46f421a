"""Keypoints in metres in the plane that people move in: the scale of the image, and the floor under their feet."""

from array import array
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np

from rtmcli.arrays import Float32Array, Float64Array
from rtmcli.errors import DataError, UsageError
from rtmcli.kinematics.body_height import ANKLE, body_heights, typical_height
from rtmcli.kinematics.floor import Floor, fit_floor, resting
from rtmcli.kinematics.seen_points import seen_points
from rtmcli.records.frame import Frame
from rtmcli.records.spool import FrameSpool
from rtmcli.skeletons.of_frame import skeleton_of
from rtmcli.tracking.source_state import seconds

# Of the person in metres, for the speed of resting feet alone, where nothing says the scale.
_USUAL_HEIGHT = 1.7

Known = tuple[float, float, float, float, float]


def to_metres(
    frames: Iterable[Frame],
    *,
    height: float | None = None,
    known: Known | None = None,
    floor_angle: float | Literal["auto"] = 0.0,
    min_score: float = 0.3,
    report: Callable[[str], None] | None = None,
) -> Iterator[Frame]:
    """The frames with `keypoints_metres` on people: x to the right along the floor, y up from it, `null` where missing.

    All frames are read first and wait in a temporary file, unless only a floor angle is given. Each frame gets
    `metres_per_pixel` and `floor_angle`. One scale and one floor hold for a source: they are right for people who move
    in one plane, at right angles to the camera's view. They come from the person in most frames. x is 0 at the left
    edge of the image. Where neither `height` nor `known` is given, frames get `floor_angle` alone.

    Args:
        height: of that person in metres; the height in pixels is the sum of the segments of the body.
        known: x1, y1, x2, y2 of two points in pixels, and the metres between them.
        floor_angle: degrees that the floor rises towards the right of the image; "auto" estimates it from resting feet.
        min_score: a keypoint with a lower score counts as missing for scale and floor.
        report: called with one line for each source: its scale and floor.

    Raises:
        UsageError: both `height` and `known` are given, or the two points are the same.
        DataError: nobody's height can be measured, or several people have no id in one frame, where one person gives
            the scale or the floor's angle.

    Example:
        from rtmcli import read_frames, to_metres

        # The two points of the image that are 0.9 metres apart.
        for frame in to_metres(read_frames("tracked.jsonl"), known=(120, 80, 120, 290, 0.9)):
            for person in frame.instances:
                print(frame.time, person.id, person.extra["keypoints_metres"][0])
    """
    if height is not None and known is not None:
        raise UsageError("the scale comes from a height or from two known points; give one of them")
    if known is not None and known[:2] == known[2:4]:
        raise UsageError("the two known points are the same; their distance must not be 0")
    scaled = height is not None or known is not None
    if not scaled and floor_angle != "auto":
        for frame in frames:
            yield replace(frame, extra={**frame.extra, "floor_angle": float(floor_angle)})
        return
    of_one_person = height is not None or floor_angle == "auto"
    sources: dict[str, dict[int | None, _Track]] = {}
    with FrameSpool() as spool:
        for frame in frames:
            spool.add(frame)
            _measure(frame, sources.setdefault(frame.source, {}), min_score, of_one_person)
        scales = {
            source: _scale_of(source, tracks, height, known, floor_angle)
            for source, tracks in sources.items()
        }
        if report is not None:
            for scale in scales.values():
                report(scale.text)
        for frame in spool:
            yield _in_metres(frame, scales[frame.source], scaled=scaled)


@dataclass(slots=True)
class _Track:
    """A person's time, height in pixels and two feet in each frame."""

    times: "array[float]" = field(default_factory=lambda: array("d"))
    heights: "array[float]" = field(default_factory=lambda: array("d"))
    feet: "array[float]" = field(default_factory=lambda: array("d"))
    on_floor: bool = True  # whether the feet are toes; else ankles


@dataclass(frozen=True, slots=True)
class _Scale:
    metres_per_pixel: float
    floor: Floor
    text: str


def _measure(frame: Frame, tracks: dict[int | None, _Track], min_score: float, of_one_person: bool) -> None:
    """Add what is needed of each person; several without an id are an error where one person gives the scale."""
    rows = {n: one.keypoints for n, one in enumerate(frame.instances) if one.keypoints is not None}
    if not rows or frame.skeleton is None:
        return
    if of_one_person and sum(frame.instances[n].id is None for n in rows) > 1:
        raise DataError(
            f"{frame.source}, frame {frame.frame}: several people have no id, which a scale from the course of one "
            "person needs: run 'rtm track' first"
        )
    names = skeleton_of(frame).keypoints
    points = seen_points(frame, rows, min_score)  # (N, K, 2)
    end = "big_toe" if "left_big_toe" in names else "ankle"
    feet = np.full((len(rows), 2, 2), np.nan)
    if f"left_{end}" in names and f"right_{end}" in names:
        feet = points[:, [names.index(f"{side}_{end}") for side in ("left", "right")]]
    for n, tall, pair in zip(rows, body_heights(points, names), feet, strict=True):
        track = tracks.setdefault(frame.instances[n].id, _Track())
        if track.times and seconds(frame) <= track.times[-1]:
            continue  # a second run of the source says the same
        track.times.append(seconds(frame))
        track.heights.append(tall)
        track.feet.extend(pair.ravel())
        track.on_floor = end == "big_toe"


def _scale_of(
    source: str,
    tracks: dict[int | None, _Track],
    height: float | None,
    known: Known | None,
    floor_angle: float | Literal["auto"],
) -> _Scale:
    people = sorted(tracks, key=lambda one: (-np.isfinite(tracks[one].heights).sum(), one or 0))
    person = people[0] if people else None
    track = tracks.get(person, _Track())
    pixels = typical_height(np.array(track.heights))
    if height is not None and not pixels > 0:
        raise DataError(
            f"{source}: nobody's height can be measured, which needs shoulders, hips, knees and ankles of one side; "
            "give two known points instead (--known)"
        )
    said = []
    if known is not None:
        scale = known[4] / float(np.hypot(known[0] - known[2], known[1] - known[3]))
        said.append(f"{scale * 1000:.4g} mm a pixel, from the known points")
    else:
        scale = (height or _USUAL_HEIGHT) / (pixels if pixels > 0 else 1.0)
    if height is not None:
        where = "the person without id" if person is None else f"id {person}"
        said.append(f"{scale * 1000:.4g} mm a pixel, {where} is {pixels:.4g} pixels tall")
    places = resting(np.array(track.times), np.array(track.feet).reshape(-1, 2, 2), scale)
    angle = None if floor_angle == "auto" else float(floor_angle)
    floor = fit_floor(places, scale, angle)
    if floor is None and angle is None:
        floor = fit_floor(places, scale, 0.0)
        said.append("the floor is taken as level, because resting feet do not span a metre")
    elif floor is not None and angle is None:
        said.append(f"floor angle {round(floor.degrees, 2) + 0.0:.2f} degrees")
    if floor is None:
        said.append("y is 0 at the top of the image, because no resting feet are seen")
        floor = Floor(angle or 0.0, 0.0)
    elif not track.on_floor and pixels > 0:
        floor = replace(floor, level=floor.level + ANKLE * pixels)
    return _Scale(scale, floor, f"{source}: {'; '.join(said)}")


def _in_metres(frame: Frame, scale: _Scale, *, scaled: bool) -> Frame:
    if not scaled:
        return replace(frame, extra={**frame.extra, "floor_angle": scale.floor.degrees})
    extra = {"metres_per_pixel": scale.metres_per_pixel, "floor_angle": scale.floor.degrees}
    instances = [
        one
        if one.keypoints is None
        else replace(one, extra={**one.extra, "keypoints_metres": _rows(one.keypoints, scale)})
        for one in frame.instances
    ]
    return replace(frame, instances=instances, extra={**frame.extra, **extra})


def _rows(keypoints: Float32Array, scale: _Scale) -> list[Float32Array | None]:
    points = metres_of(keypoints[:, :2].astype(np.float64), scale.metres_per_pixel, scale.floor)
    missing = np.isnan(points[:, 0]).tolist()
    return [None if gone else row for gone, row in zip(missing, points.astype(np.float32), strict=True)]


def metres_of(points: Float64Array, metres_per_pixel: float, floor: Floor) -> Float64Array:
    """Points (K, 2) in pixels, y down, as metres along the floor and above it."""
    turn = np.radians(floor.degrees)
    right = metres_per_pixel * points[:, 0]
    up = metres_per_pixel * (floor.level - points[:, 1])
    along = right * np.cos(turn) + up * np.sin(turn)
    above = up * np.cos(turn) - right * np.sin(turn)
    return np.stack([along, above], axis=-1)
