"""What a clip is compared with, a second run or labels: who is who, and how far their keypoints are apart."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from rtmcli.arrays import Float32Array, Float64Array, IndexArray
from rtmcli.errors import DataError, UsageError
from rtmcli.formats.image_matching import ImageMatcher
from rtmcli.formats.labels import points_of
from rtmcli.geometry.boxes import from_xywh
from rtmcli.geometry.oks import oks_matrix
from rtmcli.metrics.label_assignment import assign
from rtmcli.records.frame import Frame, Instance
from rtmcli.skeletons import load_skeleton
from rtmcli.view.tracks import Clip, Track

# At this OKS a pair is the same person; below it the distances say nothing about the keypoints.
_SAME_PERSON = 0.5
# COCO's area of a person where labels have none.
_AREA_OF_BOX = 0.53


@dataclass(frozen=True, slots=True)
class KeypointError:
    """Distances of one keypoint over all pairs of people, in pixels; None where there is no pair."""

    name: str
    count: int
    mean: float | None
    median: float | None
    p90: float | None


@dataclass(frozen=True, slots=True, eq=False)
class Reference:
    """A second run or the labels, beside a clip.

    Attributes:
        title: how the page calls it.
        rows: (N,) for each record of the clip the row of the same image in `clip`, or -1.
        distances: for each track of the clip (n,) mean distance of its keypoints in pixels, NaN without a partner; None
            for a track without any.
        pairs: number of people that were found in both.
    """

    title: str
    is_truth: bool
    clip: Clip
    rows: IndexArray
    distances: tuple[Float32Array | None, ...]
    pairs: int
    keypoints: tuple[KeypointError, ...]


def compare_runs(clip: Clip, others: Sequence[Clip], title: str) -> Reference:
    """The clip of the same source in another run, or the only one there is.

    Raises DataError where there is none, or where it has none of the frames.
    """
    named = [other for other in others if other.name == clip.name]
    chosen = named or (list(others) if len(others) == 1 else [])
    if not chosen:
        raise DataError(
            f"{title} has no records of {clip.name}; expected the same sources, or a single one in each file"
        )
    other = chosen[0]
    row_of = {_image(frame, clip.is_images): row for row, frame in enumerate(other.frames)}
    rows = np.array([row_of.get(_image(frame, clip.is_images), -1) for frame in clip.frames])
    if (rows < 0).all():
        raise DataError(f"{title} has none of the frames of {clip.name}; expected records of the same frames")
    return _reference(clip, other, rows, title, is_truth=False)


def compare_with_labels(clip: Clip, labels: Mapping[str, Any], title: str) -> Reference:
    """The labelled people of the clip's images.

    Raises DataError where the labels have no image of the clip.
    """
    matcher = ImageMatcher(labels["images"])
    people: dict[Any, list[Instance]] = {}
    for annotation in labels["annotations"]:
        if not annotation.get("iscrowd") and "keypoints" in annotation:
            people.setdefault(annotation["image_id"], []).append(_labelled(annotation))
    truth = Clip(clip.name, is_images=clip.is_images)
    posed = next((track for track in clip.tracks if track.points), None)
    skeleton = posed.skeleton if posed is not None else None
    counts = {
        len(one.keypoints) for several in people.values() for one in several if one.keypoints is not None
    }
    if posed is not None and counts and posed.points not in counts:
        raise DataError(
            f"{title} has {min(counts)} keypoints for each person, the records of {clip.name} have {posed.points}; "
            "translate the records with 'rtm convert --skeleton NAME'"
        )
    rows = np.full(len(clip.frames), -1)
    for row, frame in enumerate(clip.frames):
        image = matcher.find(frame)
        if image is None:
            continue
        rows[row] = len(truth.frames)
        truth.add(
            Frame(
                frame.source, frame.frame, frame.frames, frame.time, frame.width, frame.height,
                skeleton=skeleton, instances=people.get(image["id"], []), extra=frame.extra,
            )
        )  # fmt: skip
    if not truth.frames:
        raise DataError(f"{title} has no image of {clip.name}; name the labels of these records")
    return _reference(clip, truth, rows, title, is_truth=True)


def _labelled(annotation: Mapping[str, Any]) -> Instance:
    points = points_of(annotation)  # (K, 3) x, y, visibility
    points[points[:, 2] <= 0] = np.nan
    points[:, 2] = np.where(np.isnan(points[:, 2]), np.nan, 1)
    box = from_xywh(np.array([annotation["bbox"]], np.float64))[0] if annotation.get("bbox") else None
    number = annotation.get("track_id")
    return Instance(
        box=None if box is None else box.astype(np.float32),
        keypoints=points.astype(np.float32),
        id=number if isinstance(number, int) else None,
    )


def _reference(clip: Clip, other: Clip, rows: IndexArray, title: str, *, is_truth: bool) -> Reference:
    """Pair the people of each image by OKS and measure the distances of their keypoints."""
    distances: list[Float32Array | None] = [None] * len(clip.tracks)
    place = {id(track): number for number, track in enumerate(clip.tracks)}
    names, sigmas = _skeleton(clip)
    every: list[Float32Array] = []
    theirs = _by_row(other)
    for row, own in _by_row(clip).items():
        matching = theirs.get(int(rows[row]), []) if rows[row] >= 0 else []
        for (track, at), partner in _pairs(own, matching, sigmas):
            apart = np.linalg.norm(track.keypoints()[at, :, :2] - partner[:, :2], axis=1)  # (K,)
            every.append(apart)
            number = place[id(track)]
            values = distances[number]
            if values is None:
                values = distances[number] = np.full(len(track.rows), np.nan, np.float32)
            values[at] = np.nanmean(apart) if np.isfinite(apart).any() else np.nan
    table = np.array(every).reshape(-1, len(names))  # (pairs, K)
    errors = [_error(name, column[np.isfinite(column)]) for name, column in zip(names, table.T, strict=True)]
    return Reference(title, is_truth, other, rows, tuple(distances), len(every), tuple(errors))


def _pairs(
    own: list[tuple[Track, int]], theirs: list[tuple[Track, int]], sigmas: Float64Array
) -> Iterator[tuple[tuple[Track, int], Float32Array]]:
    own = [one for one in own if one[0].points == len(sigmas)]
    theirs = [one for one in theirs if one[0].points == len(sigmas)]
    if not own or not theirs:
        return
    a = np.stack([track.keypoints()[at] for track, at in own])  # (n, K, 3)
    b = np.stack([track.keypoints()[at] for track, at in theirs])
    areas = np.array([_area(*one) for one in theirs])
    similarity = np.concatenate(
        [
            oks_matrix(a, b[i : i + 1], np.full(len(a), area), areas[i : i + 1], sigmas)
            for i, area in enumerate(areas)
        ],
        axis=1,
    )  # (n, m): the area is that of the label, or of the person in the other run
    for row, column in assign(similarity, np.zeros(len(theirs), bool)):
        if similarity[row, column] >= _SAME_PERSON:
            yield own[row], b[column]


def _area(track: Track, at: int) -> float:
    """Square pixels of a person: COCO's share of the box, or of the keypoints' extent where there is no box."""
    box = track.boxes()[at]
    if np.isfinite(box).all():
        sides = box[2:] - box[:2]
    else:
        points = track.keypoints()[at, :, :2]
        known = points[np.isfinite(points).all(axis=1)]
        sides = np.ptp(known, axis=0) if len(known) else np.zeros(2)
    return max(_AREA_OF_BOX * float(sides.prod()), 1.0)


def _by_row(clip: Clip) -> dict[int, list[tuple[Track, int]]]:
    """Record -> its people, each as a track and its row of the track."""
    found: dict[int, list[tuple[Track, int]]] = {}
    for track in clip.tracks:
        if track.points:
            for at, row in enumerate(track.rows):
                found.setdefault(row, []).append((track, at))
    return found


def _skeleton(clip: Clip) -> tuple[Sequence[str], Float64Array]:
    """Names and sigmas of the clip's keypoints."""
    track = next((track for track in clip.tracks if track.points), None)
    if track is None:
        return (), np.zeros(0)
    try:
        skeleton = load_skeleton(track.skeleton) if track.skeleton else None
    except UsageError:
        skeleton = None
    if skeleton is None or len(skeleton) != track.points:
        return [str(number) for number in range(track.points)], np.full(track.points, 0.05)
    return skeleton.keypoints, skeleton.sigmas


def _image(frame: Frame, is_image: bool) -> tuple[str, int] | int:
    """What two runs call the same image."""
    return (str(frame.extra.get("file", frame.source)), frame.frame) if is_image else frame.frame


def _error(name: str, values: np.ndarray) -> KeypointError:
    if not len(values):
        return KeypointError(name, 0, None, None, None)
    median, p90 = np.percentile(values, (50, 90)).tolist()
    return KeypointError(name, len(values), float(values.mean()), median, p90)
