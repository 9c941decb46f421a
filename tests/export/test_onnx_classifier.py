"""An exported RTMO (and YOLOX) finds what the network's own test-time path finds, on non-square pictures."""

from pathlib import Path

import numpy as np
import pytest
import torch

from rtmcli.engines import open_engine
from rtmcli.export.onnx import KEEP, export_onnx
from rtmcli.networks import yolox
from rtmcli.networks.rtmo import RTMO
from rtmcli.zoo.card import Card
from tests.helpers.fill import fill_state_dict

HEIGHT, WIDTH = 64, 96


@pytest.fixture(scope="module")
def pictures() -> np.ndarray:
    """Faint noise: seeded weights send bright pictures far beyond any real box."""
    return np.random.default_rng(0).integers(0, 4, (2, HEIGHT, WIDTH, 3), np.uint8)


def planes(pictures: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(pictures.transpose(0, 3, 1, 2), np.float32)  # (N, 3, H, W)


@pytest.mark.parametrize("contract", [pytest.param("plain", marks=pytest.mark.slow), "deploy"])
def test_an_exported_rtmo_gives_the_people_of_its_network(
    tmp_path: Path, pictures: np.ndarray, contract: str
) -> None:
    torch.manual_seed(0)
    network = RTMO("t", 17, width=0.125, depth=0.3).eval()  # one two-branch block in each layer of the neck
    network.load_state_dict(fill_state_dict(network.state_dict()))
    card = Card(
        name="toy", family="rtmo", size="t", task="onestage", width=WIDTH, height=HEIGHT, skeleton="coco17",
        score=0.1, iou=0.65, contract=contract,
    )  # fmt: skip
    export_onnx(network, card, tmp_path / "rtmo.onnx")
    engine = open_engine(tmp_path / "rtmo.onnx", threads=1)
    assert engine.card == card
    got = engine({"image": pictures} if contract == "deploy" else {"input": planes(pictures)})
    for i, want in enumerate(network.detect(torch.from_numpy(planes(pictures)), score=0.1, iou=0.65)):
        count = min(len(want.scores), KEEP)
        assert count >= 3
        kept = got["dets"][i, got["dets"][i, :, 4] > 0]
        assert len(kept) == count
        np.testing.assert_allclose(kept[:, 4], want.scores[:count].numpy(), atol=1e-5)
        # Seeded weights make boxes of hundreds of pixels, and float32 is as coarse there.
        np.testing.assert_allclose(
            got["keypoints"][i, :count, :, :2], want.keypoints[:count].numpy(), atol=5e-2
        )
        np.testing.assert_allclose(
            got["keypoints"][i, :count, :, 2], want.keypoint_scores[:count].numpy(), atol=1e-4
        )


def test_an_exported_yolox_gives_the_boxes_of_its_network(tmp_path: Path, pictures: np.ndarray) -> None:
    network = yolox.YOLOX("nano", 3).eval()
    network.load_state_dict(fill_state_dict(network.state_dict()))
    card = Card(
        name="toy", family="yolox", size="nano", task="detector", width=WIDTH, height=HEIGHT,
        classes=("a", "b", "c"), score=0.01, iou=0.65,
    )  # fmt: skip
    export_onnx(network, card, tmp_path / "yolox.onnx")
    got = open_engine(tmp_path / "yolox.onnx", threads=1)({"input": planes(pictures)})
    with torch.inference_mode():
        maps = network(torch.from_numpy(planes(pictures)))
    for i, (boxes, scores, labels) in enumerate(yolox.decode(maps, score=0.01, iou=0.65)):
        kept = got["dets"][i, :, 4] > 0
        count = min(len(scores), KEEP)
        assert kept.sum() == count >= 3
        np.testing.assert_allclose(got["dets"][i, kept, 4], scores[:count].numpy(), atol=1e-5)
        np.testing.assert_allclose(got["dets"][i, kept, :4], boxes[:count].numpy(), atol=5e-3)
        np.testing.assert_array_equal(got["labels"][i, kept], labels[:count].numpy())
