"""Draw skeletons, boxes and ids on an image, with line widths that suit each person at any resolution."""

import math

import numpy as np

from rtmcli.arrays import Image
from rtmcli.errors import DataError
from rtmcli.records.frame import Frame, Instance
from rtmcli.skeletons import Color, Skeleton, load_skeleton
from rtmcli.skeletons.of_frame import skeleton_of

# OpenCV draws at 1/16 of a pixel.
_SHIFT = 4
# A circle of radius 1 as a polygon, (20, 2).
_ANGLES = np.linspace(0, 2 * np.pi, 20, endpoint=False)
_CIRCLE = np.stack([np.cos(_ANGLES), np.sin(_ANGLES)], -1).astype(np.float32)
# What is under a limb remains visible.
_OPACITY = 0.85

# Colours of ids (RGB), distinct from each other and from skin, grass and concrete; they repeat after twelve.
ID_COLORS: tuple[Color, ...] = (
    (255, 196, 0), (0, 176, 255), (255, 82, 82), (105, 240, 64), (224, 64, 251), (0, 229, 205),
    (255, 145, 0), (124, 140, 255), (255, 110, 199), (174, 214, 20), (0, 150, 136), (200, 160, 120),
)  # fmt: skip


def draw_frame(
    image: Image,
    frame: Frame,
    *,
    skeleton: str | Skeleton | None = None,
    score_threshold: float = 0.3,
    boxes: bool = True,
    ids: bool = True,
) -> Image:
    """Draw a frame's instances.

    Args:
        image: (H, W, 3) uint8 BGR; drawn on in place where it can be written to.
        frame: who is in it, in pixels of `image`.
        skeleton: of the keypoints; by default the frame's own. Without one, keypoints are drawn without limbs.
        score_threshold: keypoints scored lower are not drawn, nor the limbs that end in them.
        boxes: draw boxes.
        ids: write ids (and labels other than "person"; scores where there are no keypoints) over the boxes.

    Returns:
        The image, or a copy if it was read-only.

    Raises:
        DataError: the number of keypoints is not that of the skeleton, or the frame names one that does not exist.

    Example:
        from rtmcli import draw_frame, open_media, open_writer, read_frames

        frames = read_frames("walk.jsonl")
        with open_writer("drawn.mp4") as writer:
            for picture, frame in zip(open_media("walk.mp4", max_frames=2), frames):
                writer.write(draw_frame(picture.image, frame), time=picture.time)
    """
    from rtmcli.opencv import cv2

    if not (image.flags.writeable and image.flags.c_contiguous):
        image = image.copy()
    if not frame.instances:
        return image
    known = _skeleton(skeleton, frame)
    overlay = image.copy()
    # Small people first: large ones are nearer and cover them.
    people = sorted(frame.instances, key=_size)
    for person in people:
        color = _color(person)
        if boxes and person.box is not None and np.isfinite(person.box).all():
            _draw_box(overlay, person.box, color, _line_width(person, image) * 0.4)
        if person.keypoints is not None:
            _draw_pose(overlay, person, known, score_threshold, frame)
    cv2.addWeighted(overlay, _OPACITY, image, 1 - _OPACITY, 0, dst=image)
    if ids:
        for person in people:
            if text := _label(person):
                _draw_label(image, person, text, _color(person))
    return image


def _draw_pose(
    image: Image, person: Instance, skeleton: Skeleton | None, score_threshold: float, frame: Frame
) -> None:
    """Draw limbs over their dark outlines, then keypoints."""
    assert person.keypoints is not None
    points = person.keypoints  # (K, 3)
    if skeleton is not None and len(points) != len(skeleton):
        raise DataError(
            f"{frame.source}, frame {frame.frame}: {len(points)} keypoints, but {skeleton.name} has "
            f"{len(skeleton)}; name their skeleton with --skeleton"
        )
    height, width = image.shape[:2]
    # What lies far outside would overflow OpenCV's integers, and cannot be seen. NaN is not near.
    near = (np.abs(points[:, :2] - (width / 2, height / 2)) < 4 * max(width, height)).all(axis=1)
    shown = near & (points[:, 2] >= score_threshold)
    full_width = _line_width(person, image)
    outline = max(1.0, full_width * 0.35)
    # Of the widest limb that ends in each keypoint, (K,).
    widths = np.zeros(len(points), np.float32)
    limbs = []
    for number, (a, b) in enumerate(skeleton.links if skeleton is not None else ()):
        if shown[a] and shown[b]:
            # Short limbs, as those of a hand, get thin lines, or they would merge.
            length = math.dist(points[a, :2], points[b, :2])
            line = min(full_width, max(0.2 * length, 0.35 * full_width, 1.0))
            widths[[a, b]] = np.maximum(widths[[a, b]], line)
            limbs.append((a, b, line, skeleton.link_colors[number] if skeleton is not None else ID_COLORS[0]))
    for a, b, line, _ in limbs:
        _draw_line(image, points[a], points[b], (0, 0, 0), line + outline)
    for a, b, line, color in limbs:
        _draw_line(image, points[a], points[b], color, line)
    # A keypoint without a limb is one of many in a face; where no limb is drawn, keypoints may be larger.
    radius = np.maximum(np.where(widths > 0, widths * 0.75, full_width * (0.25 if limbs else 0.5)), 0.8)
    seen = np.flatnonzero(shown).tolist()
    colors = [skeleton.colors[index] if skeleton is not None else ID_COLORS[1] for index in seen]
    outlined = [(index, (0, 0, 0)) for index in seen if widths[index] > 2]
    _draw_points(image, points, radius + outline / 2, outlined)
    _draw_points(image, points, radius, list(zip(seen, colors, strict=True)))


