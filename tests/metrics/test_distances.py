"""PCK, AUC, end-point error, NME and 3D errors against the reference's numbers."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtmcli.metrics import mpjpe, nme, pck


@pytest.fixture(scope="module")
def golden(goldens):
    return np.load(goldens / "metrics_pck_nme_3d.npz", allow_pickle=False)


def points(golden):
    return golden["pred"], golden["gt"], golden["mask"]


@pytest.mark.parametrize("threshold", [0.05, 0.1, 0.2, 0.5])
def test_pck_equals_the_reference(golden, threshold):
    shares, mean, count = pck.pck(*points(golden), threshold=threshold, norm=golden["norm_bbox"])
    np.testing.assert_allclose(shares, golden[f"pck_{threshold}"], atol=1e-6)
    np.testing.assert_allclose([mean, count], golden[f"pck_{threshold}_mean_cnt"], atol=1e-6)


def test_auc_and_end_point_error_equal_the_reference(golden):
    assert pck.auc(*points(golden)) == pytest.approx(float(golden["auc_30_20"]), abs=1e-6)
    assert pck.epe(*points(golden)) == pytest.approx(float(golden["epe"]), abs=1e-6)


def test_mpii_equals_the_reference(golden):
    found = pck.mpii_pckh(golden["pred"], golden["gt"], golden["mask"], golden["head_size"][:, 0])
    expected = json.loads(str(golden["mpii"]))
    names = {"PCK": "PCKh", "PCK@0.1": "PCKh@0.1"}
    percent = {names.get(key, key.removesuffix(" PCK")): value for key, value in expected.items()}
    assert {key: 100 * value for key, value in found.items()} == pytest.approx(percent, abs=1e-6)


@pytest.mark.parametrize(
    ("name", "skeleton"),
    [("wflw", "face98"), ("lapa", "face106"), ("300w", "face68_300w"), ("cofw", "face29_cofw")],
)
def test_nme_equals_the_reference(golden, name, skeleton):
    pred, gt, mask = (golden[f"nme_{name}_{key}"] for key in ("pred", "gt", "mask"))
    lengths = nme.reference_lengths(gt, nme.REFERENCE_POINTS[skeleton])
    assert nme.nme(pred, gt, mask, lengths) == pytest.approx(float(golden[f"nme_{name}"]), abs=1e-6)


@pytest.mark.parametrize("align", ["none", "scale", "procrustes"])
def test_errors_in_space_equal_the_reference(golden, align):
    found, truth = (golden[key] - golden[key][:, :1] for key in ("p3_pred", "p3_gt"))
    errors = np.array([mpjpe.joint_errors(f, t, align=align) for f, t in zip(found, truth, strict=True)])
    assert errors[golden["p3_mask"]].mean() == pytest.approx(float(golden[f"mpjpe_{align}"]), abs=1e-6)
    if align == "procrustes":
        aligned = mpjpe.procrustes(found[0], truth[0])
        np.testing.assert_allclose(aligned, golden["procrustes_0"], atol=1e-6)


@given(st.integers(0, 1000), st.floats(0.1, 10))
def test_a_similarity_of_the_truth_has_no_procrustes_error_and_a_mirror_image_has(seed, scale):
    rng = np.random.default_rng(seed)
    truth = rng.normal(size=(17, 3))
    turn, _ = np.linalg.qr(rng.normal(size=(3, 3)))
    turn *= np.sign(np.linalg.det(turn))
    moved = scale * truth @ turn + rng.normal(size=3)
    np.testing.assert_allclose(mpjpe.procrustes(moved, truth), truth, atol=1e-8)
    mirrored = moved * [1, 1, -1]
    assert np.abs(mpjpe.procrustes(mirrored, truth) - truth).max() > 0.05
