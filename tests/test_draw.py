"""Skeletons land where the keypoints are, at any size, and strange values draw nothing."""

import numpy as np
import pytest

from rtmcli.draw import draw_frame
from rtmcli.errors import DataError
from rtmcli.records.frame import Frame, Instance
from rtmcli.skeletons import load_skeleton, skeleton_names

GREY = 90


def canvas(width: int = 320, height: int = 240) -> np.ndarray:
    return np.full((height, width, 3), GREY, np.uint8)


def person(scale: float = 1.0, score: float = 0.9) -> Instance:
    """A coco17 person with arms and legs spread, in a box of 120 x 200."""
    points = [
        (80, 20), (86, 14), (74, 14), (94, 20), (66, 20), (110, 60), (50, 60), (130, 95), (30, 95),
        (135, 130), (22, 130), (100, 120), (60, 120), (110, 165), (50, 165), (115, 205), (45, 205),
    ]  # fmt: skip
    keypoints = np.array([(x * scale, y * scale, score) for x, y in points], np.float32)
    return Instance(
        id=3, label="person", box=np.array([20, 8, 140, 210], np.float32) * np.float32(scale), score=0.8,
        keypoints=keypoints,
    )  # fmt: skip


def record(*people: Instance, skeleton: str | None = "coco17") -> Frame:
    return Frame("a.mp4", 7, skeleton=skeleton, instances=list(people))


def touched(image: np.ndarray) -> np.ndarray:
    """(H, W) where something was drawn."""
    return (image != GREY).any(-1)


def test_limbs_have_the_skeletons_colours_where_the_keypoints_are() -> None:
    image = draw_frame(canvas(), record(person()), boxes=False, ids=False)
    bones = load_skeleton("coco17")
    points = person().keypoints
    assert points is not None
    for (a, b), color in zip(bones.links, bones.link_colors, strict=True):
        if min(a, b) < 5:
            continue  # the face is dense: other limbs cross its middles
        x, y = ((points[a] + points[b]) / 2)[:2].round().astype(int)
        assert np.abs(image[y, x, ::-1].astype(int) - color).max() < 60


@pytest.mark.parametrize("scale", [0.25, 1.0, 4.0, 10.0])
def test_lines_grow_with_the_picture(scale: float) -> None:
    size = (round(320 * scale), round(240 * scale))
    share = touched(draw_frame(canvas(*size), record(person(scale)), boxes=False, ids=False)).mean()
    assert 0.01 < share < 0.2


def test_the_picture_is_drawn_on_in_place_unless_it_is_read_only() -> None:
    image = canvas()
    assert draw_frame(image, record(person())) is image and touched(image).any()
    locked = canvas()
    locked.flags.writeable = False
    assert touched(draw_frame(locked, record(person()))).any() and not touched(locked).any()


def test_nobody_leaves_the_picture_as_it_was() -> None:
    assert not touched(draw_frame(canvas(), record())).any()


def test_weak_keypoints_and_their_limbs_are_hidden() -> None:
    weak = person(score=0.2)
    assert not touched(draw_frame(canvas(), record(weak), boxes=False, ids=False)).any()
    assert touched(draw_frame(canvas(), record(weak), boxes=False, ids=False, score_threshold=0.1)).any()


def test_boxes_and_ids_can_be_left_out() -> None:
    bare = Instance(id=1, box=np.array([20, 30, 100, 200], np.float32))
    assert not touched(draw_frame(canvas(), record(bare), boxes=False, ids=False)).any()
    assert touched(draw_frame(canvas(), record(bare), ids=False))[28:33, 60].any()
    tagged = touched(draw_frame(canvas(), record(bare), boxes=False))
    assert tagged.any() and not tagged[50:].any()


def test_each_id_has_its_colour() -> None:
    def colour(number: int) -> bytes:
        image = draw_frame(
            canvas(), record(Instance(id=number, box=np.array([20, 30, 100, 200], np.float32)))
        )
        return image[120, 20].tobytes()

    assert len({colour(number) for number in range(12)}) == 12


def test_points_that_do_not_exist_or_lie_far_outside_are_left_out() -> None:
    strange = person()
    assert strange.keypoints is not None
    strange.keypoints[9] = np.nan
    strange.keypoints[10, :2] = 1e9
    strange.keypoints[16, :2] = -np.inf
    strange.box = np.array([-1e12, 5, 1e12, np.nan], np.float32)
    image = draw_frame(canvas(), record(strange), ids=False)
    assert touched(image).any()
    assert not touched(image)[100:, 130:].any()  # the forearm of the missing wrist


def test_a_tag_stays_inside_the_picture() -> None:
    outside = Instance(id=12345, box=np.array([-500, -300, 40, 60], np.float32))
    inside = draw_frame(canvas(), record(outside), boxes=False)
    assert touched(inside)[:20, :60].any()


def test_every_skeleton_can_be_drawn() -> None:
    for name in skeleton_names():
        count = len(load_skeleton(name))
        spread = np.random.default_rng(0).uniform(20, 220, (count, 2))
        points = np.column_stack([spread, np.ones(count)]).astype(np.float32)
        image = draw_frame(canvas(), record(Instance(keypoints=points), skeleton=name))
        assert touched(image).any()


def test_without_a_skeleton_there_are_only_points() -> None:
    dots = touched(draw_frame(canvas(), record(person(), skeleton=None), boxes=False, ids=False))
    limbs = touched(draw_frame(canvas(), record(person()), boxes=False, ids=False))
    assert 0 < dots.sum() < limbs.sum()


def test_keypoints_of_another_skeleton_name_the_frame_and_the_flag() -> None:
    with pytest.raises(DataError, match=r"a\.mp4, frame 7: 17 keypoints, but .*--skeleton"):
        draw_frame(canvas(), record(person(), skeleton="halpe26"))
    with pytest.raises(DataError, match="hand21"):
        draw_frame(canvas(), record(person()), skeleton="hand21")


def test_an_id_without_a_place_is_not_written() -> None:
    image = draw_frame(canvas(), record(Instance(id=3)))
    assert not touched(image).any()
