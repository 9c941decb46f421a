"""One person's track, smoothed: sides and outliers repaired, gaps filled, then a filter without lag."""

from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import numpy as np

from rtmcli.arrays import BoolArray, Float32Array, Float64Array
from rtmcli.filters.defaults import CUTOFF
from rtmcli.filters.gaps import find_outliers, gap_lengths, interpolate, spline
from rtmcli.filters.swaps import find_swaps, limb_pairs
from rtmcli.filters.zero_lag import FILTERS, kalman
from rtmcli.records.frame import Instance
from rtmcli.skeletons import Skeleton

# Seconds without a sample after which a track is filtered anew: nothing is known of what happened between.
_LONGEST_BRIDGE = 0.5
_EVEN = 0.02  # share of the interval that times may be off and still count as even
# Samples for each frame where times are uneven: the median interval may be a thousandth of the mean one, where frames
# arrive in bursts.
_DENSEST = 20


@dataclass(frozen=True, slots=True)
class OfflineOptions:
    """How a recording is smoothed.

    Attributes:
        method: `kalman` or a key of `zero_lag.FILTERS`.
        cutoff: hertz. 6 is usual for gait; fast sport wants more.
        fill: seconds up to which a gap is filled.
        outliers, swaps: whether these are repaired first.

    Example:
        from rtmcli import OfflineOptions

        options = OfflineOptions(method="kalman", cutoff=8, fill=0.3)
    """

    method: str = "butterworth"
    cutoff: float = CUTOFF
    fill: float = 0.0
    outliers: bool = True
    swaps: bool = True


@dataclass(slots=True)
class Repairs:
    """What was repaired: frames with exchanged sides, outliers, and filled keypoints.

    Example:
        from rtmcli import Repairs, read_frames, smooth_offline

        repairs = Repairs()
        frames = list(smooth_offline(read_frames("walk.jsonl"), repairs=repairs))
        print(repairs.swaps)
    """

    swaps: int = 0
    outliers: int = 0
    filled: int = 0


class Rows:
    """Arrays (K, D) of float32, one or none a frame, packed: an hour of arrays takes several times as much memory."""

    def __init__(self) -> None:
        self._shape: tuple[int, ...] | None = None
        self._alike = True
        self._places = array("q")
        self._values = bytearray()

    def add(self, place: int, row: Float32Array | None) -> None:
        """Keep the row of the frame at this place."""
        if row is None or not row.size:
            return
        self._shape = self._shape or row.shape
        self._alike = self._alike and row.shape == self._shape
        if self._alike:
            self._places.append(place)
            self._values += row.astype(np.float32).tobytes()

    def stacked(self, first: int, count: int) -> Float64Array | None:
        """(count, K, D) from frame `first`, NaN in frames without; None without any, or where their shape changes."""
        if self._shape is None or not self._alike:
            return None
        result = np.full((count, *self._shape), np.nan)
        given = np.frombuffer(self._values, np.float32).reshape(-1, *self._shape)
        result[np.array(self._places) - first] = given
        return result


@dataclass(slots=True)
class Track:
    """One person in one pass through a source: rows (K, 3 or 4) and boxes (4,) by frame."""

    frames: list[int] = field(default_factory=list)  # positions in the pass
    boxes: Rows = field(default_factory=Rows)
    keypoints: Rows = field(default_factory=Rows)
    keypoints3d: Rows = field(default_factory=Rows)

    def add(self, position: int, instance: Instance) -> None:
        """Keep what a frame knows of the person."""
        self.frames.append(position)
        self.boxes.add(position, instance.box)
        self.keypoints.add(position, instance.keypoints)
        self.keypoints3d.add(position, instance.keypoints3d)


@dataclass(slots=True)
class Smoothed:
    """A track after smoothing: one row per frame from its first to its last.

    Attributes:
        first: position of the first frame in the pass.
        boxes: (M, 4). keypoints: (M, K, 3) or None. keypoints3d: (M, K, 4) or None. NaN where nothing is known.
        filled: (M, K) keypoints that no network saw.
    """

    first: int
    boxes: Float32Array | None
    keypoints: Float32Array | None
    keypoints3d: Float32Array | None
    filled: BoolArray | None


def smooth_track(
    track: Track, times: Float64Array, skeleton: Skeleton | None, options: OfflineOptions, repairs: Repairs
) -> Smoothed:
    first, last = track.frames[0], track.frames[-1]
    when = times[first : last + 1]
    rows = np.array(track.frames) - first
    corners = _corners(track.boxes.stacked(first, len(when)))
    flat = track.keypoints.stacked(first, len(when))
    size = _size(corners, flat)
    boxes = None
    if corners is not None:
        smooth = _smooth_points(corners, when, size, replace(options, outliers=False), Repairs())[0]
        boxes = smooth[..., :2].reshape(len(when), 4).astype(np.float32)
    keypoints = filled = None
    if flat is not None:
        if options.swaps and skeleton is not None and len(skeleton) == flat.shape[1]:
            repairs.swaps += _repair_swaps(flat, rows, when, skeleton, size)
        smooth, filled = _smooth_points(flat, when, size, options, repairs)
        keypoints = smooth.astype(np.float32)
    deep = track.keypoints3d.stacked(first, len(when))
    keypoints3d = None
    if deep is not None:
        smooth = _smooth_points(deep, when, _extent(deep[..., :3]), options, Repairs())[0]
        keypoints3d = smooth.astype(np.float32)
    return Smoothed(first, boxes, keypoints, keypoints3d, filled)


