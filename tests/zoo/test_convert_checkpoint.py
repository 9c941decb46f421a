"""Published checkpoints become models that run; a checkpoint that would rather run code is refused."""

import io
import os
import pickle
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from rtmcli.engines import open_engine
from rtmcli.errors import DataError, MissingError, UsageError
from rtmcli.networks.build import build_network
from rtmcli.networks.checkpoint import COMPUTED, load_checkpoint, load_weights, read_checkpoint
from rtmcli.zoo.convert import convert_checkpoint
from tests.helpers.official_pth import random_state, save_official

# The smallest published network of each family.
SMALLEST = {
    "rtmpose": "rtmpose-t_coco17_256x192",
    "rtmw": "rtmw-m_coco133_256x192",
    "rtmw3d": "rtmw3d-l_coco133_384x288",
    "rtmo": "rtmo-t_coco17_416x416",
    "rtmdet": "rtmdet-nano_person_320",
    "yolox": "yolox-nano_coco80_416",
}


@pytest.mark.parametrize("family", SMALLEST)
def test_a_published_checkpoint_of_every_family_is_read_through_its_company(
    family: str, tmp_path: Path
) -> None:
    name = SMALLEST[family]
    save_official(tmp_path / "epoch_420.pth", name, dataset="coco")
    out = tmp_path / "x.safetensors"
    card = convert_checkpoint(tmp_path / "epoch_420.pth", out)
    assert (card.family, f"{family}-{card.size}") == (family, name.split("_")[0])
    written = read_checkpoint(out)
    assert written.card == card
    expected = random_state(name)
    assert written.state.keys() == expected.keys()
    own = [key for key in expected if not key.endswith(COMPUTED)]
    assert all(torch.equal(written.state[key], expected[key]) for key in own)


@pytest.mark.parametrize(
    "family",
    ["rtmpose", *(pytest.param(name, marks=pytest.mark.slow) for name in SMALLEST if name != "rtmpose")],
)
def test_the_converted_model_gives_what_the_network_gives(family: str, tmp_path: Path) -> None:
    save_official(tmp_path / "a.pth", SMALLEST[family], dataset="coco")
    card = convert_checkpoint(tmp_path / "a.pth", tmp_path / "a.onnx")
    engine = open_engine(tmp_path / "a.onnx", threads=2)
    assert engine.card == card
    assert card.contract == "plain"
    picture = np.random.default_rng(0).normal(size=(1, 3, card.height, card.width)).astype(np.float32)
    outputs = engine({"input": picture})
    if (
        family != "rtmpose"
    ):  # random weights spread rounding at will; export/test_export_catalogue.py compares all
        assert all(np.isfinite(value).all() for value in outputs.values())
        return
    network = build_network(card).eval()
    load_weights(network, load_checkpoint(tmp_path / "a.pth"))
    with torch.no_grad():
        expected = network(torch.from_numpy(picture))
    assert len(outputs) == len(expected)
    for got, want in zip(outputs.values(), expected, strict=True):
        assert np.abs(got - want.numpy()).max() <= 1e-3 * want.numpy().std()


def test_a_checkpoint_goes_to_safetensors_and_back(tmp_path: Path) -> None:
    save_official(tmp_path / "a.pth", SMALLEST["rtmpose"], dataset="coco")
    first = convert_checkpoint(tmp_path / "a.pth", tmp_path / "b.safetensors")
    again = convert_checkpoint(tmp_path / "b.safetensors", tmp_path / "c.pth")
    assert first == again
    one, two = load_checkpoint(tmp_path / "a.pth"), load_checkpoint(tmp_path / "c.pth")
    assert one.keys() == two.keys()
    assert all(torch.equal(one[key], two[key]) for key in one)


def test_what_does_not_fit_is_listed_and_nothing_is_written(tmp_path: Path) -> None:
    state = random_state(SMALLEST["rtmpose"])
    del state["head.mlp.0.g"]
    state["head.stranger.weight"] = torch.zeros(3)
    state["backbone.stage1.0.conv.weight"] = torch.zeros(7, 24, 3, 3)
    torch.save({"state_dict": state}, tmp_path / "a.pth")
    with pytest.raises(DataError) as error:
        convert_checkpoint(tmp_path / "a.pth", tmp_path / "a.onnx", skeleton="coco17")
    for said in (
        "1 missing: head.mlp.0.g",
        "1 extra: head.stranger.weight",
        "1 wrong shape: backbone.stage1.0.conv.weight: (7, 24, 3, 3), expected (48, 24, 3, 3)",
    ):
        assert said in str(error.value)
    assert [path.name for path in tmp_path.iterdir()] == ["a.pth"]


