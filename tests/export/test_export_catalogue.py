"""Every model of the goldens exports to ONNX (plain) and says there what the network says in float64."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from rtmcli.codecs import simcc
from rtmcli.engines import open_engine
from rtmcli.export.onnx import KEEP, export_onnx
from rtmcli.networks import rtmdet, yolox
from rtmcli.zoo.card import Card
from tests.helpers.catalogue import GOLDENS, card_of, filled_network
from tests.helpers.fill import golden_input

MODELS = sorted(path.stem.removeprefix("net_") for path in GOLDENS.glob("net_*.npz"))
# RTMO and YOLOX are exported at a toy size in test_onnx_classifier.py, RTMW as RTMPose is.
ORDINARY = {"rtmpose-t_coco17_256x192", "rtmdet-nano_person_320"}


@pytest.mark.parametrize(
    "name", [name if name in ORDINARY else pytest.param(name, marks=pytest.mark.slow) for name in MODELS]
)
def test_the_exported_model_says_what_the_network_says(name: str, tmp_path: Path) -> None:
    card = card_of(name)
    if card.task == "onestage":  # the fused form holds one size, its positional encoding being a constant
        card = replace(card, score=0.1, iou=0.65)
    network = filled_network(name, dtype=torch.float32)
    export_onnx(network, card, tmp_path / "model.onnx")
    pictures = golden_input(name, (1, 3, card.height, card.width))
    got = open_engine(tmp_path / "model.onnx", threads=1)({"input": pictures.numpy()})
    network.double()
    with torch.inference_mode():
        if card.task == "topdown":
            _compare_vectors(list(got.values()), network(pictures.double()))
        else:
            _compare_found(got, _found(network, card, pictures.double()))


def _compare_vectors(got: list[np.ndarray], want: tuple[torch.Tensor, ...]) -> None:
    """Raw vectors to 1e-4 of their std; decoded pixels to 1e-3 where the best two bins are further apart than that."""
    assert len(got) == len(want)
    for vector, tensor in zip(got, want, strict=True):
        assert np.abs(vector - tensor.numpy()).max() <= 1e-4 * float(tensor.std())
    clear = np.ones(got[0].shape[:2], bool)  # (N, K)
    for tensor in want[:2]:
        best = tensor.topk(2, dim=-1).values  # (N, K, 2)
        clear &= (best[..., 0] - best[..., 1] > 1e-4 * tensor.std()).numpy()
    assert clear.mean() > 0.9
    points, _ = simcc.decode(got[0], got[1])
    expected, _ = simcc.decode(want[0].numpy(), want[1].numpy())
    assert np.abs(points - expected)[clear].max() <= 1e-3


def _found(network: torch.nn.Module, card: Card, pictures: torch.Tensor) -> dict[str, np.ndarray]:
    """Boxes, scores (and keypoints) of the network's own test-time path, best first."""
    if card.task == "onestage":
        (people,) = network.detect(pictures, score=0.1, iou=0.65)
        points = torch.cat([people.keypoints, people.keypoint_scores[..., None]], dim=-1)
        return {"scores": people.scores.numpy(), "keypoints": points.numpy()}
    if card.family == "yolox":
        boxes, scores, _ = yolox.decode(network(pictures), score=0.05, iou=0.6)[0]
    else:
        levels = network(pictures)
        boxes, scores, _ = rtmdet.decode(*levels, score=0.05, iou=0.6, before=30000, keep=KEEP, size=None)[0]
    return {"scores": scores.numpy(), "boxes": boxes.numpy()}


def _compare_found(got: dict[str, np.ndarray], want: dict[str, np.ndarray]) -> None:
    """The same count; each of the rows by its score, which float32 may put in another order than float64."""
    rows = got["dets"][0]
    rows = rows[rows[:, 4] > 0]
    count = min(len(want["scores"]), KEEP)
    assert len(rows) == count >= 3
    np.testing.assert_allclose(rows[:, 4], want["scores"][:count], atol=1e-5)
    name, table = ("keypoints", got["keypoints"][0]) if "keypoints" in want else ("boxes", rows[:, :4])
    for i in range(count):
        near = np.flatnonzero(np.abs(want["scores"] - rows[i, 4]) < 2e-5)
        # Seeded weights also make boxes of 10,000 pixels, where float32 has a thousandth left.
        tolerance = max(1e-2, 1e-5 * float(np.abs(table[i]).max()))
        assert min(np.abs(want[name][near] - table[i]).reshape(len(near), -1).max(axis=1)) <= tolerance
