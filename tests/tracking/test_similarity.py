"""The tracker's similarities against those of `geometry`, which are written plainly."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rtmcli.geometry.boxes import areas, iou_matrix
from rtmcli.geometry.oks import oks_matrix
from rtmcli.skeletons import load_skeleton
from rtmcli.tracking.similarity import box_similarity, oks_falloff, pose_similarity


def some_boxes(rng: np.random.Generator, count: int) -> np.ndarray:
    """(N, 4) corners."""
    low = rng.uniform(0, 100, (count, 2))
    return np.concatenate([low, low + rng.uniform(1, 80, (count, 2))], axis=1)


def by_middle(boxes: np.ndarray) -> np.ndarray:
    """(4, N) x and y of the middle, width and height."""
    return np.concatenate([(boxes[:, :2] + boxes[:, 2:]) / 2, boxes[:, 2:] - boxes[:, :2]], axis=1).T


@given(st.integers(1, 6), st.integers(1, 6), st.integers(0, 10**6))
@settings(max_examples=20, deadline=None)
def test_overlap_is_iou_and_similarity_falls_with_the_ratio_of_heights(
    tracks: int, people: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    a, b = some_boxes(rng, tracks), some_boxes(rng, people)
    similar, overlap, ratio = box_similarity(by_middle(a), by_middle(b))
    assert overlap == pytest.approx(iou_matrix(a, b))
    heights = (a[:, 3] - a[:, 1])[:, None], b[:, 3] - b[:, 1]
    assert ratio == pytest.approx(np.minimum(*heights) / np.maximum(*heights))
    assert similar == pytest.approx(overlap * ratio**2)


def test_boxes_without_a_size_have_no_overlap() -> None:
    point = by_middle(np.array([[5.0, 5, 5, 5]]))
    similar, overlap, ratio = box_similarity(point, point)
    assert (similar.item(), overlap.item(), ratio.item()) == (0, 0, 0)


@given(st.integers(1, 6), st.integers(1, 6), st.integers(0, 10**6))
@settings(max_examples=20, deadline=None)
def test_pose_similarity_is_oks_where_all_keypoints_count_alike(tracks: int, people: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    a, b = (rng.uniform(0, 60, (count, 17, 3)) for count in (tracks, people))
    b[rng.random(b.shape[:2]) < 0.1] = np.nan
    b[-1] = np.nan  # nobody's pose
    a[..., 2] = 1.0
    b[..., 2] = np.where(np.isnan(b[..., 0]), np.nan, 1.0)
    size = areas(some_boxes(rng, tracks))
    moved = rng.uniform(-5, 5, (2, tracks))
    found = pose_similarity(
        a.transpose(2, 0, 1), b.transpose(2, 0, 1), moved, size, oks_falloff("coco17", 17)
    )
    shifted = a[..., :2] + moved.T[:, None]
    for row in range(tracks):  # `oks_matrix` takes the mean area of the two
        same = np.full(people, size[row])
        sigmas = np.asarray(load_skeleton("coco17").sigmas)
        expected = oks_matrix(shifted[row : row + 1], b, size[row : row + 1], same, sigmas)[0]
        assert found[row, :-1] == pytest.approx(expected[:-1])
    assert np.isnan(found[:, -1]).all()


def test_people_far_apart_are_not_alike_at_all() -> None:
    pose = np.concatenate([np.zeros((2, 1, 17)), np.ones((1, 1, 17))])
    far = pose + np.array([1e5, 0, 0])[:, None, None]
    alike = pose_similarity(pose, far, np.zeros((2, 1)), np.array([900.0]), oks_falloff("coco17", 17))
    assert alike.item() == pytest.approx(0, abs=1e-200)
