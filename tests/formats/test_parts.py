"""Hands and faces leave a whole body as boxes and come back as points, by id or by place."""

import numpy as np
import pytest

from rtmcli.errors import DataError, UsageError
from rtmcli.formats.parts import map_frame, merge_frames, part_boxes
from rtmcli.records.frame import Frame, Instance
from rtmcli.skeletons import load_skeleton, map_keypoints
from tests.helpers.given import keypoints_of

WHOLE = load_skeleton("coco133")


def person(seed: int, *, number: int | None = None) -> Instance:
    random = np.random.default_rng(seed)
    points = random.uniform(100, 400, (133, 3)).astype(np.float32)
    points[:, 2] = random.uniform(0.5, 1, 133)
    return Instance(
        box=np.array([90, 90, 410, 410], np.float32), score=0.9, id=number, label="person", keypoints=points
    )


def frame(number: int, *people: Instance, source: str = "v.mp4") -> Frame:
    return Frame(
        source=source, frame=number, width=640, height=480, skeleton="coco133", instances=list(people)
    )


def refine(boxes: Frame, skeleton: str, value: float) -> Frame:
    """What a pose model makes of boxes: the same people, with points of its own skeleton."""
    count = len(load_skeleton(skeleton))
    for one in boxes.instances:
        one.keypoints = np.full((count, 3), value, np.float32) + np.arange(count, dtype=np.float32)[:, None]
    boxes.skeleton = skeleton
    return boxes


def test_the_box_of_a_hand_reaches_over_its_points_and_keeps_whose_it_is() -> None:
    whole = frame(0, person(0, number=7))
    boxes = part_boxes(whole, ["lefthand"])
    (hand,) = boxes.instances
    points = keypoints_of(whole.instances[0])[91:112, :2]
    assert (
        hand.box is not None
        and (hand.box[:2] < points.min(axis=0)).all()
        and (hand.box[2:] > points.max(axis=0)).all()
    )
    assert (hand.id, hand.label, hand.extra, hand.keypoints) == (
        7,
        "hand",
        {"part": "lefthand", "of": 0},
        None,
    )
    assert boxes.skeleton is None


def test_a_part_that_is_not_seen_has_no_box_and_the_frame_stays() -> None:
    unseen = person(0)
    assert unseen.keypoints is not None
    unseen.keypoints[91:112, 2] = 0.1
    unseen.keypoints[112:133] = np.nan
    boxes = part_boxes(frame(3, unseen), ["lefthand", "righthand", "face"])
    assert [one.extra["part"] for one in boxes.instances] == ["face"]
    assert part_boxes(frame(4), ["lefthand"]).instances == []


def test_a_box_stays_inside_the_picture() -> None:
    near = person(0)
    assert near.keypoints is not None
    near.keypoints[91:112, 0] -= 200
    (hand,) = part_boxes(frame(0, near), ["lefthand"]).instances
    assert hand.box is not None and hand.box[0] == 0 and hand.box[2] <= 640


def test_points_of_a_part_can_be_kept_in_its_own_skeleton() -> None:
    whole = frame(0, person(0))
    boxes = part_boxes(whole, ["righthand"], keep="hand21")
    assert boxes.skeleton == "hand21"
    np.testing.assert_array_equal(keypoints_of(boxes.instances[0]), keypoints_of(whole.instances[0])[112:133])


@pytest.mark.parametrize("ids", [(3, 5), (None, None)], ids=["by id", "by place"])
def test_refined_hands_find_the_way_back_and_touch_nothing_else(ids: tuple[int | None, ...]) -> None:
    def whole() -> list[Frame]:
        return [frame(n, person(2 * n, number=ids[0]), person(2 * n + 1, number=ids[1])) for n in range(4)]

    hands = [
        refine(part_boxes(one, ["lefthand", "righthand"]), "hand21", 1000.0 * one.frame) for one in whole()
    ]
    hands[2].instances.reverse()  # order within a frame means nothing
    for before, after in zip(whole(), merge_frames(whole(), hands), strict=True):
        for old, new in zip(before.instances, after.instances, strict=True):
            assert old.keypoints is not None and new.keypoints is not None
            np.testing.assert_array_equal(new.keypoints[:91], old.keypoints[:91])
            expected = np.repeat(1000.0 * before.frame + np.arange(21)[:, None], 3, axis=1)
            np.testing.assert_array_equal(new.keypoints[91:112], expected)
            np.testing.assert_array_equal(new.keypoints[112:], expected)


