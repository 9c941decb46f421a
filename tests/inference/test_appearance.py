"""The colours of clothes: right bins, parts that are not seen, and how well they tell real people apart."""

from itertools import combinations
from pathlib import Path

import numpy as np
import pytest

from rtmcli import Frame, Instance, TopDown, add_appearance, load_skeleton, open_media
from rtmcli.records.appearance import appearance_of
from rtmcli.tracking.appearance import MeanAppearance, appearance_distance
from tests.helpers.track_scenes import FIGURE

RED, BLUE, WHITE = (0, 0, 255), (255, 0, 0), (255, 255, 255)
HEIGHT = 160


def picture(torso: tuple[int, int, int], legs: tuple[int, int, int]) -> np.ndarray:
    """A grey image of 200 x 200: the upper half of the middle in one colour, the lower half in another."""
    image = np.full((200, 200, 3), 120, np.uint8)
    image[20:105, 50:150], image[105:190, 50:150] = torso, legs
    return image


def standing(skeleton: str = "coco17", seen: float = 0.9) -> Instance:
    """Somebody in the middle of the image."""
    names = load_skeleton(skeleton).keypoints
    keypoints = np.full((len(names), 3), np.nan, np.float32)
    for name, place in zip(load_skeleton("coco17").keypoints, FIGURE, strict=True):
        keypoints[names.index(name)] = [*(place * HEIGHT + 100), seen]
    return Instance(box=np.array([60, 20, 140, 180], np.float32), keypoints=keypoints)


def appearance(
    instance: Instance, image: np.ndarray, *others: Instance, skeleton: str = "coco17"
) -> list[int] | None:
    frame = Frame("a.png", 0, skeleton=skeleton, instances=[instance, *others])
    result = add_appearance(frame, image).instances[0].extra.get("appearance")
    assert "appearance" not in instance.extra
    return result


@pytest.mark.parametrize("skeleton", ["coco17", "halpe26", "coco133"])
def test_a_red_shirt_and_blue_trousers_are_their_bins(skeleton: str) -> None:
    found = appearance(standing(skeleton), picture(RED, BLUE), skeleton=skeleton)
    assert found == [100, *[0] * 11, *[0] * 4, 100, *[0] * 7]


def test_white_and_black_are_grey_levels() -> None:
    found = appearance(standing(), picture(WHITE, (0, 0, 0)))
    assert found == [*[0] * 11, 100, *[0] * 6, 100, *[0] * 5]


def test_without_a_pose_the_colours_come_from_the_middle_of_the_box() -> None:
    person = standing()
    person.keypoints = None
    assert appearance(person, picture(RED, BLUE)) == appearance(standing(), picture(RED, BLUE))
    assert appearance(standing("coco17"), picture(RED, BLUE), skeleton="hand21") is not None


def test_legs_that_are_not_seen_are_zeros() -> None:
    person = standing()
    assert person.keypoints is not None
    person.keypoints[13:, 2] = 0.1
    assert appearance(person, picture(RED, BLUE)) == [100, *[0] * 23]


def test_who_is_not_seen_has_no_appearance() -> None:
    assert appearance(standing(seen=0.1), picture(RED, BLUE)) is None
    assert appearance(Instance(), picture(RED, BLUE)) is None
    outside = standing()
    assert outside.keypoints is not None
    outside.keypoints[:, 0] += 500
    assert appearance(outside, picture(RED, BLUE)) is None


def test_pixels_of_somebody_nearer_do_not_count() -> None:
    nearer = Instance(box=np.array([60, 100, 140, 199], np.float32))
    assert appearance(standing(), picture(RED, BLUE), nearer) == [100, *[0] * 23]
    farther = Instance(box=np.array([60, 100, 140, 170], np.float32))
    assert appearance(standing(), picture(RED, BLUE), farther) == appearance(standing(), picture(RED, BLUE))