def test_what_stays_open_names_the_flag_that_settles_it(tmp_path: Path) -> None:
    save_official(tmp_path / "a.pth", SMALLEST["rtmpose"])
    with pytest.raises(UsageError, match="--skeleton"):
        convert_checkpoint(tmp_path / "a.pth", tmp_path / "a.safetensors")
    card = convert_checkpoint(tmp_path / "a.pth", tmp_path / "a.safetensors", skeleton="ap10k17")
    assert (card.skeleton, card.classes) == ("ap10k17", ("animal",))


def test_a_kind_of_file_that_is_not_known_and_a_missing_one_are_said_so(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"expected a name that ends with .onnx"):
        convert_checkpoint(tmp_path / "a.pth", tmp_path / "a.bin")
    with pytest.raises(MissingError, match="no checkpoint"):
        convert_checkpoint(tmp_path / "a.pth", tmp_path / "a.onnx")


class Calls:
    """Pickles as the call of a function."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self.call = function, arguments

    def __reduce__(self) -> Any:
        return self.call


def attacks(mark: Path) -> dict[str, Any]:
    """Things a checkpoint may hold that would write `mark`, were they executed."""
    code = f"open({str(mark)!r}, 'w').write('ran')"
    shell = f"echo ran > {mark}"
    state = random_state(SMALLEST["rtmpose"])
    system, evaluate, execute = Calls(os.system, shell), Calls(eval, code), Calls(exec, code)
    return {
        "os.system in the place of everything": system,
        "eval beside the weights": {"state_dict": state, "meta": evaluate},
        "exec deep in the meta data": {"state_dict": state, "meta": {"hook_msgs": [{"a": (1, execute)}]}},
        "a call among the weights": {"state_dict": {**state, "head.evil": system}},
        "a call as a key": {"state_dict": state, "meta": {Calls(os.getenv, "HOME"): 1}},
        "getattr to reach the system": {
            "state_dict": state,
            "meta": Calls(getattr, Calls(__import__, "os"), "system"),
        },
        "a pickle in a pickle": {"state_dict": state, "meta": Calls(pickle.loads, pickle.dumps(system))},
        "a subprocess": {
            "state_dict": state,
            "meta": Calls(__import__("subprocess").call, ["touch", str(mark)]),
        },
    }


@pytest.mark.parametrize("attack", attacks(Path("mark")))
@pytest.mark.parametrize("legacy", [False, True])
def test_a_malicious_pickle_is_refused_and_nothing_ran(attack: str, legacy: bool, tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    content = attacks(mark)[attack]
    torch.save(content, tmp_path / "evil.pth", _use_new_zipfile_serialization=not legacy)
    with pytest.raises(DataError, match=r"evil.pth"):
        convert_checkpoint(tmp_path / "evil.pth", tmp_path / "out.safetensors", skeleton="coco17")
    assert not mark.exists()
    assert not (tmp_path / "out.safetensors").exists()


@pytest.mark.filterwarnings("ignore:Detected pickle protocol")
def test_a_bare_pickle_with_a_call_is_refused(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    (tmp_path / "evil.pth").write_bytes(pickle.dumps(Calls(os.system, f"echo ran > {mark}")))
    with pytest.raises(DataError):
        convert_checkpoint(tmp_path / "evil.pth", tmp_path / "out.safetensors")
    assert not mark.exists()


def test_a_pickle_put_into_a_sound_file_is_refused(tmp_path: Path) -> None:
    """The zip of a sound checkpoint, its `data.pkl` exchanged for one that calls."""
    mark = tmp_path / "mark"
    sound = io.BytesIO()
    torch.save({"state_dict": {"a": torch.zeros(2)}}, sound)
    with zipfile.ZipFile(sound) as old, zipfile.ZipFile(tmp_path / "evil.pth", "w") as new:
        for info in old.infolist():
            evil = pickle.dumps(Calls(os.system, f"echo ran > {mark}"), protocol=2)
            new.writestr(info.filename, evil if info.filename.endswith("data.pkl") else old.read(info))
    with pytest.raises(DataError):
        convert_checkpoint(tmp_path / "evil.pth", tmp_path / "out.safetensors")
    assert not mark.exists()
