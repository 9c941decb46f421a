"""Files of weights are read as they are published, and nothing in one is ever executed."""

import builtins
import functools
import os
import pickle
import re
import sys
import types
from collections import OrderedDict

import numpy as np
import pytest
import torch

from rtmcli.errors import DataError
from rtmcli.networks.build import build_network
from rtmcli.networks.checkpoint import (
    load_checkpoint,
    load_partial,
    load_weights,
    read_checkpoint,
    save_checkpoint,
)
from tests.helpers.catalogue import SMALL, card_of, filled_network, key_table
from tests.helpers.fill import fill_state_dict

SMALLEST = "rtmpose-t_coco17_256x192"


def official_state(name):
    """A state dict as a published file holds it, made of the key table alone."""
    state = OrderedDict()
    for number, (key, shape, dtype) in enumerate(key_table(name)):
        state[key] = torch.full(shape, number, dtype=getattr(torch, dtype))
    return state


@pytest.fixture
def history_buffer(monkeypatch):
    """A class that pickles as mmengine's does: arrays, and its own static methods by way of getattr."""
    module = types.ModuleType("mmengine.logging.history_buffer")

    class HistoryBuffer:
        def __init__(self):
            self.log_history = np.arange(4.0)
            self.count_history = np.ones(4, dtype=np.int64)

        @staticmethod
        def mean():
            raise AssertionError("called")

        def __getstate__(self):
            return {**self.__dict__, "statistics_methods": OrderedDict(mean=HistoryBuffer.mean)}

        def __setstate__(self, state):
            raise AssertionError("called")

    HistoryBuffer.__module__ = module.__name__
    HistoryBuffer.__qualname__ = "HistoryBuffer"
    HistoryBuffer.mean.__module__ = module.__name__
    HistoryBuffer.mean.__qualname__ = "HistoryBuffer.mean"
    module.HistoryBuffer = HistoryBuffer
    for name in ("mmengine", "mmengine.logging"):
        monkeypatch.setitem(sys.modules, name, types.ModuleType(name))
    monkeypatch.setitem(sys.modules, module.__name__, module)
    return HistoryBuffer


@pytest.mark.parametrize("name", sorted(SMALL))
def test_an_official_file_with_mmengine_objects_in_it_loads_as_it_is(name, tmp_path, history_buffer):
    state = official_state(name)
    file = tmp_path / "official.pth"
    meta = {
        "cfg": "model = dict()",
        "epoch": np.int64(420),
        "best": np.float32(0.7),
        "dataset_meta": {"sigmas": np.ones(17), "classes": ("person",)},
    }
    hub = {"log_scalars": OrderedDict(loss=history_buffer()), "runtime_info": {"lr": np.float64(1e-3)}}
    torch.save({"meta": meta, "message_hub": hub, "state_dict": state, "optimizer": {"a": 1}}, file)
    sys.modules.pop("mmengine.logging.history_buffer")  # nobody who reads the file has mmengine

    checkpoint = read_checkpoint(file)
    assert list(checkpoint.state) == list(state)
    assert checkpoint.meta["cfg"] == "model = dict()"
    network = build_network(card_of(name))
    load_weights(network, checkpoint.state, source=file)
    for key, value in network.state_dict().items():
        if not key.endswith(("sigmas", "bins", "dim_t")):
            assert torch.equal(value, state[key]), key


@pytest.mark.parametrize("suffix", [".safetensors", ".pth"])
def test_what_is_saved_comes_back_with_its_card(suffix, tmp_path):
    network, card = filled_network("rtmdet-s_coco80_640", dtype=torch.float32), card_of("rtmdet-s_coco80_640")
    save_checkpoint(tmp_path / f"w{suffix}", network.state_dict(), card=card)
    checkpoint = read_checkpoint(tmp_path / f"w{suffix}")
    assert checkpoint.card == card
    assert checkpoint.state.keys() == network.state_dict().keys()
    assert all(torch.equal(value, checkpoint.state[key]) for key, value in network.state_dict().items())
    assert [path.name for path in tmp_path.iterdir()] == [f"w{suffix}"]
    (tmp_path / "other").touch()
    assert (tmp_path / f"w{suffix}").stat().st_mode == (tmp_path / "other").stat().st_mode


def test_a_plain_pickled_state_dict_loads_without_a_card(tmp_path):
    torch.save(official_state(SMALLEST), tmp_path / "w.pt")
    checkpoint = read_checkpoint(tmp_path / "w.pt")
    assert len(checkpoint.state) == 218
    assert checkpoint.card is None


