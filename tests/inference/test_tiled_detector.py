"""Tiles find each person once: whole where a tile cuts them off, and by a single box where several views see them."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtmcli.inference.detector import Detector
from rtmcli.inference.tiled_detector import TiledDetector, spans
from rtmcli.records.frame import Instance


class Bright:
    """Finds the box of the pixels of each grey level in a view, scored by how much of the view's area they fill."""

    def __call__(self, images: list[np.ndarray]) -> list[list[Instance]]:
        return [self.people(image[..., 0]) for image in images]

    @staticmethod
    def people(image: np.ndarray) -> list[Instance]:
        found = []
        for level in np.unique(image[image > 0]):
            rows, columns = np.nonzero(image == level)
            box = np.array([columns.min(), rows.min(), columns.max() + 1, rows.max() + 1], np.float32)
            score = 0.3 + 0.6 * float(len(rows)) / image.size
            found.append(Instance(label="person", box=box, score=score))
        return found


def scene(*boxes: tuple[int, int, int, int]) -> np.ndarray:
    image = np.zeros((200, 300, 3), np.uint8)
    for level, (x1, y1, x2, y2) in enumerate(boxes, start=1):
        image[y1:y2, x1:x2] = 20 * level
    return image


def found_in(image: np.ndarray, columns: int = 2, rows: int = 2) -> list[list[float]]:
    people = TiledDetector(Bright(), columns, rows)([image])[0]
    assert [person.score for person in people] == sorted((p.score for p in people), reverse=True)
    return sorted([float(v) for v in person.box] for person in people if person.box is not None)


@pytest.mark.parametrize("tiles", [(2, 2), (3, 1), (1, 2)])
def test_everybody_is_found_once_wherever_the_tiles_cut(tiles: tuple[int, int]) -> None:
    boxes = [
        (5, 5, 20, 60),  # in one tile
        (140, 20, 160, 70),  # in the overlap of two
        (100, 80, 290, 195),  # larger than a tile: the tiles see parts, the whole image sees all
    ]
    assert found_in(scene(*boxes), *tiles) == sorted([float(v) for v in box] for box in boxes)


def test_halves_of_a_person_whom_no_view_sees_whole_are_joined() -> None:
    """This detector finds nothing in the whole image, as if people were too small there."""

    class Near(Bright):
        def __call__(self, images: list[np.ndarray]) -> list[list[Instance]]:
            return [[]] + super().__call__(images[1:])

    upright, lying = (40, 60, 60, 150), (100, 20, 200, 40)
    people = TiledDetector(Near(), 2, 2)([scene(upright, lying)])[0]
    boxes = sorted([float(v) for v in person.box] for person in people if person.box is not None)
    assert boxes == [[float(v) for v in box] for box in (upright, lying)]


def test_two_people_side_by_side_at_a_tiles_edge_stay_two() -> None:
    boxes = [(120, 60, 150, 140), (152, 60, 182, 140)]
    assert found_in(scene(*boxes)) == [[float(v) for v in box] for box in boxes]


def test_an_empty_image_has_nobody() -> None:
    assert found_in(scene()) == []


@given(st.integers(50, 5000), st.integers(1, 6))
def test_tiles_cover_the_side_and_overlap(side: int, count: int) -> None:
    parts = spans(side, count)
    assert parts[0][0] == 0 and parts[-1][1] == side and len(parts) == count
    for (_, end), (begin, _) in pairwise(parts):
        assert begin < end


def test_the_bundled_detector_finds_small_people_that_it_misses_in_the_whole_image() -> None:
    """The packaged clip's dancer, small in a corner of a large image."""
    from rtmcli.media import open_media
    from rtmcli.opencv import cv2

    with open_media("demo", max_frames=1) as media:
        (picture,) = list(media)
    small = cv2.resize(picture.image, None, fx=0.25, fy=0.25, interpolation=cv2.INTER_AREA)
    image = np.full((720, 1280, 3), 114, np.uint8)
    image[600 - small.shape[0] : 600, 40 : 40 + small.shape[1]] = small
    detector = Detector(threads=1)
    assert len(TiledDetector(detector, 3, 3)([image])[0]) > len(detector([image])[0])
