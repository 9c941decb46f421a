"""OKS between poses, its suppressions and the ranking scores, against the reference's numbers."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from rtmcli.geometry import oks


@pytest.fixture(scope="module")
def golden(goldens):
    return np.load(goldens / "nms_oks.npz", allow_pickle=False)


def poses(golden):
    return golden["pose_keypoints"], golden["pose_scores"], golden["pose_area"], golden["sigmas"]


@pytest.mark.parametrize(("key", "min_score"), [("oks_matrix", None), ("oks_matrix_vis0.2", 0.2)])
def test_oks_equals_the_reference(golden, key, min_score):
    keypoints, _, areas, sigmas = poses(golden)
    found = oks.oks_matrix(keypoints, keypoints, areas, areas, sigmas, min_score=min_score)
    np.testing.assert_allclose(found, golden[key], atol=1e-5)


@pytest.mark.parametrize("threshold", [0.9, 0.5, 0.2])
def test_suppression_keeps_what_the_reference_keeps(golden, threshold):
    keypoints, scores, areas, sigmas = poses(golden)
    kept = oks.oks_nms(keypoints, scores, areas, sigmas, threshold)
    np.testing.assert_array_equal(kept, golden[f"oks_nms_{threshold}"])


@pytest.mark.parametrize(
    ("mode", "key"),
    [("box", "rescore_bbox"), ("box-keypoint", "rescore_bbox_keypoint_0.2")],
)
def test_ranking_scores_equal_the_reference(golden, mode, key):
    keypoints, box_scores = golden["pose_keypoints"], golden["rescore_bbox"]
    found = oks.ranking_scores(box_scores, keypoints[..., 2], mode=mode)
    np.testing.assert_allclose(found, golden[key], atol=1e-6)


@given(arrays(np.float64, (4, 17, 2), elements=st.floats(-1000, 1000)))
def test_oks_is_symmetric_within_bounds_and_one_with_itself(keypoints):
    areas, sigmas = np.array([100.0, 2000, 30, 5e4]), np.linspace(0.02, 0.1, 17)
    similarity = oks.oks_matrix(keypoints, keypoints, areas, areas, sigmas)
    np.testing.assert_allclose(similarity, similarity.T, atol=1e-12)
    np.testing.assert_allclose(np.diag(similarity), 1)
    assert ((similarity >= 0) & (similarity <= 1 + 1e-12)).all()


def test_absent_points_do_not_count_and_a_pair_without_points_has_no_similarity():
    keypoints = np.zeros((2, 3, 3))
    keypoints[1, 0] = np.nan
    keypoints[1, 1] = 500
    areas, sigmas = np.full(2, 100.0), np.full(3, 0.05)
    assert oks.oks_matrix(keypoints, keypoints, areas, areas, sigmas)[0, 1] == pytest.approx(0.5)
    keypoints[1] = np.nan
    assert oks.oks_matrix(keypoints, keypoints, areas, areas, sigmas)[0, 1] == 0
