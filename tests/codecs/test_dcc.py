"""The coordinate classifier in numpy against the reference's numbers and against torch."""

import json

import numpy as np
import pytest
import torch

from rtmcli.codecs import dcc
from rtmcli.networks.dcc import DCC
from tests.helpers.fill import fill_value


@pytest.fixture(scope="module")
def golden(goldens):
    return np.load(goldens / "special_rtmo_dcc.npz", allow_pickle=False)


@pytest.fixture(scope="module")
def weights(goldens, golden):
    """The classifier's part of RTMO-s, filled as for all network goldens, in float64."""
    found = {
        name: torch.linspace(-0.5, 0.5, count).numpy().astype(np.float64)
        for name, count in (("x_bins", 192), ("y_bins", 256))
    }
    found["spe.dim_t"] = golden["dim_t.full"].astype(np.float64)
    for key, shape, _ in json.loads((goldens / "keys" / "rtmo-s_coco17_640x640.json").read_text()):
        if key.startswith("head.dcc."):
            value = fill_value(key, tuple(shape))
            if value is not None:
                found[key.removeprefix("head.dcc.")] = np.asarray(value, np.float64)
    return found


def given(golden):
    return tuple(golden[f"{name}.full"].astype(np.float64) for name in ("pose_vec", "bbox_xyxy", "grid"))


def assert_is(golden, name, found, *, tolerance=1e-5):
    """Equal to the stored tensor, whole or at its stored indices, in units of its standard deviation."""
    assert found.shape == tuple(golden[f"{name}.shape"])
    if f"{name}.full" in golden:
        flat, expected = found.ravel(), golden[f"{name}.full"].ravel()
    else:
        flat, expected = found.ravel()[golden[f"{name}.idx"]], golden[f"{name}.val"]
    assert np.abs(flat - expected).max() <= tolerance * float(golden[f"{name}.stats"][1])


def test_every_step_equals_the_reference(golden, weights):
    pose, boxes, cells = given(golden)
    x_rel, y_rel = dcc.relative_bins(weights, boxes, cells)
    assert_is(golden, "x_bins_rel", x_rel)
    assert_is(golden, "y_bins_rel", y_rel)
    assert_is(golden, "spe_x", dcc.sine_encoding(weights, x_rel))
    assert_is(golden, "kpt_feats_after_gau", dcc.keypoint_features(weights, pose))
    x_logits, y_logits = dcc.classify(weights, pose, x_rel, y_rel)
    assert_is(golden, "x_logits_all", x_logits)
    assert_is(golden, "y_logits_all", y_logits)
    assert_is(golden, "keypoints", dcc.decode(weights, pose, boxes, cells))


def test_the_training_targets_equal_the_reference(golden, weights):
    pose, boxes, _ = given(golden)
    spread = dcc.sigmas(weights, pose)
    assert_is(golden, "sigmas", spread)
    bins_x, bins_y = dcc.absolute_bins(weights, boxes)
    points, areas = (
        golden["target_kpts.full"].astype(np.float64),
        golden["target_areas.full"].astype(np.float64),
    )
    x = dcc.targets(points[..., 0], areas, spread, bins_x)
    y = dcc.targets(points[..., 1], areas, spread, bins_y)
    assert_is(golden, "target_x_sample", x, tolerance=1e-4)
    assert_is(golden, "target_y_sample", y, tolerance=1e-4)


def test_only_the_surviving_cells_are_decoded_in_their_order(golden, weights):
    whole = dcc.decode(weights, *given(golden))
    kept = np.array([4, 0])
    np.testing.assert_allclose(dcc.decode(weights, *given(golden), kept=kept), whole[kept], atol=1e-9)
    assert dcc.decode(weights, *given(golden), kept=np.zeros(6, bool)).shape == (0, 17, 2)


def test_numpy_and_torch_agree_before_and_after_fusing(golden, weights):
    classifier = DCC(256, 17).double().eval()
    state = {name: torch.from_numpy(np.asarray(value)) for name, value in weights.items()}
    state["pose_to_kpts.1.num_batches_tracked"] = torch.tensor(0)
    classifier.load_state_dict(state)
    inputs = [torch.from_numpy(array) for array in given(golden)]
    with torch.no_grad():
        expected = classifier(*inputs).numpy()
        np.testing.assert_allclose(dcc.decode(weights, *given(golden)), expected, atol=1e-6)
        classifier.fuse()
        fused = {name: value.numpy() for name, value in classifier.state_dict().items()}
        plain = {name.replace("pose_to_kpts.", "pose_to_kpts.0."): v for name, v in fused.items()}
        np.testing.assert_allclose(dcc.decode(plain, *given(golden)), expected, atol=1e-5)


def test_a_small_classifier_in_eval_mode_equals_the_reference(goldens):
    golden = np.load(goldens / "rtmo_head_loss.npz", allow_pickle=False)
    weights = {
        name.removeprefix("dcc__"): golden[name].astype(np.float64)
        for name in golden
        if name.startswith("dcc__")
    }
    weights["pose_to_kpts.1.running_mean"] = np.zeros(272)
    weights["pose_to_kpts.1.running_var"] = np.ones(272)
    center, sides = golden["a_dcc_cs"][:, :2], golden["a_dcc_cs"][:, 2:] / dcc.BOX_PADDING
    boxes = np.concatenate([center - sides / 2, center + sides / 2], axis=1).astype(np.float64)
    pose, cells = golden["a_dcc_vec"].astype(np.float64), golden["a_dcc_grid"].astype(np.float64)
    np.testing.assert_allclose(dcc.decode(weights, pose, boxes, cells), golden["a_dcc_pred"], atol=1e-3)
    spread = dcc.sigmas(weights, pose)
    np.testing.assert_allclose(spread, golden["a_dcc_sigma"], atol=1e-5)
    for axis, bins in enumerate(dcc.absolute_bins(weights, boxes)):
        found = dcc.targets(golden["a_dcc_kpt"][..., axis], golden["a_dcc_area"], spread, bins)
        np.testing.assert_allclose(found, golden[f"a_dcc_target_{'xy'[axis]}"], rtol=1e-4, atol=1e-4)


def test_the_expectation_of_an_even_distribution_is_the_middle_of_the_bins():
    bins = np.linspace(10, 30, 192)[None]
    np.testing.assert_allclose(dcc.expectation(np.zeros((1, 3, 192)), bins), 20)
    sharp = np.full((1, 1, 192), -1e6)
    sharp[0, 0, 7] = 1e6
    np.testing.assert_allclose(dcc.expectation(sharp, bins), bins[0, 7])