def test_somebody_from_the_side_has_a_torso_of_some_width() -> None:
    person = standing()
    assert person.keypoints is not None
    person.keypoints[[5, 6, 11, 12], 0] = 100
    found = appearance(person, picture(RED, BLUE))
    assert found is not None and found[0] == 100


Box = tuple[int, int, int, int]
# Clip, step between frames, and in each the boxes of the same two people.
CLIPS: list[tuple[str, int, list[tuple[Box, Box]]]] = [
    (
        "basketball.mp4", 10,
        [
            ((75, 90, 132, 239), (225, 111, 267, 233)), ((73, 83, 121, 240), (229, 122, 273, 240)),
            ((74, 89, 129, 240), (275, 124, 325, 215)), ((82, 97, 134, 240), (300, 129, 344, 236)),
            ((86, 103, 138, 240), (312, 133, 362, 239)), ((89, 112, 142, 238), (307, 124, 362, 240)),
            ((89, 124, 161, 234), (304, 121, 363, 240)), ((142, 116, 186, 216), (306, 108, 354, 240)),
            ((180, 128, 221, 207), (316, 117, 353, 238)), ((195, 121, 243, 199), (313, 113, 353, 239)),
            ((193, 118, 224, 192), (298, 116, 335, 240)), ((168, 110, 200, 185), (279, 108, 318, 222)),
            ((139, 111, 175, 202), (239, 110, 285, 213)),
        ],
    ),
    (
        "pose2sim_two_people_vertical.mp4", 12,
        [
            ((1, 288, 154, 759), (483, 792, 968, 1741)), ((0, 298, 150, 749), (485, 788, 968, 1740)),
            ((1, 289, 157, 755), (487, 785, 968, 1739)), ((1, 289, 154, 755), (436, 793, 1035, 1770)),
            ((1, 289, 155, 756), (299, 789, 1076, 1751)),
        ],
    ),
    (
        "store_aisle.gif", 3,
        [
            ((182, 50, 242, 170), (259, 67, 315, 201)), ((181, 50, 240, 171), (259, 61, 308, 201)),
            ((178, 50, 240, 171), (256, 60, 296, 202)), ((178, 50, 239, 171), (257, 61, 296, 200)),
        ],
    ),
]  # fmt: skip


@pytest.mark.parametrize(("clip", "step", "boxes"), CLIPS)
def test_two_real_people_are_told_apart_by_their_clothes(
    data_dir: Path, clip: str, step: int, boxes: list[tuple[Box, Box]]
) -> None:
    pose = TopDown()
    people: list[list[np.ndarray]] = [[], []]
    with open_media(str(data_dir / "videos" / clip), every=step, max_frames=len(boxes)) as media:
        for found, two in zip(media, boxes, strict=True):
            given = [Instance(box=np.array(box, np.float32)) for box in two]
            frame = Frame(clip, found.frame, skeleton="coco17", instances=pose([found.image], [given])[0])
            for person, instance in zip(people, add_appearance(frame, found.image).instances, strict=True):
                value = appearance_of(instance.extra.get("appearance"))
                if value is not None:
                    person.append(value)
    one, other = (np.array(person) for person in people)
    assert min(len(one), len(other)) >= 3
    same = [appearance_distance(own[:1], own[1:]) for own in (one, other)]
    apart = appearance_distance(one, other)
    nearer = np.mean([(np.concatenate(same, axis=1).ravel()[:, None] < apart.ravel())])
    assert nearer >= 0.95  # of pairs of one person and pairs of two
    means = [mean_of(half) for own in (one, other) for half in (own[::2], own[1::2])]
    gaps = {
        pair: appearance_distance(means[pair[0]], means[pair[1]])[0, 0] for pair in combinations(range(4), 2)
    }
    assert max(gaps[0, 1], gaps[2, 3]) < 0.15 < 0.25 < min(gaps[0, 2], gaps[0, 3], gaps[1, 2], gaps[1, 3])


def mean_of(appearances: np.ndarray) -> np.ndarray:
    mean = MeanAppearance()
    for one in appearances:
        mean.add(one)
    return mean.mean()[None]
