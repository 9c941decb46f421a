"""Augmentation of whole images with their labels, for RTMO and RTMDet.

Each operation is a function of its drawn numbers; `random_scene` draws them. Positions are in pixels.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from rtmcli.arrays import Float32Array, FloatArray, Image
from rtmcli.geometry.affine import sheared_matrix, topdown_matrix, transform, warp
from rtmcli.geometry.flip import flip_boxes, flip_keypoints
from rtmcli.opencv import cv2

# Grey level outside of images.
FILL = 114


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Scene:
    """An image with its G labelled instances.

    image: (H, W, 3) uint8 BGR.
    boxes: (G, 4) x1, y1, x2, y2. labels: (G,) classes. areas: (G,) square pixels.
    keypoints: (G, K, 2); visible: (G, K) above 0 where labelled. K is 0 for a detector.
    ignored: (H, W) uint8, 1 where detections count neither as right nor as wrong (crowds); None for no such pixels.
    """

    image: Image
    boxes: Float32Array
    labels: npt.NDArray[np.int64]
    areas: Float32Array
    keypoints: Float32Array
    visible: Float32Array
    ignored: npt.NDArray[np.uint8] | None = None

    @property
    def size(self) -> tuple[int, int]:
        """(W, H)."""
        return self.image.shape[1], self.image.shape[0]

    def with_image(self, image: Image) -> "Scene":
        """The same labels with another image of the same size."""
        return replace(self, image=image)


def mosaic(scenes: Sequence[Scene], size: tuple[int, int], center_factors: tuple[float, float]) -> Scene:
    """Four images about a common corner, on a canvas of twice `size` (YOLOX; YOLOv4, arXiv 2004.10934).

    Args:
        scenes: upper left, upper right, lower left, lower right; each is resized to fit into `size`.
        size: (W, H).
        center_factors: the common corner in units of `size`, 0.5 to 1.5.
    """
    width, height = size
    cx, cy = int(center_factors[0] * width), int(center_factors[1] * height)
    canvas = np.full((2 * height, 2 * width, 3), FILL, np.uint8)
    ignored = np.zeros(canvas.shape[:2], np.uint8)
    parts = []
    for place, scene in enumerate(scenes):
        scene = fit(scene, size)
        w, h = scene.size
        x = cx - w if place % 2 == 0 else cx
        y = cy - h if place < 2 else cy
        _paste(canvas, scene.image, x, y)
        if scene.ignored is not None:
            _paste(ignored, scene.ignored, x, y)
        parts.append(move(scene, x, y))
    joined = join(parts, canvas, ignored if ignored.any() else None)
    return inside(joined)


def mixup(
    scene: Scene,
    other: Scene,
    *,
    jitter: float,
    flipped: bool,
    offset: tuple[int, int],
    flip_indices: npt.NDArray[np.integer],
) -> Scene:
    """The mean of two images with the labels of both (YOLOX; mixup, arXiv 1710.09412).

    Args:
        scene: of the final size. other: any image.
        jitter: factor on the other image after it has been fitted into that size.
        flipped: whether the other image is mirrored.
        offset: (x, y) of the part of the other image that is taken; see `mixup_room`.
        flip_indices: (K,) the keypoint that moves to each place when mirrored.
    """
    width, height = scene.size
    other = stretch(pad(fit(other, scene.size), scene.size), jitter)
    if flipped:
        other = flip(other, flip_indices)
    room = max(width, other.size[0]), max(height, other.size[1])
    other = crop(pad(other, room), offset, scene.size)
    mixed = (scene.image.astype(np.uint16) + other.image) // 2
    ignored = [s.ignored for s in (scene, other) if s.ignored is not None]
    union = np.maximum.reduce(ignored) if ignored else None
    return join([scene, other], mixed.astype(np.uint8), union)


def mixup_room(size: tuple[int, int], jitter: float) -> tuple[int, int]:
    """The largest offset (x, y) that `mixup` takes: how far the jittered image exceeds `size`."""
    return max(int(size[0] * jitter) - size[0], 0), max(int(size[1] * jitter) - size[1], 0)


def perspective(
    scene: Scene,
    size: tuple[int, int],
    *,
    shift: tuple[float, float] = (0.0, 0.0),
    scale: float = 1.0,
    rotation: float = 0.0,
    shear: tuple[float, float] = (0.0, 0.0),
) -> Scene:
    """Scale, turn and shear about the middle of `size`, then shift (share of `size`): after a mosaic.

    As in mmpose's BottomupRandomAffine the fixed point is the middle of the output, not of the canvas.
    """
    middle = np.array(size, np.float64) / 2
    translate = shift[0] * size[0], shift[1] * size[1]
    matrix = sheared_matrix(middle, translate=translate, scale=scale, rotation=rotation, shear=shear)
    return apply(scene, matrix, size)


def fitted_affine(
    scene: Scene,
    size: tuple[int, int],
    *,
    shift: tuple[float, float] = (0.0, 0.0),
    scale: float = 1.0,
    rotation: float = 0.0,
) -> Scene:
    """The whole image in `size` with its aspect kept, then shifted (share of the image), scaled, turned.

    `scale` is that of the view: 2 shows everything half as large.
    """
    width, height = scene.size
    middle = np.array([width / 2, height / 2]) + np.array(shift) * (width, height)
    ratio = max(width / size[0], height / size[1]) * scale
    matrix = topdown_matrix(middle, np.array(size) * ratio, size, rotation)
    return apply(scene, matrix, size)


def apply(scene: Scene, matrix: FloatArray, size: tuple[int, int]) -> Scene:
    """A scene through a (2, 3) matrix: boxes become the extent of their rotated corners, clipped to the border."""
    x1, y1, x2, y2 = scene.boxes.T
    corners = np.stack([np.stack([x1, x2, x1, x2], -1), np.stack([y1, y1, y2, y2], -1)], -1)  # (G, 4, 2)
    corners = transform(corners, matrix)
    boxes = np.concatenate([corners.min(axis=1), corners.max(axis=1)], axis=-1)
    growth = abs(np.linalg.det(matrix[:, :2]))
    ignored = None
    if scene.ignored is not None:
        ignored = np.asarray(cv2.warpAffine(scene.ignored, matrix, size, flags=cv2.INTER_NEAREST), np.uint8)
    return inside(
        replace(
            scene,
            image=warp(scene.image, matrix, size, FILL),
            boxes=boxes.astype(np.float32),
            areas=(scene.areas * growth).astype(np.float32),
            keypoints=transform(scene.keypoints, matrix).astype(np.float32),
            ignored=ignored,
        )
    )


def flip(scene: Scene, flip_indices: npt.NDArray[np.integer]) -> Scene:
    """The mirrored image: left becomes right.

    Boxes are mirrored as their keypoints are, x' = W - 1 - x (mmpose), or edge to edge where there are none (mmdet).
    """
    keypoints, visible, (width, height) = scene.keypoints, scene.visible, scene.size
    if keypoints.shape[1]:
        keypoints, visible = flip_keypoints(keypoints, visible, (width, height), flip_indices)
        boxes = flip_boxes(scene.boxes, (width, height))
    else:
        boxes = flip_boxes(scene.boxes, (width + 1, height))
    return replace(
        scene,
        image=np.ascontiguousarray(scene.image[:, ::-1]),
        boxes=boxes,
        keypoints=keypoints,
        visible=visible,
        ignored=None if scene.ignored is None else np.ascontiguousarray(scene.ignored[:, ::-1]),
    )


def fit(scene: Scene, size: tuple[int, int]) -> Scene:
    """Resized to fit into `size` with its aspect kept."""
    width, height = scene.size
    return stretch(scene, min(size[0] / width, size[1] / height))


def stretch(scene: Scene, ratio: float) -> Scene:
    """Resized by one ratio; sides are truncated to whole pixels, positions are not."""
    width, height = scene.size
    target = max(int(width * ratio), 1), max(int(height * ratio), 1)
    ignored = scene.ignored
    if ignored is not None:
        ignored = np.asarray(cv2.resize(ignored, target, interpolation=cv2.INTER_NEAREST), np.uint8)
    return replace(
        scene,
        image=np.asarray(cv2.resize(scene.image, target, interpolation=cv2.INTER_LINEAR), np.uint8),
        boxes=scene.boxes * np.float32(ratio),
        areas=scene.areas * np.float32(ratio**2),
        keypoints=scene.keypoints * np.float32(ratio),
        ignored=ignored,
    )


def pad(scene: Scene, size: tuple[int, int]) -> Scene:
    """Grey pixels added right and below up to `size`."""
    canvas = np.full((size[1], size[0], 3), FILL, np.uint8)
    _paste(canvas, scene.image, 0, 0)
    ignored = None
    if scene.ignored is not None:
        ignored = np.zeros(canvas.shape[:2], np.uint8)
        _paste(ignored, scene.ignored, 0, 0)
    return replace(scene, image=canvas, ignored=ignored)


def crop(scene: Scene, offset: tuple[int, int], size: tuple[int, int]) -> Scene:
    """The part of at most `size` that begins at `offset` (x, y)."""
    (x, y), (width, height) = offset, size
    rows, columns = slice(y, y + height), slice(x, x + width)
    ignored = None if scene.ignored is None else scene.ignored[rows, columns]
    return inside(move(replace(scene, image=scene.image[rows, columns], ignored=ignored), -x, -y))


def move(scene: Scene, x: float, y: float) -> Scene:
    """All positions moved, the image unchanged."""
    shift = np.array([x, y], np.float32)
    return replace(scene, boxes=scene.boxes + np.tile(shift, 2), keypoints=scene.keypoints + shift)


def inside(scene: Scene) -> Scene:
    """Boxes clipped to the image's border; keypoints beyond it stay where they are and become invisible."""
    limit = np.array(scene.size, np.float32)
    within = ((scene.keypoints >= 0) & (scene.keypoints <= limit)).all(axis=-1)  # (G, K)
    return replace(
        scene,
        boxes=np.clip(scene.boxes, 0, np.tile(limit, 2)),
        visible=(scene.visible * within).astype(np.float32),
    )


