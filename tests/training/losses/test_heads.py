"""The whole head losses of RTMO and RTMDet equal the reference in every term and gradient."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from rtmcli.networks.dcc import DCC
from rtmcli.networks.rtmdet import decode
from rtmcli.networks.rtmo import Maps
from rtmcli.training.losses.rtmdet_head import Objects, rtmdet_loss
from rtmcli.training.losses.rtmo_head import LossWeights, People, rtmo_loss
from tests.training.losses.test_losses import SIGMAS

GOLDENS = Path(__file__).parents[2] / "goldens"

RTMO = np.load(GOLDENS / "rtmo_head_loss.npz")
RTMDET = np.load(GOLDENS / "rtmdet_head_loss.npz")
FIRST = LossWeights(cls=1, bbox=5, oks=30, vis=1, mle=1, power=0.5)
SECOND = replace(FIRST, cls=2, oks=10, mle=5, power=1.0, proxy=True)
STAGES = {"stage1": FIRST, "stage2": SECOND, "stage2_aux": replace(SECOND, aux=1.0)}
# Our names of the terms, and the reference's.
TERMS = {
    "bbox": "loss_bbox",
    "bbox_aux": "loss_bbox_aux",
    "vis": "loss_vis",
    "mle": "loss_mle",
    "oks": "loss_oks",
    "cls": "loss_cls",
    "positives": "num_samples",
    "overlap": "overlaps",
}
OUTPUTS = {"cls": "cls", "bbox": "bbox", "kpt": "kpt_offset", "vis": "vis", "vec": "pose"}


def tensor(golden, key: str) -> torch.Tensor:
    value = torch.from_numpy(golden[key])
    return value.double() if value.is_floating_point() else value


def classifier() -> DCC:
    dcc = DCC(24, 17, features=16, bins=(24, 32)).double()
    dcc.load_state_dict({key[5:]: tensor(RTMO, key) for key in RTMO.files if key.startswith("dcc__")})
    return dcc


def rtmo_maps() -> Maps:
    return Maps(
        **{
            field: [tensor(RTMO, f"a_{name}_{level}").requires_grad_() for level in range(2)]
            for name, field in OUTPUTS.items()
        }
    )


def rtmo_people() -> list[People]:
    fields = ("bboxes", "keypoints", "visible", "visible_weights", "areas")
    return [People(*(tensor(RTMO, f"a_gt_{field}_{i}") for field in fields)) for i in range(2)]


def test_every_stage_of_the_golden_is_tested() -> None:
    assert {key[2:].removesuffix("_losses") for key in RTMO.files if key.endswith("_losses")} == set(STAGES)


@pytest.mark.parametrize("stage", STAGES)
def test_rtmo_loss_equals_the_reference_in_every_term_and_gradient(stage: str) -> None:
    maps, dcc = rtmo_maps(), classifier().train()
    total, terms = rtmo_loss(maps, dcc, rtmo_people(), sigmas=SIGMAS, weights=STAGES[stage])
    total.backward()

    want = json.loads(str(RTMO[f"a_{stage}_losses"]))
    assert {TERMS[name] for name in terms} | {"total"} == set(want)
    got = {TERMS[name]: float(value) for name, value in terms.items()} | {"total": float(total.detach())}
    for name, value in want.items():
        assert got[name] == pytest.approx(value, rel=1e-4, abs=1e-5), name

    parameters = dict(dcc.named_parameters())
    checked = 0
    for key in RTMO.files:
        for prefix in (f"a_{stage}_grad_", f"a_{stage}_graddcc_"):
            if not key.startswith(prefix):
                continue
            rest = key.removeprefix(prefix)
            if prefix.endswith("dcc_"):
                gradient = parameters[rest].grad
            else:
                name, level = rest.split("_")
                gradient = getattr(maps, OUTPUTS[name])[int(level)].grad
            expected = RTMO[key]
            found = np.zeros_like(expected) if gradient is None else gradient.numpy()
            scale = np.abs(expected).max()
            np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4 * scale + 1e-9, err_msg=key)
            checked += 1
    assert checked >= 4


def test_the_classifier_in_eval_mode_equals_the_reference() -> None:
    dcc = classifier().eval()
    center, size = tensor(RTMO, "a_dcc_cs").split(2, dim=1)  # centre and padded size
    boxes = torch.cat([center - size / 2.5, center + size / 2.5], dim=1)
    with torch.no_grad():
        found = dcc.forward_train(tensor(RTMO, "a_dcc_vec"), boxes, tensor(RTMO, "a_dcc_grid"))
        targets = dcc.targets(
            tensor(RTMO, "a_dcc_kpt"), tensor(RTMO, "a_dcc_area"), found.sigmas, found.bins_x, found.bins_y
        )
    pairs = {
        "pred": found.keypoints,
        "hm_x": found.prob_x,
        "hm_y": found.prob_y,
        "sigma": found.sigmas,
        "target_x": targets[0],
        "target_y": targets[1],
    }
    for name, value in pairs.items():
        expected = RTMO[f"a_dcc_{name}"]
        np.testing.assert_allclose(
            value.numpy(), expected, rtol=1e-4, atol=1e-4 * np.abs(expected).max(), err_msg=name
        )


def test_rtmo_loss_of_images_without_people_pushes_scores_down_and_reaches_every_parameter() -> None:
    maps, dcc = rtmo_maps(), classifier().train()
    nobody = People(
        torch.zeros(0, 4),
        torch.zeros(0, 17, 2),
        torch.zeros(0, 17),
        torch.zeros(0, 17),
        torch.zeros(0),
    )
    nobody = People(*(field.double() for field in nobody[:5]))
    total, terms = rtmo_loss(maps, dcc, [nobody, nobody], sigmas=SIGMAS, weights=FIRST)
    total.backward()
    assert float(terms["positives"]) == 0
    assert all((m.grad > 0).all() for m in maps.cls)
    assert all(p.grad is not None and (p.grad == 0).all() for p in dcc.parameters())


def test_an_ignored_region_counts_no_background_cell() -> None:
    dcc = classifier().train()
    everywhere = torch.ones(192, 192, dtype=torch.bool)
    maps = rtmo_maps()
    people = [one._replace(ignored=everywhere) for one in rtmo_people()]
    total, terms = rtmo_loss(maps, dcc, people, sigmas=SIGMAS, weights=FIRST)
    total.backward()
    touched = sum(int((m.grad != 0).sum()) for m in maps.cls)
    assert touched == int(terms["positives"])


def test_two_processes_with_a_shared_count_sum_to_the_whole_batch() -> None:
    def run(maps: Maps, people: list[People], mean_count: float | None) -> torch.Tensor:
        dcc = classifier().eval()  # batch statistics would differ between the halves
        share = (lambda count: count) if mean_count is None else (lambda count: count * 0 + mean_count)
        return rtmo_loss(maps, dcc, people, sigmas=SIGMAS, weights=SECOND, share=share)[0]

    people = rtmo_people()
    whole = rtmo_loss(rtmo_maps(), classifier().eval(), people, sigmas=SIGMAS, weights=SECOND)
    mean_count = float(whole[1]["positives"]) / 2
    halves = [
        run(Maps(*([m[i : i + 1] for m in field] for field in rtmo_maps())), [people[i]], mean_count)
        for i in range(2)
    ]
    torch.testing.assert_close(sum(halves) / 2, whole[0], rtol=1e-9, atol=1e-9)


def rtmdet_inputs() -> tuple[list[torch.Tensor], list[torch.Tensor], list[Objects]]:
    scores = [tensor(RTMDET, f"cls_{level}").requires_grad_() for level in range(3)]
    distances = [tensor(RTMDET, f"dist_{level}").requires_grad_() for level in range(3)]
    objects = [Objects(tensor(RTMDET, f"gt_bboxes_{i}"), tensor(RTMDET, f"gt_labels_{i}")) for i in range(2)]
    return scores, distances, objects


def test_rtmdet_loss_equals_the_reference_in_every_level_and_gradient() -> None:
    scores, distances, objects = rtmdet_inputs()
    loss = rtmdet_loss(scores, distances, objects)
    loss.total.backward()
    want = json.loads(str(RTMDET["losses"]))
    assert [float(v) for v in loss.cls] == pytest.approx(want["loss_cls"], rel=1e-4)
    assert [float(v) for v in loss.bbox] == pytest.approx(want["loss_bbox"], rel=1e-4)
    assert float(loss.total) == pytest.approx(want["total"], rel=1e-4)
    for level in range(3):
        for name, maps in (("cls", scores), ("dist", distances)):
            expected = RTMDET[f"grad_{name}_{level}"]
            scale = np.abs(expected).max()
            np.testing.assert_allclose(
                maps[level].grad.numpy(), expected, rtol=1e-4, atol=1e-4 * scale, err_msg=f"{name}_{level}"
            )


def test_rtmdet_predictions_of_the_same_maps_equal_the_reference() -> None:
    scores, distances, _ = rtmdet_inputs()
    with torch.no_grad():
        found = decode(scores, distances, score=0.05, iou=0.6, before=1000, keep=100, size=(128, 128))
    for i, (boxes, values, labels) in enumerate(found):
        np.testing.assert_allclose(boxes.numpy(), RTMDET[f"pred_bboxes_{i}"], atol=1e-3)
        np.testing.assert_allclose(values.numpy(), RTMDET[f"pred_scores_{i}"], atol=1e-5)
        np.testing.assert_array_equal(labels.numpy(), RTMDET[f"pred_labels_{i}"])


def test_rtmdet_loss_of_a_image_without_objects_is_all_background() -> None:
    scores, distances, objects = rtmdet_inputs()
    nothing = Objects(torch.zeros(0, 4).double(), torch.zeros(0, dtype=torch.long))
    loss = rtmdet_loss(scores, distances, [nothing, nothing])
    loss.total.backward()
    assert all(float(value) == 0 for value in loss.bbox)
    assert all((m.grad > 0).all() for m in scores)

    ignored = torch.ones(128, 128, dtype=torch.bool)
    loss = rtmdet_loss(scores, distances, [nothing._replace(ignored=ignored)] * 2)
    assert float(loss.total) == 0
    assert len(objects) == 2
