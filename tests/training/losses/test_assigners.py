"""Assigners choose the cells that the reference chooses."""

from pathlib import Path

import numpy as np
import pytest
import torch

from rtmcli.training.losses.assigners import Assignment, dynamic_soft_label, simota
from tests.training.losses.test_losses import SIGMAS

GOLDENS = Path(__file__).parents[2] / "goldens"

SIMOTA = np.load(GOLDENS / "assign_simota.npz")
SOFT = np.load(GOLDENS / "assign_dynamic_soft_label.npz")


def cases(golden) -> list[str]:
    return sorted(key.removesuffix("_gt_inds") for key in golden.files if key.endswith("_gt_inds"))


def load(golden, name: str) -> dict[str, torch.Tensor]:
    prefix = name + "_"
    return {k.removeprefix(prefix): torch.from_numpy(golden[k]) for k in golden.files if k.startswith(prefix)}


def check(found: Assignment, want: dict[str, torch.Tensor], labels: torch.Tensor) -> None:
    torch.testing.assert_close(found.matched + 1, want["gt_inds"], rtol=0, atol=0)
    positive = found.matched >= 0
    assert positive.any()
    torch.testing.assert_close(found.overlaps[positive], want["max_overlaps"][positive], rtol=1e-5, atol=1e-5)
    got = torch.where(positive, labels[found.matched.clamp(min=0)], -1)
    torch.testing.assert_close(got, want["labels"], rtol=0, atol=0)


@pytest.mark.parametrize("name", cases(SIMOTA))
def test_simota_chooses_the_reference_cells(name: str) -> None:
    case = load(SIMOTA, name)
    found = simota(
        case["priors"][:, :2],
        case["priors"][:, 2],
        case["pred_bboxes"],
        case["pred_scores"][:, 0],
        case["pred_keypoints"],
        gt_boxes=case["gt_bboxes"],
        gt_keypoints=case["gt_keypoints"],
        gt_visible=case["gt_visible"],
        gt_areas=case["gt_areas"],
        sigmas=SIGMAS.float(),
        center_by_keypoints=name == "kptcenter",
    )
    check(found, case, torch.zeros(len(case["gt_bboxes"]), dtype=torch.long))


@pytest.mark.parametrize("name", cases(SOFT))
def test_dynamic_soft_labels_choose_the_reference_cells(name: str) -> None:
    case = load(SOFT, name)
    found = dynamic_soft_label(
        case["priors"][:, :2],
        case["priors"][:, 2],
        case["pred_bboxes"],
        case["pred_logits"],
        gt_boxes=case["gt_bboxes"],
        gt_labels=case["gt_labels"],
    )
    check(found, case, case["gt_labels"])


def test_a_image_of_nobody_is_all_background() -> None:
    priors, strides = torch.rand(9, 2) * 64, torch.full((9,), 16.0)
    boxes, nobody = torch.rand(9, 4), torch.zeros(0, 4)
    found = dynamic_soft_label(
        priors,
        strides,
        boxes,
        torch.zeros(9, 1),
        gt_boxes=nobody,
        gt_labels=torch.zeros(0, dtype=torch.long),
    )
    assert (found.matched == -1).all() and (found.overlaps == 0).all()
    found = simota(
        priors,
        strides,
        boxes,
        torch.zeros(9),
        torch.zeros(9, 17, 2),
        gt_boxes=nobody,
        gt_keypoints=torch.zeros(0, 17, 2),
        gt_visible=torch.zeros(0, 17),
        gt_areas=torch.zeros(0),
        sigmas=SIGMAS.float(),
    )
    assert (found.matched == -1).all() and (found.overlaps == 0).all()


def test_an_instance_far_from_every_cell_gets_none() -> None:
    priors, strides = torch.tensor([[7.5, 7.5], [23.5, 7.5]]), torch.full((2,), 16.0)
    found = simota(
        priors,
        strides,
        torch.rand(2, 4),
        torch.full((2,), 0.5),
        torch.zeros(2, 17, 2),
        gt_boxes=torch.tensor([[500.0, 500, 510, 510]]),
        gt_keypoints=torch.full((1, 17, 2), 505.0),
        gt_visible=torch.ones(1, 17),
        gt_areas=torch.tensor([50.0]),
        sigmas=SIGMAS.float(),
    )
    assert (found.matched == -1).all()
