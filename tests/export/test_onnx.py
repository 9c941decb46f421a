"""An exported file computes what its network computes, for either contract, and explains itself."""

import tomllib
from pathlib import Path

import cv2
import numpy as np
import onnx
import pytest
import torch

from rtmcli.codecs import simcc
from rtmcli.engines import open_engine
from rtmcli.engines.base import Engine
from rtmcli.export.onnx import export_onnx
from rtmcli.inference.detector import Detector
from rtmcli.inference.topdown import TopDown
from rtmcli.networks.build import build_network
from rtmcli.networks.from_onnx import load_onnx_weights
from rtmcli.networks.rtmpose import RTMPose
from rtmcli.records.frame import Instance
from rtmcli.zoo.card import Card
from rtmcli.zoo.resolve import WEIGHTS, find_model

CONTRACTS = ("plain", "deploy")
BGR = {"mean": (103.53, 116.28, 123.675), "std": (57.375, 57.12, 58.395)}


@pytest.fixture(scope="module")
def pose_files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The bundled pose model, and its weights exported again under the other contract."""
    bundled = open_engine(find_model("rtmpose-t"), threads=1).card
    network = build_network(bundled)
    load_onnx_weights(find_model("rtmpose-t"), network)
    plain = tmp_path_factory.mktemp("pose") / "plain.onnx"
    export_onnx(network, Card.from_dict({**bundled.to_dict(), "contract": "plain"}), plain)
    return {"deploy": find_model("rtmpose-t"), "plain": plain}


@pytest.mark.parametrize("contract", ["deploy", pytest.param("plain", marks=pytest.mark.slow)])
def test_the_official_detectors_weights_find_the_same_through_our_export(
    data_dir: Path, tmp_path: Path, contract: str
) -> None:
    """0.1 pixels and 1e-4 of score, on 20 pictures."""
    official = data_dir / "weights" / "rtmdet_nano_person.onnx"
    card = Card(
        name="rtmdet-nano-person", family="rtmdet", size="nano", task="detector", width=320, height=320,
        contract=contract, score=0.05, iou=0.6, **BGR,
    )  # fmt: skip
    network = build_network(card)
    load_onnx_weights(official, network)
    export_onnx(network, card, tmp_path / "detector.onnx")
    pictures = [cv2.imread(str(file)) for file in sorted((data_dir / "val" / "images").iterdir())[:20]]
    reference = Detector(official, threads=1, score_threshold=0.05)
    exported = Detector(tmp_path / "detector.onnx", threads=1, score_threshold=0.05)
    count = 0
    for want, got in zip(reference(pictures), exported(pictures), strict=True):
        assert len(want) == len(got)
        boxes, scores = np.array([p.box for p in want]), np.array([p.score for p in want])
        for person in got:  # by box, for ranks may swap where scores are nearly equal
            distance = np.abs(boxes - person.box).max(axis=1)
            best = distance.argmin()
            assert distance[best] < 0.1
            assert abs(scores[best] - person.score) < 1e-4
        count += len(want)
    assert count > 300


@pytest.mark.parametrize("contract", CONTRACTS)
def test_a_file_carries_its_card_and_takes_any_batch(pose_files: dict[str, Path], contract: str) -> None:
    engine = open_engine(pose_files[contract], threads=1)
    assert engine.card is not None and engine.card.contract == contract
    assert engine.inputs[0].shape[0] is None
    assert [port.name for port in engine.inputs] == ["image" if contract == "deploy" else "input"]


def test_both_contracts_give_the_networks_keypoints(pose_files: dict[str, Path]) -> None:
    noise = cv2.resize(np.random.default_rng(0).integers(0, 256, (30, 40, 3), np.uint8), (400, 300))
    people = [Instance(box=np.array([20 * i, 10, 20 * i + 60, 150], np.float32), score=1.0) for i in range(5)]
    plain, deploy = (TopDown(pose_files[contract], threads=1)([noise], [people])[0] for contract in CONTRACTS)
    for a, b in zip(plain, deploy, strict=True):
        np.testing.assert_allclose(a.keypoints[:, 2], b.keypoints[:, 2], atol=1e-4)
        same = np.abs(a.keypoints - b.keypoints).max(axis=1) < 1e-3
        assert same.mean() > 0.9  # on noise, an argmax may jump between two equal bins


def test_the_decoding_in_the_graph_is_the_codecs(pose_files: dict[str, Path]) -> None:
    engine: Engine = open_engine(pose_files["deploy"], threads=1)
    height, width = engine.inputs[0].shape[1:3]
    crops = np.random.default_rng(0).integers(0, 256, (3, height, width, 3), np.uint8)
    out = engine({"image": crops})
    points, scores = simcc.decode(out["simcc_x"], out["simcc_y"])
    np.testing.assert_array_equal(out["keypoints"][..., :2], points)
    np.testing.assert_array_equal(out["keypoints"][..., 2], scores)


def test_a_point_without_a_positive_score_is_left_out_of_the_picture() -> None:
    from rtmcli.networks.graphs import decode_simcc

    x, y = torch.tensor([[[0.1, -1.0], [-2.0, -1.0]]]), torch.tensor([[[0.0, 0.3], [0.5, 0.2]]])
    assert decode_simcc(x, y, 2.0)[0].tolist() == [[0.0, 0.5, pytest.approx(0.1)], [-0.5, -0.5, -1.0]]


def test_weights_keep_their_official_names_and_half_of_their_bytes(tmp_path: Path) -> None:
    """Fresh weights: all norms are alike and every folded bias is zero, which the exporter would merge or drop."""
    torch.manual_seed(0)
    network = RTMPose("t", 5, 64, 64).eval()
    card = Card(
        name="toy", family="rtmpose", size="t", task="topdown", width=64, height=64, codec={"keypoints": 5}
    )
    export_onnx(network, card, tmp_path / "half.onnx", half=True)
    stored = {t.name: t for t in onnx.load(tmp_path / "half.onnx").graph.initializer}
    for name, parameter in network.named_parameters():
        if ".bn." not in name:
            assert tuple(stored[name].dims) == tuple(parameter.shape), name
        if name.endswith("conv.weight"):
            assert name.replace(".weight", ".bias") in stored, "the folded norm's bias"
    assert stored["head.cls_x.weight"].data_type == onnx.TensorProto.FLOAT16
    weights = sum(parameter.numel() for parameter in network.parameters())
    assert (tmp_path / "half.onnx").stat().st_size < 2.1 * weights
    pictures = np.random.default_rng(0).normal(size=(2, 3, 64, 64)).astype(np.float32)
    with torch.no_grad():
        want = network(torch.from_numpy(pictures))
    got = open_engine(tmp_path / "half.onnx", threads=1)({"input": pictures})
    for theirs, own in zip(want, got.values(), strict=True):
        np.testing.assert_allclose(own, theirs.numpy(), atol=1e-2 * float(theirs.std()))


def test_no_half_file_is_left_where_writing_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full_disk(_: object, file: str) -> None:
        Path(file).write_bytes(b"half")
        raise OSError("no space left")

    monkeypatch.setattr(onnx, "save", full_disk)
    from rtmcli.export.onnx import _write

    with pytest.raises(OSError, match="no space"):
        _write(onnx.ModelProto(), tmp_path / "toy.onnx")
    assert list(tmp_path.iterdir()) == []


def test_the_bundled_files_are_small_and_say_how_they_were_made() -> None:
    files = sorted(WEIGHTS.glob("*.onnx"))
    assert sum(file.stat().st_size for file in files) < 10_000_000
    for file in files:
        card = open_engine(file, threads=1).card
        assert card is not None and card.name == file.stem
        assert card.training and card.figures["command"] and "non-commercial" in card.licence


def test_the_cards_in_the_bundled_files_are_those_of_the_toml() -> None:
    for name, table in tomllib.loads((WEIGHTS.parent / "bundled.toml").read_text()).items():
        card = open_engine(find_model(name), threads=1).card
        assert card == Card.from_dict({"name": name, **table}), (
            f"python -m tools.bundled_models.export {name}"
        )