def keep_people(scene: Scene, *, min_side: float = 1.0) -> Scene:
    """Without instances whose box is `min_side` pixels or less, or (where K > 0) without a visible keypoint."""
    sides = scene.boxes[:, 2:] - scene.boxes[:, :2]
    kept = (sides > min_side).all(axis=1)
    if scene.keypoints.shape[1]:
        kept &= (scene.visible > 0).any(axis=1)
    return replace(
        scene,
        boxes=scene.boxes[kept],
        labels=scene.labels[kept],
        areas=scene.areas[kept],
        keypoints=scene.keypoints[kept],
        visible=scene.visible[kept],
    )


def join(scenes: Sequence[Scene], image: Image, ignored: npt.NDArray[np.uint8] | None) -> Scene:
    """The labels of several scenes in one image."""
    return Scene(
        image=image,
        boxes=np.concatenate([s.boxes for s in scenes]),
        labels=np.concatenate([s.labels for s in scenes]),
        areas=np.concatenate([s.areas for s in scenes]),
        keypoints=np.concatenate([s.keypoints for s in scenes]),
        visible=np.concatenate([s.visible for s in scenes]),
        ignored=ignored,
    )


def _paste(canvas: npt.NDArray[np.uint8], part: npt.NDArray[np.uint8], x: int, y: int) -> None:
    """Write `part` into `canvas` with its corner at x, y; what lies outside is dropped."""
    left, top = max(-x, 0), max(-y, 0)
    right, bottom = min(part.shape[1], canvas.shape[1] - x), min(part.shape[0], canvas.shape[0] - y)
    canvas[y + top : y + bottom, x + left : x + right] = part[top:bottom, left:right]
