"""Losses equal the reference in value and gradient (losses.npz)."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from rtmcli.training.losses import dense, simcc

GOLDENS = Path(__file__).parents[2] / "goldens"

GOLDEN = np.load(GOLDENS / "losses.npz")
META = json.loads(str(GOLDEN["meta"]))
SIGMAS = torch.tensor(
    [26, 25, 25, 35, 35, 79, 79, 72, 72, 62, 62, 107, 107, 87, 87, 89, 89], dtype=torch.float64
) / 1000  # fmt: skip

# Variants that no published model trains with.
UNUSED = {
    *("kl_plain", "kl_noweight", "mlecc_linear", "mlecc_square", "oks_norm", "oks_square", "smoothl1_kpt"),
}

Case = Mapping[str, Tensor]


def kl(case: Case, config: dict) -> Tensor:
    axes = [axis for axis in "xyz" if f"p{axis}" in case]
    weights = list(case["w3"]) if "w3" in case else case["w"]
    return simcc.simcc_kl(
        [case[f"p{axis}"] for axis in axes],
        [case[f"g{axis}"] for axis in axes],
        weights,
        beta=config["beta"],
        mask=config.get("mask", ()),
        mask_weight=config.get("mask_weight", 1.0),
    )


def bone(case: Case, config: dict) -> Tensor:
    loss = simcc.bone_length(case["pred"], case["target"], case["w"], parents=config["joint_parents"])
    return loss * config["loss_weight"]


def likelihood(case: Case, config: dict) -> Tensor:
    a, b = case["a"].softmax(-1), case["b"].softmax(-1)
    return dense.coordinate_likelihood(a, b, case["ta"], case["tb"], case["w"])


def oks(case: Case, config: dict) -> Tensor:
    loss = dense.oks_loss(case["output"], case["target"], case["w"], case["area"], SIGMAS)
    return loss * config["loss_weight"]


def feature(case: Case, config: dict) -> Tensor:
    student = F.conv2d(case["s"], case["align_weight"], case["align_bias"])
    return simcc.feature_distillation(student, case["t"]) * config["alpha"]


def distillation(case: Case, config: dict) -> Tensor:
    students, teachers = [case["sx"], case["sy"]], [case["tx"], case["ty"]]
    return simcc.logit_distillation(students, teachers, beta=config["beta"]) * config["weight"]


# The reference's name of a loss, and the call that equals it.
CALLS: dict[str, Callable[[Case, dict], Tensor]] = {
    "KLDiscretLoss": kl,
    "KLDiscretLossWithWeight (RTMW3D)": kl,
    "BoneLoss": bone,
    "MLECCLoss": likelihood,
    "OKSLoss": oks,
    "VariFocalLoss": lambda c, m: dense.varifocal(c["x"], c["t"], c["w"], alpha=m["alpha"], gamma=m["gamma"]),
    "IoULoss": lambda c, m: dense.iou_square(c["p"], c["t"]) * m["loss_weight"],
    "BCELoss": lambda c, _: dense.visibility_bce(c["x"], c["t"], c["w"]),
    "L1Loss": lambda c, _: dense.box_l1(c["x"], c["t"]),
    "QualityFocalLoss": lambda c, m: (
        dense.quality_focal(c["x"], c["label"], c["score"], beta=m["beta"]) / m["avg_factor"]
    ),
    "GIoULoss": lambda c, m: dense.giou_loss(c["p"], c["t"], c["w"]) * m["loss_weight"] / m["avg_factor"],
    "FeaLoss": feature,
    "KDLoss": distillation,
    "KeypointMSELoss": lambda c, _: dense.heatmap_mse(c["x"], c["t"], c["w"]),
}


@pytest.mark.parametrize("name", [name for name in META if name not in UNUSED])
def test_loss_and_its_gradients_equal_the_reference(name: str) -> None:
    stored = {key.split("__", 1)[1]: GOLDEN[key] for key in GOLDEN.files if key.startswith(name + "__")}
    want = {key: stored.pop(key) for key in list(stored) if key in ("value", "scalar") or key[:5] == "grad_"}
    case = {key: torch.from_numpy(value) for key, value in stored.items()}
    case = {key: value.double() if value.is_floating_point() else value for key, value in case.items()}
    for key in want:
        if key.startswith("grad_"):
            case[key[5:]].requires_grad_()

    value = CALLS[META[name]["type"]](case, META[name])
    value.mean().backward()

    np.testing.assert_allclose(value.detach().numpy(), want.pop("value"), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(value.mean().item(), want.pop("scalar"), rtol=1e-5, atol=1e-6)
    assert want
    for key, expected in want.items():
        gradient = case[key[5:]].grad
        assert gradient is not None
        scale = np.abs(expected).max()
        np.testing.assert_allclose(gradient.numpy(), expected, rtol=1e-4, atol=1e-5 * scale, err_msg=key)
