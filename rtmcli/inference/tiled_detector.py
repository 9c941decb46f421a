"""Detection in overlapping tiles of an image, for people that are small in it (street scenes, stands).

A detector sees a tile at a larger scale than the whole image. The whole image is one more view, for people who are
larger than the overlap of two tiles.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from rtmcli.arrays import BoolArray, Image
from rtmcli.geometry.boxes import iou_matrix
from rtmcli.inference.detector import Detector
from rtmcli.records.frame import Instance

OVERLAP = 0.2  # of two neighbouring tiles, as a share of a tile's side
IOU_THRESHOLD = 0.6  # of RTMDet's test settings: two views of one person overlap by more
INSIDE = 0.7  # a box at a tile's inner edge is cut off if so much of its area is in another box
ALONG = 0.6  # IoU of the widths (or heights) of two halves of a person, at least
EDGE = 0.02  # share of a tile's side within which a box touches an edge of the tile


class TiledDetector:
    """A detector on tiles and on the whole image, merged.

    Args:
        detector: what runs on each view.
        columns, rows: number of tiles along x and y.
    """

    def __init__(self, detector: Detector, columns: int, rows: int) -> None:
        self.detector, self.columns, self.rows = detector, columns, rows

    def __call__(self, images: Sequence[Image]) -> list[list[Instance]]:
        """Boxes of each image, best first; arguments and result as for `Detector`."""
        return [self._merged(image) for image in images]

    def _merged(self, image: Image) -> list[Instance]:
        height, width = image.shape[:2]
        tiles = [
            (x1, y1, x2, y2) for y1, y2 in spans(height, self.rows) for x1, x2 in spans(width, self.columns)
        ]
        views = [image, *(np.ascontiguousarray(image[y1:y2, x1:x2]) for x1, y1, x2, y2 in tiles)]
        found: list[Instance] = []
        cut: list[BoolArray] = []  # (4,) each: whether a side of the box lies on an inner edge of its tile
        for (x1, y1, x2, y2), people in zip(
            [(0, 0, width, height), *tiles], self.detector(views), strict=True
        ):
            inner = np.array([x1 > 0, y1 > 0, x2 < width, y2 < height])
            for person in people:
                assert person.box is not None
                box = person.box + np.array([x1, y1, x1, y1], np.float32)
                touches = np.abs(box - np.array([x1, y1, x2, y2])) < EDGE * np.array(
                    [x2 - x1, y2 - y1, x2 - x1, y2 - y1]
                )
                found.append(replace(person, box=box))
                cut.append(touches & inner)
        found, cut = _without_parts(found, cut)
        found, cut = _join_halves(found, cut)
        found, cut = _without_parts(found, cut)
        return sorted(_suppress(found, cut), key=lambda person: -(person.score or 0.0))


def spans(side: int, count: int) -> list[tuple[int, int]]:
    """Begin and end of `count` overlapping parts of a side, which together cover it."""
    part = side / (count - (count - 1) * OVERLAP)
    step = part * (1 - OVERLAP)
    return [(round(index * step), min(side, round(index * step + part))) for index in range(count)]


def _without_parts(
    found: Sequence[Instance], cut: Sequence[BoolArray]
) -> tuple[list[Instance], list[BoolArray]]:
    """Without boxes that their tile cuts off and that lie inside of a box that is not cut off."""
    whole = [person for person, sides in zip(found, cut, strict=True) if not sides.any()]
    stay = [
        not sides.any() or not any(_is_inside(person, other) for other in whole)
        for person, sides in zip(found, cut, strict=True)
    ]
    return (
        [person for person, kept in zip(found, stay, strict=True) if kept],
        [sides for sides, kept in zip(cut, stay, strict=True) if kept],
    )


def _join_halves(
    found: Sequence[Instance], cut: Sequence[BoolArray]
) -> tuple[list[Instance], list[BoolArray]]:
    """With one box in the place of two halves that neighbouring tiles see of a person."""
    people, sides = list(found), list(cut)
    for axis in (0, 1):  # halves side by side, then one above the other
        for index in range(len(people)):
            for other in range(len(people)):
                if sides[index][axis + 2] and sides[other][axis] and _are_halves(people, index, other, axis):
                    people[index] = _union(people[index], people[other])
                    open_sides = sides[index] | sides[other]
                    open_sides[[axis, axis + 2]] = sides[index][axis], sides[other][axis + 2]
                    # The second half is replaced, too: suppression drops the copy.
                    people[other], sides[index], sides[other] = people[index], open_sides, open_sides
    return people, sides


def _are_halves(people: Sequence[Instance], first: int, second: int, axis: int) -> bool:
    """Whether the second box continues the first along an axis: they overlap, and their other sides are alike."""
    a, b = people[first].box, people[second].box
    assert a is not None and b is not None
    low, high = np.maximum(a[:2], b[:2]), np.minimum(a[2:], b[2:])
    across = 1 - axis
    union = max(a[across + 2], b[across + 2]) - min(a[across], b[across])
    alike = bool((high[across] - low[across]) >= ALONG * union)
    return people[first].label == people[second].label and bool(low[axis] < high[axis]) and alike


def _union(a: Instance, b: Instance) -> Instance:
    assert a.box is not None and b.box is not None
    box = np.concatenate([np.minimum(a.box[:2], b.box[:2]), np.maximum(a.box[2:], b.box[2:])])
    return replace(a, box=box, score=max(a.score or 0.0, b.score or 0.0))


def _is_inside(part: Instance, whole: Instance) -> bool:
    """Whether most of a box is in another one of the same class."""
    a, b = part.box, whole.box
    assert a is not None and b is not None
    common = np.clip(np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2]), 0, None).prod()
    return part.label == whole.label and bool(common > INSIDE * (a[2:] - a[:2]).prod())


def _suppress(found: Sequence[Instance], cut: Sequence[BoolArray]) -> list[Instance]:
    """One box of each person, best score first; boxes that are cut off count after all others."""
    kept: list[Instance] = []
    order = sorted(range(len(found)), key=lambda index: (cut[index].any(), -(found[index].score or 0.0)))
    for index in order:
        box = found[index].box
        assert box is not None
        others = [other.box for other in kept if other.label == found[index].label and other.box is not None]
        if not others or iou_matrix(box[None], np.stack(others)).max() <= IOU_THRESHOLD:
            kept.append(found[index])
    return kept
