"""Poses that show the same person twice: the worse goes, whatever the order."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from rtmcli import Frame, Instance
from rtmcli.errors import DataError, UsageError
from rtmcli.filters.nms import one_pose_per_person, pose_nms


def pose(x: float = 0.0, *, score: float = 0.9, sure: float = 0.8, k: int = 17) -> Instance:
    points = np.stack([x + 5.0 * np.arange(k), 10.0 * np.arange(k), np.full(k, sure)], axis=1)
    box = np.array([x, 0, x + 5.0 * k, 10.0 * k], np.float32)
    return Instance(box=box, score=score, keypoints=points.astype(np.float32))


def frame(*people: Instance, skeleton: str | None = "coco17") -> Frame:
    return Frame("s", 0, skeleton=skeleton, instances=list(people))


def test_the_worse_of_two_equal_poses_goes() -> None:
    better, worse, other = pose(score=0.9), pose(1, score=0.5), pose(400)
    assert pose_nms(frame(worse, other, better)).instances == [other, better]


def test_sure_points_beat_a_sure_box() -> None:
    sure_box, sure_points = pose(score=0.9, sure=0.3), pose(1, score=0.6, sure=0.9)
    assert pose_nms(frame(sure_box, sure_points)).instances == [sure_points]


def test_the_threshold_decides() -> None:
    people = frame(pose(), pose(6, score=0.5))
    assert len(pose_nms(people, oks_threshold=0.95).instances) == 2
    assert len(pose_nms(people, oks_threshold=0.5).instances) == 1


def test_sigmas_are_the_skeletons_own() -> None:
    """A hand's points tolerate half of a horse's: the same distance is one animal, but two hands."""
    hands = pose_nms(frame(pose(k=21), pose(5, score=0.5, k=21), skeleton="hand21"), oks_threshold=0.8)
    animals = pose_nms(
        frame(pose(k=20), pose(5, score=0.5, k=20), skeleton="animalpose20"), oks_threshold=0.8
    )
    assert (len(hands.instances), len(animals.instances)) == (2, 1)


def test_boxes_without_a_pose_stay() -> None:
    bare, whole, worse = replace(pose(), keypoints=None), pose(), pose(1, score=0.5)
    assert pose_nms(frame(bare, worse, bare, whole)).instances == [bare, bare, whole]


def test_points_that_do_not_exist_are_left_out() -> None:
    whole, half = pose(), pose(score=0.5)
    assert half.keypoints is not None
    half.keypoints[:8] = np.nan
    assert pose_nms(frame(whole, half)).instances == [whole]


def test_a_skeleton_may_be_named_or_brought(tmp_path: Path) -> None:
    people = frame(pose(), pose(1, score=0.5), skeleton=None)
    with pytest.raises(DataError, match="--skeleton"):
        pose_nms(people)
    assert len(pose_nms(people, skeleton="coco17").instances) == 1
    file = tmp_path / "mine.toml"
    file.write_text(f'name = "mine"\nkeypoints = {[f"p{n}" for n in range(17)]!r}\n'.replace("'", '"'))
    assert len(pose_nms(people, skeleton=str(file)).instances) == 1


def test_a_skeleton_that_does_not_fit_is_said_so() -> None:
    with pytest.raises(DataError, match="a pose has 17 keypoints, its skeleton 26"):
        pose_nms(frame(pose(), pose(), skeleton="halpe26"))
    with pytest.raises(DataError, match="s, frame 0: no such skeleton 'coco71'; did you mean coco17"):
        pose_nms(frame(pose(), pose(), skeleton="coco71"))
    with pytest.raises(UsageError, match="did you mean coco17"):
        pose_nms(frame(pose(), pose()), skeleton="coco71")


def part(of: Instance, *, lowest: int, moved: float = 0.0, sure: float = 0.8) -> Instance:
    """What a detector's box around the first points of a person gives: good points there, unsure ones below."""
    assert of.keypoints is not None and of.box is not None
    points = of.keypoints + np.array([moved, 0, 0], np.float32)
    points[:, 2] = sure
    points[lowest:] = [points[lowest - 1, 0], points[lowest - 1, 1], 0.1]
    box = np.array([of.box[0], of.box[1], of.box[2], points[lowest - 1, 1]], np.float32)
    return Instance(box=box, score=0.4, keypoints=points)


def test_a_pose_in_a_box_around_a_part_of_a_person_goes_with_the_whole_one() -> None:
    whole = pose()
    half = part(whole, lowest=8)
    assert len(pose_nms(frame(whole, half), oks_threshold=0.7).instances) == 2
    assert one_pose_per_person(frame(half, whole)).instances == [whole]
    assert one_pose_per_person(frame(whole, pose(1, score=0.5))).instances == [whole]


def test_somebody_else_inside_the_box_stays() -> None:
    whole = pose()
    other = part(whole, lowest=8, moved=40)
    assert one_pose_per_person(frame(whole, other)).instances == [whole, other]


def test_too_few_confident_points_prove_nothing() -> None:
    whole = pose()
    head = part(whole, lowest=3)
    assert one_pose_per_person(frame(whole, head)).instances == [whole, head]
