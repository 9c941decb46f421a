"""What colours people wear, from the image: the key `appearance` of `rtm pose --appearance`, without a network."""

from dataclasses import replace
from functools import lru_cache

import numpy as np

from rtmcli.arrays import BoolArray, Float32Array, Float64Array, FloatArray, Image
from rtmcli.errors import RtmError
from rtmcli.opencv import cv2
from rtmcli.records.appearance import BINS, GREYS, HUES, KEY
from rtmcli.records.frame import Frame, Instance
from rtmcli.skeletons import load_skeleton

_SEEN = 0.3  # score from which a keypoint is taken as seen
# Without a pose: x and y in box sides of the torso and the legs of somebody who stands.
_TORSO_BOX = (0.3, 0.2, 0.7, 0.5)
_LEGS_BOX = (0.35, 0.55, 0.65, 0.9)
_TORSO_KEYPOINTS = ("left_shoulder", "right_shoulder", "left_hip", "right_hip")
_LEG_KEYPOINTS = ("left_hip", "left_knee", "left_ankle", "right_hip", "right_knee", "right_ankle")
_TORSO_WIDTH = (
    0.3  # torso lengths: what is sampled of a torso seen from the side, whose corners lie on a line
)
_LEG_WIDTH = 0.2  # limb lengths: the width of the strip that is sampled along a limb
_LEAST = 0.5  # share of a part's pixels that must be in the image and not behind somebody nearer
# A pixel counts for a hue by its saturation and value: nothing at 30 or less, all at 90 or more, of 255.
_GREY, _COLOURED = 30, 90


def add_appearance(frame: Frame, image: Image) -> Frame:
    """The frame with the colours of each person's torso and legs as the key `appearance` of the instance.

    Pixels are sampled between the shoulders and hips, and along the legs, where those keypoints have a score of at
    least 0.3. Without a pose of that kind they come from the middle of the box. A part that is not seen is left out,
    and so is the key where neither is.

    Args:
        frame: its instances' boxes and keypoints are in pixels of the image.
        image: (H, W, 3) uint8 BGR.

    Returns:
        A copy. The value is a list of 24 integers, percentages: docs/formats.md describes it.

    Example:
        import numpy as np

        from rtmcli import Frame, Instance, add_appearance

        image = np.full((200, 100, 3), (255, 0, 0), np.uint8)
        frame = Frame("a.png", 0, instances=[Instance(box=np.array([0, 0, 100, 200], np.float32))])
        (person,) = add_appearance(frame, image).instances
        assert person.extra["appearance"][4] == 100  # blue
    """
    boxes = [instance.box for instance in frame.instances]
    described = []
    for at, instance in enumerate(frame.instances):
        nearer = _nearer(boxes, at)
        parts = [
            _histogram(_pixels(image, points, nearer)) for points in _sample_points(instance, frame.skeleton)
        ]
        if any(part is not None for part in parts):
            values = [n for part in parts for n in (part if part is not None else [0] * BINS)]
            instance = replace(instance, extra={**instance.extra, KEY: values})
        described.append(instance)
    return replace(frame, instances=described)


def _sample_points(instance: Instance, skeleton: str | None) -> tuple[FloatArray | None, FloatArray | None]:
    """(N, 2) places in the torso and in the legs, None for a part that is not seen."""
    index = _part_keypoints(skeleton)
    if index is not None and instance.keypoints is not None:
        torso, legs = index
        return _torso_points(instance.keypoints[list(torso)]), _leg_points(instance.keypoints[list(legs)])
    box = instance.box
    if box is None or not np.isfinite(box).all():
        return None, None
    return _box_points(box, _TORSO_BOX), _box_points(box, _LEGS_BOX)


@lru_cache(maxsize=16)
def _part_keypoints(skeleton: str | None) -> tuple[tuple[int, ...], tuple[int, ...]] | None:
    """Indices of the torso's and the legs' keypoints; None in a skeleton that lacks them."""
    try:
        names = load_skeleton(skeleton).keypoints if skeleton else ()
    except RtmError:
        names = ()
    if not set(_TORSO_KEYPOINTS) | set(_LEG_KEYPOINTS) <= set(names):
        return None
    return tuple(map(names.index, _TORSO_KEYPOINTS)), tuple(map(names.index, _LEG_KEYPOINTS))


