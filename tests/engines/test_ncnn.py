"""ncnn gives torch's numbers for every family, from files that pnnx made; the tails in numpy are the networks' own."""

from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from rtmcli.engines import open_engine
from rtmcli.engines.ncnn import KEEP, card_path
from rtmcli.engines.torch import TorchEngine
from rtmcli.errors import DataError, MissingError, RtmError, UsageError
from rtmcli.export import ncnn as export
from rtmcli.export.ncnn import Phases, export_ncnn
from rtmcli.networks.csp_darknet import Focus
from rtmcli.networks.fold import fold_batchnorm
from rtmcli.networks.graphs import build_graph
from rtmcli.networks.rtmdet import RTMDet
from rtmcli.networks.rtmo import RTMO
from rtmcli.networks.rtmpose import RTMPose
from rtmcli.networks.yolox import YOLOX
from rtmcli.zoo.card import Card
from rtmcli.zoo.resolve import find_model
from tests.helpers.fill import fill_state_dict

HEIGHT, WIDTH = 64, 96
TOYS: dict[str, tuple[nn.Module, dict[str, object]]] = {
    "rtmpose": (RTMPose("t", 5, WIDTH, HEIGHT), {"task": "topdown", "codec": {"keypoints": 5, "ratio": 2.0}}),
    "rtmdet": (RTMDet("nano", 2), {"task": "detector", "score": 0.3, "iou": 0.6, "classes": ("a", "b")}),
    "yolox": (
        YOLOX("nano", 3), {"task": "detector", "score": 0.01, "iou": 0.65, "classes": ("a", "b", "c")}
    ),
    "rtmo": (
        RTMO("t", 17, width=0.125, depth=0.1),
        {"task": "onestage", "score": 0.1, "iou": 0.65, "skeleton": "coco17"},
    ),
}  # fmt: skip


# The file, network and card of a family.
Toys = Callable[[str], tuple[Path, nn.Module, Card]]


@pytest.fixture(scope="module")
def toys(tmp_path_factory: pytest.TempPathFactory) -> Toys:
    """Exports the toy of a family when it is first asked for."""
    folder = tmp_path_factory.mktemp("ncnn")

    @cache
    def toy(family: str) -> tuple[Path, nn.Module, Card]:
        network, told = TOYS[family]
        network.eval().load_state_dict(fill_state_dict(network.state_dict()))
        card = Card(name="toy", family=family, size="t", width=WIDTH, height=HEIGHT, **told)
        export_ncnn(network, card, folder / f"{family}-toy.param")
        return folder / f"{family}-toy.param", network, card

    return toy


@pytest.fixture(scope="module")
def pictures() -> np.ndarray:
    """Faint noise: seeded weights send bright pictures far beyond any real box."""
    noise = np.random.default_rng(0).integers(0, 4, (2, 3, HEIGHT, WIDTH))
    return noise.astype(np.float32)


@pytest.mark.parametrize(
    "family", ["rtmpose", "rtmdet", "rtmo", pytest.param("yolox", marks=pytest.mark.slow)]
)
def test_an_exported_network_gives_what_torch_gives(toys: Toys, pictures: np.ndarray, family: str) -> None:
    file, network, card = toys(family)
    graph = build_graph(fold_batchnorm(network), card)
    torch_engine = TorchEngine(graph, card, device=torch.device("cpu"), precision="float32", threads=1)
    engine = open_engine(file, engine="ncnn", threads=1)
    assert engine.card == card
    assert [port.name for port in engine.outputs] == [port.name for port in torch_engine.outputs]
    want, got = torch_engine({"input": pictures}), engine({"input": pictures})
    if family == "rtmpose":
        for name, value in want.items():
            np.testing.assert_allclose(got[name], value, atol=1e-4 * float(value.std()))
        return
    for i in range(len(pictures)):
        rows = (want["dets"][i, :, 4] > 0).sum()
        assert 3 <= rows <= KEEP
        assert (got["dets"][i, :, 4] > 0).sum() == rows
        found, expected = (  # equal scores may change places
            np.c_[side["dets"][i, :rows], 1000 * side.get("labels", side["dets"][..., 0])[i, :rows]]
            for side in (got, want)
        )
        same = np.abs(found[None] - expected[:, None]).sum(axis=2).argmin(axis=1)
        assert len(set(same)) == rows
        for name, value in want.items():
            np.testing.assert_allclose(got[name][i, same], value[i, :rows], atol=1e-2)