def _repair_swaps(
    points: Float64Array, rows: Float64Array, times: Float64Array, skeleton: Skeleton, size: float
) -> int:
    """Correct exchanged sides in place; returns in how many frames."""
    touched = np.zeros(len(rows), np.bool_)
    for pairs in limb_pairs(skeleton):
        exchanged = find_swaps(points[rows, :, :2], times[rows], pairs, size)
        touched |= exchanged
        at = rows[exchanged]
        for left, right in pairs:
            points[at, left], points[at, right] = points[at, right], points[at, left].copy()
    return int(touched.sum())


def _smooth_points(
    points: Float64Array, times: Float64Array, size: float, options: OfflineOptions, repairs: Repairs
) -> tuple[Float64Array, BoolArray]:
    """Points (M, K, D + 1), coordinates and a score, smoothed; and which of them were filled (M, K)."""
    result = points.copy()
    places, scores = points[..., :-1], points[..., -1]
    seen = np.asarray(~np.isnan(places).any(axis=-1))
    places = places.copy()
    if options.outliers:
        wrong = find_outliers(places, size) & seen
        repairs.outliers += int(wrong.sum())
        places[wrong] = np.nan
    gaps = gap_lengths(seen, times)
    filled = ~seen & (gaps <= options.fill)
    repairs.filled += int(filled.sum())
    for part in _parts(np.asarray(seen.any(axis=1)), times, max(_LONGEST_BRIDGE, options.fill)):
        flat = places[part].reshape(part.stop - part.start, -1)
        weight = np.repeat(
            np.nan_to_num(np.where(np.isnan(places[part, :, 0]), 0, scores[part])), places.shape[2], axis=1
        )
        smooth = _smoothed_and_filled(flat, times[part], weight, options).reshape(places[part].shape)
        known = (seen | filled)[part] & ~np.isnan(smooth).any(axis=-1)
        result[part, :, :-1][known] = smooth[known]
    result[..., -1][filled] = 0
    return result, filled


def _smoothed_and_filled(
    values: Float64Array, times: Float64Array, weight: Float64Array, options: OfflineOptions
) -> Float64Array:
    """Filtered values (N, C); gaps follow a spline through what is known of the motion on both sides.

    The first interpolation stops at the ends of a gap, and the filter with it. What it gives there is good enough to
    tell the velocities, so the gap is filled again from the filtered samples, and all is filtered once more.
    """
    smooth = _filtered(interpolate(values, times), times, weight, options)
    missing = np.isnan(values)
    if not missing.any() or missing.all():
        return smooth
    again = np.where(missing, spline(np.where(missing, np.nan, smooth), times), values)
    smooth = _filtered(again, times, weight, options)
    return np.where(missing, spline(np.where(missing, np.nan, smooth), times), smooth)


def _filtered(
    values: Float64Array, times: Float64Array, weight: Float64Array, options: OfflineOptions
) -> Float64Array:
    """The filter on evenly spaced times, resampled where the given ones are not."""
    known = ~np.isnan(values).any(axis=0)
    if len(values) < 3 or not known.any():
        return values
    step = float(np.median(np.diff(times)))
    even = np.abs(np.diff(times) - step).max() <= _EVEN * step
    samples = min((times[-1] - times[0]) / step, _DENSEST * len(times))
    grid = times if even else np.linspace(times[0], times[-1], max(3, round(samples) + 1))
    rate = (len(grid) - 1) / (grid[-1] - grid[0])
    signal, trust = values[:, known], weight[:, known]
    if not even:
        signal, trust = _resampled(signal, times, grid), _resampled(trust, times, grid)
    if options.method == "kalman":
        smooth = kalman(signal, rate, options.cutoff, trust)
    else:
        smooth = FILTERS[options.method](signal, rate, options.cutoff)
    result = values.copy()
    result[:, known] = smooth if even else _resampled(smooth, grid, times)
    return result


def _resampled(values: Float64Array, times: Float64Array, wanted: Float64Array) -> Float64Array:
    from scipy.interpolate import PchipInterpolator

    return np.asarray(PchipInterpolator(times, values, axis=0)(np.clip(wanted, times[0], times[-1])))


def _parts(seen: BoolArray, times: Float64Array, longest: float) -> Iterator[slice]:
    """The stretches of a track between which nothing was seen for longer than that."""
    present = np.flatnonzero(seen)
    if not len(present):
        return
    cuts = np.flatnonzero(np.diff(times[present]) > longest)
    starts = [present[0], *present[cuts + 1]]
    ends = [*present[cuts], present[-1]]
    for start, end in zip(starts, ends, strict=True):
        yield slice(int(start), int(end) + 1)


def _corners(boxes: Float64Array | None) -> Float64Array | None:
    """Boxes (M, 4) as two points with score 1, (M, 2, 3); NaN where there is none."""
    if boxes is None:
        return None
    corners = np.ones((len(boxes), 2, 3))
    corners[..., :2] = boxes.reshape(-1, 2, 2)
    corners[np.isnan(boxes).all(axis=1)] = np.nan
    return corners


def _size(corners: Float64Array | None, keypoints: Float64Array | None) -> float:
    """The usual size of a person in pixels: the box's height, else the keypoints' extent."""
    if corners is not None:
        heights = corners[:, 1, 1] - corners[:, 0, 1]
        if not np.isnan(heights).all():
            return float(max(np.nanmedian(heights), 1e-6))
    return 1.0 if keypoints is None else _extent(keypoints[..., :2])


def _extent(points: Float64Array) -> float:
    """The median diagonal of what contains the points (M, K, D) of a frame; 1 where there is no point."""
    missing = np.isnan(points)
    low = np.where(missing, np.inf, points).min(axis=1)  # (M, D)
    high = np.where(missing, -np.inf, points).max(axis=1)
    known = np.asarray((low <= high).all(axis=-1))  # (M,)
    if not known.any():
        return 1.0
    return float(max(np.median(np.linalg.norm(high[known] - low[known], axis=-1)), 1e-6))