def _line_width(person: Instance, image: Image) -> float:
    """Width of a limb in pixels: by the person's size, within limits that the image's size sets."""
    widest: float = max(1.5, min(image.shape[:2]) / 110)
    return min(max(_size(person) / 75, 1.0), widest)


def _size(person: Instance) -> float:
    """A person's size in pixels: the box's longer side, or the extent of the keypoints."""
    if person.box is not None and np.isfinite(person.box).all():
        x1, y1, x2, y2 = person.box.tolist()
        return float(max(x2 - x1, y2 - y1))
    points = _places(person)
    return float(np.ptp(points, axis=0).max()) if len(points) else 0.0


def _places(person: Instance) -> np.ndarray:
    """(n, 2) places of the keypoints that exist, in pixels."""
    if person.keypoints is None:
        return np.zeros((0, 2), np.float32)
    points = person.keypoints[:, :2]
    return points[np.isfinite(points).all(axis=1)]


def _color(person: Instance) -> Color:
    return ID_COLORS[person.id % len(ID_COLORS)] if person.id is not None else ID_COLORS[0]


def _label(person: Instance) -> str:
    words = [] if person.label in (None, "person") else [str(person.label)]
    if person.id is not None:
        words.append(str(person.id))
    elif person.keypoints is None and person.score is not None:
        words.append(f"{person.score:.2f}")
    return " ".join(words)


def _draw_line(image: Image, a: np.ndarray, b: np.ndarray, color: Color, width: float) -> None:
    from rtmcli.opencv import cv2

    cv2.line(image, _fixed(a), _fixed(b), color[::-1], max(1, round(width)), cv2.LINE_AA, _SHIFT)


def _draw_points(
    image: Image, points: np.ndarray, radius: np.ndarray, which: list[tuple[int, Color]]
) -> None:
    """Draw discs as polygons: OpenCV's own small circles look like diamonds."""
    from rtmcli.opencv import cv2

    if not which:
        return
    index = [one for one, _ in which]
    rims = points[index, None, :2] + _CIRCLE * radius[index, None, None]  # (n, 20, 2)
    for rim, (_, color) in zip((rims * (1 << _SHIFT)).round().astype(np.int32), which, strict=True):
        cv2.fillConvexPoly(image, rim, color[::-1], cv2.LINE_AA, _SHIFT)


def _draw_box(image: Image, box: np.ndarray, color: Color, width: float) -> None:
    from rtmcli.opencv import cv2

    limit = 4 * max(image.shape[:2])
    x1, y1, x2, y2 = np.clip(box, -limit, limit)
    thick = max(1, round(width))
    cv2.rectangle(image, _fixed((x1, y1)), _fixed((x2, y2)), color[::-1], thick, cv2.LINE_AA, _SHIFT)


def _draw_label(image: Image, person: Instance, text: str, color: Color) -> None:
    """Draw text on a background of the person's colour, at the upper left corner of the box, inside the image."""
    from rtmcli.opencv import cv2

    if person.box is None:
        points = _places(person)
        if not len(points):
            return
        x, y = points.min(axis=0).tolist()
    else:
        x, y = person.box[:2].tolist()
    if not (math.isfinite(x) and math.isfinite(y)):
        return
    height, width = image.shape[:2]
    # Letters as high as a tenth of the person, between what can be read and a thirtieth of the image.
    letter = min(max(_size(person) / 10, 8.0), max(min(height, width) / 30, 9.0))
    # Capitals of the Hershey fonts are 21 units high.
    scale, thick = letter / 21, max(1, round(letter / 10))
    (text_width, text_height), _ = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, scale, thick)
    pad = max(2, round(letter / 4))
    box_width, box_height = text_width + 2 * pad, text_height + 2 * pad
    left = int(min(max(x, 0), max(width - box_width, 0)))
    top = int(min(max(y - box_height, 0), max(height - box_height, 0)))
    cv2.rectangle(image, (left, top), (left + box_width, top + box_height), color[::-1], cv2.FILLED)
    red, green, blue = color
    text_color = (0, 0, 0) if 0.3 * red + 0.59 * green + 0.11 * blue > 120 else (255, 255, 255)
    at = (left + pad, top + pad + text_height)
    cv2.putText(image, text, at, cv2.FONT_HERSHEY_SIMPLEX, scale, text_color, thick, cv2.LINE_AA)


def _fixed(point: np.ndarray | tuple[float, float]) -> tuple[int, int]:
    """A point in 1/16 of a pixel, as OpenCV takes it with `_SHIFT`."""
    return round(float(point[0]) * (1 << _SHIFT)), round(float(point[1]) * (1 << _SHIFT))


def _skeleton(given: str | Skeleton | None, frame: Frame) -> Skeleton | None:
    if given is not None:
        return given if isinstance(given, Skeleton) else load_skeleton(given)
    return None if frame.skeleton is None else skeleton_of(frame)
