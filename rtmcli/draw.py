"""Skeletons, boxes and ids on pixels, in a width that fits each person at any resolution."""

import math
from functools import lru_cache

import numpy as np

from rtmcli.arrays import Image
from rtmcli.errors import DataError
from rtmcli.records.frame import Frame, Instance
from rtmcli.skeletons import Color, Skeleton, load_skeleton

_SHIFT = 4  # OpenCV draws to 1/16 of a pixel
_TURNS = np.linspace(0, 2 * np.pi, 20, endpoint=False)
_RIM = np.stack([np.cos(_TURNS), np.sin(_TURNS)], -1).astype(np.float32)  # (20, 2), of the unit circle
_OPACITY = 0.85  # what is under a limb can still be guessed

# One colour an id (RGB), far apart from each other and from skin, grass and concrete; they repeat after twelve.
_IDS: tuple[Color, ...] = (
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
        skeleton: of the keypoints; by default the frame's own. Without any, points are drawn without limbs.
        score_threshold: keypoints below are left out, and the limbs that end in them.
        boxes: draw boxes.
        ids: write ids (and labels other than "person"; scores where there are no keypoints) over the boxes.

    Returns:
        The image, or a copy if it was read-only.

    Raises:
        DataError: keypoints that are not those of the skeleton.

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
    bones = skeleton if isinstance(skeleton, Skeleton) else _skeleton(skeleton or frame.skeleton)
    sheet = image.copy()
    # Far people first, so that near ones lie over them.
    people = sorted(frame.instances, key=_height)
    for person in people:
        color = _color(person)
        if boxes and person.box is not None and np.isfinite(person.box).all():
            _box(sheet, person.box, color, _width(person, image) * 0.4)
        if person.keypoints is not None:
            _pose(sheet, person, bones, score_threshold, frame)
    cv2.addWeighted(sheet, _OPACITY, image, 1 - _OPACITY, 0, dst=image)
    if ids:
        for person in people:
            if text := _text(person):
                _tag(image, person, text, _color(person))
    return image


def _pose(image: Image, person: Instance, bones: Skeleton | None, least: float, frame: Frame) -> None:
    """Limbs over their dark edges, then points."""
    assert person.keypoints is not None
    points = person.keypoints  # (K, 3)
    if bones is not None and len(points) != len(bones):
        raise DataError(
            f"{frame.source}, frame {frame.frame}: {len(points)} keypoints are not a {bones.name}, which has "
            f"{len(bones)}; name theirs with --skeleton"
        )
    height, width = image.shape[:2]
    # What lies far outside would overflow OpenCV's integers, and cannot be seen.
    near = (np.abs(points[:, :2] - (width / 2, height / 2)) < 4 * max(width, height)).all(
        1
    )  # NaN is not near
    shown = near & (points[:, 2] >= least)
    full = _width(person, image)
    edge = max(1.0, full * 0.35)
    thick = np.zeros(len(points), np.float32)  # of the thickest limb that ends in each point
    limbs = []
    for number, (a, b) in enumerate(bones.links if bones is not None else ()):
        if shown[a] and shown[b]:
            # The bones of a hand are short: thin lines, or they become a blot.
            own = min(full, max(0.2 * math.dist(points[a, :2], points[b, :2]), 0.35 * full, 1.0))
            thick[[a, b]] = np.maximum(thick[[a, b]], own)
            limbs.append((a, b, own, bones.link_colors[number] if bones is not None else _IDS[0]))
    for a, b, own, _ in limbs:
        _line(image, points[a], points[b], (0, 0, 0), own + edge)
    for a, b, own, color in limbs:
        _line(image, points[a], points[b], color, own)
    # A point without a limb is one of many in a face; where there are nothing but points they may be larger.
    radius = np.maximum(np.where(thick > 0, thick * 0.75, full * (0.25 if limbs else 0.5)), 0.8)
    seen = np.flatnonzero(shown).tolist()
    colors = [bones.colors[index] if bones is not None else _IDS[1] for index in seen]
    edged = [(index, (0, 0, 0)) for index in seen if thick[index] > 2]
    _dots(image, points, radius + edge / 2, edged)
    _dots(image, points, radius, list(zip(seen, colors, strict=True)))


def _width(person: Instance, image: Image) -> float:
    """Thickness of a limb in pixels: by the person's size, within what the picture's size makes sensible."""
    least, most = 1.0, max(1.5, min(image.shape[:2]) / 110)
    result: float = min(max(_height(person) / 75, least), most)
    return result


def _height(person: Instance) -> float:
    """How tall a person stands in the picture: the box's longer side, or the extent of the keypoints."""
    if person.box is not None and np.isfinite(person.box).all():
        x1, y1, x2, y2 = person.box.tolist()
        result: float = max(x2 - x1, y2 - y1)
        return result
    if person.keypoints is None or np.isnan(person.keypoints[:, :2]).all():
        return 0.0
    return float(np.ptp(person.keypoints[~np.isnan(person.keypoints[:, 0]), :2], axis=0).max())


def _color(person: Instance) -> Color:
    return _IDS[person.id % len(_IDS)] if person.id is not None else _IDS[0]


def _text(person: Instance) -> str:
    words = [] if person.label in (None, "person") else [str(person.label)]
    if person.id is not None:
        words.append(str(person.id))
    elif person.keypoints is None and person.score is not None:
        words.append(f"{person.score:.2f}")
    return " ".join(words)


def _line(image: Image, a: np.ndarray, b: np.ndarray, color: Color, width: float) -> None:
    from rtmcli.opencv import cv2

    cv2.line(image, _fixed(a), _fixed(b), color[::-1], max(1, round(width)), cv2.LINE_AA, _SHIFT)


def _dots(image: Image, points: np.ndarray, radius: np.ndarray, which: list[tuple[int, Color]]) -> None:
    """Discs as polygons: OpenCV's own small circles come out as diamonds."""
    from rtmcli.opencv import cv2

    if not which:
        return
    index = [one for one, _ in which]
    rims = points[index, None, :2] + _RIM * radius[index, None, None]  # (n, 20, 2)
    for rim, (_, color) in zip((rims * (1 << _SHIFT)).round().astype(np.int32), which, strict=True):
        cv2.fillConvexPoly(image, rim, color[::-1], cv2.LINE_AA, _SHIFT)


def _box(image: Image, box: np.ndarray, color: Color, width: float) -> None:
    from rtmcli.opencv import cv2

    limit = 4 * max(image.shape[:2])
    x1, y1, x2, y2 = np.clip(box, -limit, limit)
    thick = max(1, round(width))
    cv2.rectangle(image, _fixed((x1, y1)), _fixed((x2, y2)), color[::-1], thick, cv2.LINE_AA, _SHIFT)


def _tag(image: Image, person: Instance, text: str, color: Color) -> None:
    """The text on a patch of the person's colour, at the upper left corner of the box and inside the picture."""
    from rtmcli.opencv import cv2

    if person.box is None:
        assert person.keypoints is not None or not text
        points = person.keypoints
        if points is None or np.isnan(points[:, :2]).all():
            return
        x, y = np.nanmin(points[:, :2], axis=0).tolist()
    else:
        x, y = person.box[:2].tolist()
    if not (math.isfinite(x) and math.isfinite(y)):
        return
    height, width = image.shape[:2]
    # Letters as high as a tenth of the person, between what can be read and a thirtieth of the picture.
    tall = min(max(_height(person) / 10, 8.0), max(min(height, width) / 30, 9.0))
    scale, thick = tall / 21, max(1, round(tall / 10))  # Hershey's capitals are 21 units high
    (wide, high), _ = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, scale, thick)
    pad = max(2, round(tall / 4))
    left = int(min(max(x, 0), max(width - wide - 2 * pad, 0)))
    top = int(min(max(y - high - 2 * pad, 0), max(height - high - 2 * pad, 0)))
    cv2.rectangle(image, (left, top), (left + wide + 2 * pad, top + high + 2 * pad), color[::-1], cv2.FILLED)
    red, green, blue = color
    ink = (0, 0, 0) if 0.3 * red + 0.59 * green + 0.11 * blue > 120 else (255, 255, 255)
    at = (left + pad, top + pad + high)
    cv2.putText(image, text, at, cv2.FONT_HERSHEY_SIMPLEX, scale, ink, thick, cv2.LINE_AA)


def _fixed(point: np.ndarray | tuple[float, float]) -> tuple[int, int]:
    return round(float(point[0]) * (1 << _SHIFT)), round(float(point[1]) * (1 << _SHIFT))


@lru_cache(maxsize=64)
def _skeleton(name: str | None) -> Skeleton | None:
    return None if name is None else load_skeleton(name)