_STEPS = np.linspace(0.1, 0.9, 10)
_ACROSS, _ALONG = (grid.reshape(-1, 1) for grid in np.meshgrid(_STEPS, _STEPS))  # (100, 1) each
_LIMB_ALONG, _LIMB_ACROSS = (
    grid.reshape(-1, 1) for grid in np.meshgrid(np.linspace(0.1, 0.9, 12), (-0.5, 0, 0.5))
)  # (36, 1) each


def _torso_points(corners: Float32Array) -> FloatArray | None:
    """A grid (100, 2) between two shoulders and two hips (4, 3)."""
    if not (corners[:, 2] >= _SEEN).all():
        return None
    left, right, left_hip, right_hip = corners[:, :2].astype(np.float64)
    middle, length = (left + right) / 2, (left_hip + right_hip - left - right) / 2
    if np.hypot(*(right - left)) < _TORSO_WIDTH * np.hypot(*length):  # from the side
        half = _TORSO_WIDTH / 2 * np.array([-length[1], length[0]])
        left, right = middle - half, middle + half
        left_hip, right_hip = left + length, right + length
    top, bottom = left + (right - left) * _ACROSS, left_hip + (right_hip - left_hip) * _ACROSS
    return np.asarray(top + (bottom - top) * _ALONG)


def _leg_points(joints: Float32Array) -> FloatArray | None:
    """Strips along the thighs and shanks that are seen, of hip, knee, ankle of both sides (6, 3)."""
    strips = []
    for upper, lower in ((0, 1), (1, 2), (3, 4), (4, 5)):
        if joints[upper, 2] >= _SEEN and joints[lower, 2] >= _SEEN:
            start, limb = joints[upper, :2], joints[lower, :2] - joints[upper, :2]
            normal = np.array([-limb[1], limb[0]])
            strips.append(start + limb * _LIMB_ALONG + normal * _LEG_WIDTH * _LIMB_ACROSS)
    return np.concatenate(strips) if strips else None


def _box_points(box: Float32Array, area: tuple[float, float, float, float]) -> FloatArray:
    """A grid (100, 2) in a part of the box."""
    size = box[2:] - box[:2]
    low, high = box[:2] + size * area[:2], box[:2] + size * area[2:]
    return np.asarray(low + (high - low) * np.concatenate([_ACROSS, _ALONG], axis=1))


def _nearer(boxes: list[Float32Array | None], at: int) -> Float32Array:
    """(M, 4) boxes that reach farther down than this person's: who is nearer to the camera hides the others."""
    own = boxes[at]
    found = [
        box
        for k, box in enumerate(boxes)
        if k != at and box is not None and own is not None and box[3] > own[3]
    ]
    return np.array(found, np.float32).reshape(-1, 4)


def _pixels(image: Image, points: FloatArray | None, nearer: Float32Array) -> Image | None:
    """(N, 3) pixels at points that are in the image and outside the nearer boxes; None where too few are."""
    if points is None or not np.isfinite(points).all():
        return None
    height, width = image.shape[:2]
    inside: BoolArray = np.asarray(((points >= 0) & (points < (width, height))).all(axis=1))
    hidden = (points[:, None] >= nearer[None, :, :2]) & (points[:, None] <= nearer[None, :, 2:])  # (N, M, 2)
    seen = inside & ~hidden.all(axis=-1).any(axis=-1)
    if seen.mean() < _LEAST:
        return None
    columns, rows = points[seen].astype(np.intp).T
    found: Image = image[rows, columns]
    return found


def _histogram(pixels: Image | None) -> list[int] | None:
    """Percentages of the hues and grey levels; a pixel is shared between the two nearest bins of either kind."""
    if pixels is None:
        return None
    hue, saturation, value = cv2.cvtColor(pixels[None], cv2.COLOR_BGR2HSV)[0].T.astype(np.float64)
    coloured = np.clip((np.minimum(saturation, value) - _GREY) / (_COLOURED - _GREY), 0, 1)
    hues = _shared(hue / 180 * HUES, coloured, HUES, circular=True)
    greys = _shared(value / 255 * (GREYS - 1), 1 - coloured, GREYS, circular=False)
    shares = np.concatenate([hues, greys]) / len(pixels)
    return [int(n) for n in np.rint(100 * shares)]


def _shared(place: Float64Array, weight: Float64Array, bins: int, *, circular: bool) -> Float64Array:
    """(bins,) sums of the weights, each shared between the bins below and above its place."""
    below = np.floor(place).astype(np.intp)
    part = place - below
    above = (below + 1) % bins if circular else np.minimum(below + 1, bins - 1)
    total = np.bincount(below % bins, weight * (1 - part), bins) + np.bincount(above, weight * part, bins)
    return np.asarray(total)