def test_coco133_to_hand21_and_back_is_what_it_was() -> None:
    whole, again = frame(0, person(0, number=1)), frame(0, person(0, number=1))
    hands = part_boxes(frame(0, person(0, number=1)), ["lefthand", "righthand"], keep="hand21")
    (merged,) = merge_frames([again], [hands])
    np.testing.assert_array_equal(keypoints_of(merged.instances[0]), keypoints_of(whole.instances[0]))


def test_a_face_of_106_points_comes_back_as_68() -> None:
    faces = refine(part_boxes(frame(0, person(0)), ["face"]), "face106", 0.0)
    expected = map_keypoints(keypoints_of(faces.instances[0]), "face106", "face68")
    (merged,) = merge_frames([frame(0, person(0))], [faces])
    there = ~np.isnan(expected).any(axis=1)
    np.testing.assert_array_equal(keypoints_of(merged.instances[0])[23:91][there], expected[there])


def test_a_refined_body_of_17_points_comes_back() -> None:
    bodies = refine(part_boxes(frame(0, person(0)), ["body"]), "coco17", 5.0)
    (merged,) = merge_frames([frame(0, person(0))], [bodies])
    np.testing.assert_array_equal(keypoints_of(merged.instances[0])[:17], keypoints_of(bodies.instances[0]))


def test_frames_that_the_refined_records_lack_are_passed_over() -> None:
    hands = [refine(part_boxes(frame(n, person(n)), ["lefthand"]), "hand21", n) for n in (1, 3)]
    merged = list(merge_frames([frame(n, person(n)) for n in range(5)], hands))
    assert [one.instances[0].keypoints[91, 0] in (1, 3) for one in merged] == [
        False,
        True,
        False,
        True,
        False,
    ]


def test_several_sources_find_their_own() -> None:
    places = [("a.mp4", 0), ("a.mp4", 1), ("b.mp4", 0), ("b.mp4", 1)]
    whole = [frame(n, person(0), source=source) for source, n in places]
    hands = [
        refine(part_boxes(frame(n, person(0), source=source), ["lefthand"]), "hand21", i)
        for i, (source, n) in enumerate(places)
    ]
    merged = list(merge_frames(whole, [hands[2], hands[3], hands[0], hands[1]]))
    assert [keypoints_of(one.instances[0])[91, 0] for one in merged] == [0, 1, 2, 3]


def test_refined_records_of_something_else_are_an_error() -> None:
    strange = refine(part_boxes(frame(0, person(0), source="other.mp4"), ["lefthand"]), "hand21", 0)
    with pytest.raises(DataError, match="no instance belongs to these records"):
        list(merge_frames([frame(0, person(0))], [strange]))


def test_a_refined_instance_of_nobody_or_of_no_part_is_an_error() -> None:
    def merged(refined: Frame) -> None:
        list(merge_frames([frame(0, person(0, number=1))], [refined], name="hands.jsonl"))

    hands = refine(part_boxes(frame(0, person(0, number=9)), ["lefthand"]), "hand21", 0)
    with pytest.raises(
        DataError, match=r"hands.jsonl, v.mp4 frame 0: no person there has id 9, whose lefthand this is"
    ):
        merged(hands)
    hands.instances[0].extra = {}
    with pytest.raises(DataError, match="has no 'part'"):
        merged(hands)
    wrong = refine(part_boxes(frame(0, person(0, number=1)), ["lefthand"]), "face68", 0)
    with pytest.raises(DataError, match="face68 cannot become hand21"):
        merged(wrong)


def test_a_part_that_a_skeleton_has_not_names_those_it_has() -> None:
    with pytest.raises(
        UsageError, match="coco133 has no part 'tail'; it has body, feet, face, lefthand, righthand"
    ):
        part_boxes(frame(0, person(0)), ["tail"])


def test_mapping_a_frame_changes_skeleton_and_points_together() -> None:
    whole = frame(0, person(0))
    expected = keypoints_of(whole.instances[0])[:17].copy()
    mapped = map_frame("coco17")(whole)
    assert mapped.skeleton == "coco17"
    np.testing.assert_array_equal(keypoints_of(mapped.instances[0]), expected)
    with pytest.raises(DataError, match="there are keypoints and no 'skeleton'"):
        map_frame("coco17")(Frame(source="a", frame=0, instances=[person(0)]))