def test_bfloat16_is_near_and_is_not_float32(toys: Toys, pictures: np.ndarray) -> None:
    file, _, _ = toys("rtmpose")
    exact = open_engine(file, engine="ncnn", threads=1)({"input": pictures})["simcc_x"]
    engine = open_engine(file, engine="ncnn", precision="bfloat16", threads=1)
    rough = engine({"input": pictures}, ["simcc_x"])["simcc_x"]
    assert engine.facts()["precision"] == "bfloat16"
    assert 0 < np.linalg.norm(rough - exact) / np.linalg.norm(exact) < 0.1


def test_half_stored_weights_take_half_the_bytes_and_give_nearly_the_same(
    toys: Toys, pictures: np.ndarray, tmp_path: Path
) -> None:
    file, network, card = toys("rtmpose")
    export_ncnn(network, card, tmp_path / "half.param", half=True)
    assert (tmp_path / "half.bin").stat().st_size < 0.6 * file.with_suffix(".bin").stat().st_size
    want, got = (
        open_engine(f, engine="ncnn", threads=1)({"input": pictures}) for f in (file, tmp_path / "half.param")
    )
    for name, value in want.items():
        np.testing.assert_allclose(got[name], value, atol=1e-2 * float(value.std()))


def test_what_is_missing_is_named(toys: Toys, tmp_path: Path) -> None:
    file, _, card = toys("rtmpose")
    with pytest.raises(UsageError, match="--to ncnn"):
        open_engine(tmp_path / "model.onnx", engine="ncnn")
    with pytest.raises(MissingError, match=r"no model file"):
        open_engine(tmp_path / "model.param", engine="ncnn")
    copy = tmp_path / "copy.param"
    copy.write_bytes(file.read_bytes())
    with pytest.raises(MissingError, match=r"copy\.card\.json"):
        open_engine(copy, engine="ncnn")
    card_path(copy).write_text(card.to_json())
    with pytest.raises(MissingError, match=r"copy\.bin"):
        open_engine(copy, engine="ncnn")
    copy.with_suffix(".bin").write_bytes(file.with_suffix(".bin").read_bytes())
    copy.write_text("no model")
    with pytest.raises(DataError, match=r"copy\.param"):
        open_engine(copy, engine="ncnn")


def test_arithmetic_and_devices_that_are_not_here_are_errors_and_no_fallback(
    toys: Toys,
) -> None:
    import ncnn

    file, _, _ = toys("rtmpose")
    if not ncnn.cpu_support_arm_asimdhp():
        with pytest.raises(MissingError, match="bfloat16"):
            open_engine(file, engine="ncnn", precision="float16")
    with pytest.raises(UsageError, match="int8"):
        open_engine(file, engine="ncnn", precision="int8")
    with pytest.raises(UsageError, match="cuda"):
        open_engine(file, engine="ncnn", device="cuda")
    with pytest.raises(MissingError, match="Vulkan"):
        open_engine(file, engine="ncnn", device="vulkan:99")


def test_a_folder_with_an_rtmo_of_two_networks_is_one_model(tmp_path: Path) -> None:
    for name in ("rtmo.ncnn.param", "rtmo.ncnn.dcc.param", "rtmo.ncnn.bin", "rtmo.ncnn.card.json"):
        (tmp_path / name).touch()
    assert find_model(tmp_path) == tmp_path / "rtmo.ncnn.param"


def test_without_pnnx_the_command_that_gets_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(export, "find_spec", lambda _: None)
    monkeypatch.setattr(export.shutil, "which", lambda _: None)
    with pytest.raises(MissingError, match="pip install pnnx"):
        export.find_pnnx()


def test_an_operation_that_ncnn_lacks_is_an_error() -> None:
    text = "7767517\n2 2\nInput in0 0 1 in0\naten::erfinv x 1 1 in0 out0\n"
    with pytest.raises(RtmError, match="erfinv"):
        export._renamed(text, {"in0": "input"})
    assert "Input                    input                    0 1 input" in export._renamed(
        "7767517\n1 1\nInput in0 0 1 in0\n", {"in0": "input"}
    )


def test_phases_as_a_convolution_are_the_focus_stem() -> None:
    focus = Focus(8).eval()
    images = torch.randn(1, 3, 8, 12)
    with torch.no_grad():
        torch.testing.assert_close(Phases(focus)(images), focus(images))