def test_half_precision_becomes_the_networks_own(tmp_path):
    network = build_network(card_of(SMALLEST))
    load_weights(
        network, {k: v.half() if v.is_floating_point() else v for k, v in network.state_dict().items()}
    )
    assert network.head.cls_x.weight.dtype == torch.float32


def test_what_does_not_fit_is_listed_and_nothing_is_loaded():
    network = build_network(card_of(SMALLEST))
    before = {key: value.clone() for key, value in network.state_dict().items()}
    state = fill_state_dict(before)
    state["head.extra.weight"] = torch.zeros(3)
    del state["head.gau.gamma"]
    state["head.cls_x.weight"] = torch.zeros(192, 256)
    with pytest.raises(DataError) as caught:
        load_weights(network, state, source="w.pth")
    message = str(caught.value)
    assert "w.pth: does not fit the network" in message
    assert "1 missing: head.gau.gamma" in message
    assert "1 extra: head.extra.weight" in message
    assert "1 wrong shape: head.cls_x.weight: (192, 256), expected (384, 256)" in message
    assert all(torch.equal(value, before[key]) for key, value in network.state_dict().items())


def test_a_long_list_of_misfits_is_cut():
    with pytest.raises(DataError, match=r"\d+ missing: .* and \d+ more"):
        load_weights(build_network(card_of(SMALLEST)), {})


def test_loading_in_part_takes_the_backbone_and_names_the_rest():
    coco = fill_state_dict(build_network(card_of(SMALLEST)).state_dict())
    hand = build_network(card_of("rtmpose-t_hand21_256x256"))
    rest = load_partial(hand, coco)
    assert torch.equal(hand.state_dict()["backbone.stem.0.conv.weight"], coco["backbone.stem.0.conv.weight"])
    assert torch.equal(hand.state_dict()["head.gau.uv.weight"], coco["head.gau.uv.weight"])
    assert rest.missing == [] and rest.extra == []
    assert [text.split(":")[0] for text in rest.wrong] == [
        "head.final_layer.weight",
        "head.final_layer.bias",
        "head.mlp.1.weight",
        "head.cls_x.weight",
    ]


class Call:
    """Pickles as a call of a function, which reading it would make."""

    def __init__(self, function, *args):
        self.function, self.args = function, args

    def __call__(self):
        raise AssertionError("called while pickling")

    def __reduce__(self):
        return self.function, self.args


def attacks(trace):
    command = f"touch {trace}"
    return {
        "os.system": Call(os.system, command),
        "eval": Call(builtins.eval, f"open({str(trace)!r}, 'w').close()"),
        "exec": Call(builtins.exec, f"open({str(trace)!r}, 'w').close()"),
        "open": Call(builtins.open, str(trace), "w"),
        "partial": Call(functools.partial, os.system, command),
        "getattr": Call(Call(getattr, Call(__import__, "os"), "system"), command),
        "nested": {"deep": [({"er": Call(os.system, command)},)]},
        "numpy": Call(np.load, str(trace)),
        "pickle": Call(pickle.loads, pickle.dumps(Call(os.system, command))),
    }


@pytest.mark.parametrize("attack", sorted(attacks("")))
@pytest.mark.parametrize("place", ["meta", "state_dict", "top", "legacy"])
def test_a_malicious_pickle_is_refused_and_nothing_runs(attack, place, tmp_path):
    trace, file = tmp_path / "ran", tmp_path / "bad.pth"
    payload = attacks(trace)[attack]
    content = {
        "meta": {"meta": payload, "state_dict": {"a": torch.zeros(1)}},
        "state_dict": {"state_dict": {"a": payload}},
        "top": payload,
        "legacy": {"state_dict": {"a": torch.zeros(1)}, "x": payload},
    }[place]
    torch.save(content, file, _use_new_zipfile_serialization=place != "legacy")
    with pytest.raises(DataError, match="nothing in it was executed"):
        load_checkpoint(file)
    assert not trace.exists()


@pytest.mark.parametrize("name", ["w.pth", "w.safetensors"])
@pytest.mark.parametrize("content", [b"", b"not a checkpoint at all", b"PK\x03\x04 cut"])
def test_a_damaged_file_is_named_in_one_sentence(name, content, tmp_path):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=re.escape(name)):
        load_checkpoint(tmp_path / name)


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(DataError, match="no such weight file"):
        load_checkpoint(tmp_path / "none.pth")


@pytest.mark.parametrize("name", ["w.pth", "w.safetensors"])
def test_saving_twice_gives_the_same_bytes(name, tmp_path):
    contents = []
    for _ in range(2):
        save_checkpoint(tmp_path / name, {"a": torch.zeros(3)})
        contents.append((tmp_path / name).read_bytes())
    assert contents[0] == contents[1]
