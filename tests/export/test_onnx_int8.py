"""int8 keeps what is sensitive in float: always the ends of a network, and besides what measuring shows."""

from pathlib import Path

import cv2
import numpy as np
import onnx
import pytest
import torch

from rtmcli.engines import open_engine
from rtmcli.errors import RtmError
from rtmcli.export import onnx_int8
from rtmcli.export.onnx import export_onnx
from rtmcli.export.onnx_int8 import layer_groups, quantise
from rtmcli.export.run import reference_engine
from rtmcli.networks.rtmpose import RTMPose
from rtmcli.zoo.card import Card

CARD = Card(
    name="toy", family="rtmpose", size="t", task="topdown", skeleton="coco17", width=64, height=64, contract="deploy",
    mean=(123.675, 116.28, 103.53), std=(58.395, 57.12, 57.375), color="rgb", codec={"name": "simcc", "ratio": 2.0},
)  # fmt: skip


@pytest.fixture(autouse=True)
def little_to_calibrate(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(onnx_int8, "CALIBRATION_FEEDS", 3)


@pytest.fixture(scope="module")
def toy(tmp_path_factory: pytest.TempPathFactory) -> tuple[torch.nn.Module, Path, Path]:
    """A network, its float32 ONNX file, and a folder of pictures."""
    folder = tmp_path_factory.mktemp("int8")
    torch.manual_seed(0)
    network = RTMPose("t", 17, 64, 64).eval()
    export_onnx(network, CARD, folder / "toy.onnx")
    pictures = folder / "pictures"
    pictures.mkdir()
    for number in range(3):
        noise = np.random.default_rng(number).integers(0, 256, (12, 12, 3), np.uint8)
        cv2.imwrite(str(pictures / f"{number}.png"), cv2.resize(noise, (96, 96)))
    return network, folder / "toy.onnx", pictures


def quantised(path: Path) -> set[str]:
    """Names of the weights that a file holds as whole numbers."""
    graph = onnx.load(path).graph
    stored = {tensor.name for tensor in graph.initializer if tensor.data_type == onnx.TensorProto.INT8}
    return {name for name in stored if "conv" in name and "zero_point" not in name}


def test_the_ends_of_the_network_stay_in_float(
    toy: tuple[torch.nn.Module, Path, Path], tmp_path: Path
) -> None:
    network, source, pictures = toy
    out = tmp_path / "int8.onnx"
    kept = quantise(
        source,
        CARD,
        out,
        reference=reference_engine(network, CARD),
        images=pictures,
        accuracy=lambda _: 0.5,
    )
    assert kept == []
    names = quantised(out)
    assert any("stage3" in name for name in names)
    assert not any("stem.0" in name or "final_layer" in name for name in names)
    assert not [n for n in onnx.load(out).graph.node if n.op_type == "MatMul" and "quantized" in n.input[1]]
    engine = open_engine(out, threads=1)
    assert engine.card == CARD
    images = np.random.default_rng(0).integers(0, 256, (2, 64, 64, 3), np.uint8)
    want, got = open_engine(source, threads=1)({"image": images}), engine({"image": images})
    error = np.linalg.norm(got["simcc_x"] - want["simcc_x"]) / np.linalg.norm(want["simcc_x"])
    assert 0 < error < 0.5


def test_groups_go_back_to_float_until_ap_is_near_enough(
    toy: tuple[torch.nn.Module, Path, Path], tmp_path: Path
) -> None:
    network, source, pictures = toy
    groups = layer_groups(onnx.load(source))

    def accuracy(file: Path) -> float:
        return 0.5 if len(quantised(file)) <= sum(map(len, groups.values())) // 2 else 0.3

    out = tmp_path / "int8.onnx"
    kept = quantise(
        source, CARD, out, reference=reference_engine(network, CARD), images=pictures, accuracy=accuracy
    )
    assert 0 < len(kept) < len(groups)
    assert quantised(out) and accuracy(out) == 0.5
    assert not any(name.removeprefix("network.").startswith(tuple(kept)) for name in quantised(out))


def test_a_network_that_bears_no_int8_at_all_is_an_error_and_leaves_no_file(
    toy: tuple[torch.nn.Module, Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    network, source, pictures = toy
    three = dict(list(layer_groups(onnx.load(source)).items())[:3])
    monkeypatch.setattr(onnx_int8, "layer_groups", lambda model: three)  # each is tried alone: all take long
    with pytest.raises(RtmError, match="--fp16"):
        quantise(
            source, CARD, tmp_path / "int8.onnx", reference=reference_engine(network, CARD), images=pictures,
            accuracy=lambda file: 0.5 if file == source else 0.1,
        )  # fmt: skip
    assert list(tmp_path.iterdir()) == []
