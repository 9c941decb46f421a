"""Every published model builds with the official keys, shapes and parameter counts."""

import functools
import json
from dataclasses import replace

import pytest
import torch

from rtmcli.errors import DataError
from rtmcli.networks.build import build_network
from tests.helpers.catalogue import GOLDENS, card_of, key_table

MODELS = sorted(p.stem for p in (GOLDENS / "keys").glob("*.json") if not p.stem.endswith(".deploy"))
COUNTS = json.loads((GOLDENS / "param_counts.json").read_text())


@functools.cache
def build_empty(name):
    """The network without memory for its weights: shapes are all that is asked here."""
    with torch.device("meta"):
        return build_network(card_of(name))


@pytest.mark.parametrize("name", MODELS)
def test_state_dict_has_the_official_keys_shapes_and_types_in_order(name):
    network = build_empty(name)
    got = [
        (key, tuple(v.shape), str(v.dtype).removeprefix("torch.")) for key, v in network.state_dict().items()
    ]
    assert got == key_table(name)


@pytest.mark.parametrize("name", sorted(COUNTS))
def test_number_of_learnable_parameters_is_the_published_one(name):
    network, counts = build_empty(name), COUNTS[name]
    parts = {part: sum(p.numel() for p in child.parameters()) for part, child in network.named_children()}
    assert sum(parts.values()) == counts["params"]
    assert len(network.state_dict()) == counts["state_dict_entries"]
    for part in parts.keys() & counts.keys():
        assert parts[part] == counts[part], part


def test_the_catalogue_covers_58_models():
    assert len(COUNTS) >= 58
    assert set(MODELS) == set(COUNTS)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"family": "hrnet"}, "unknown network family 'hrnet'"),
        ({"size": "xxl"}, "no size 'xxl'"),
        ({"width": 100}, "multiples of 32"),
    ],
)
def test_a_card_that_names_no_network_is_refused_with_the_choice(change, message):
    with pytest.raises(DataError, match=message):
        build_network(replace(card_of("rtmpose-t_coco17_256x192"), **change))


def test_sizes_go_by_their_long_and_short_names():
    card = card_of("rtmpose-t_coco17_256x192")
    detector = card_of("rtmdet-tiny_coco80_640")
    with torch.device("meta"):
        tiny = build_network(replace(card, size="tiny"))
        assert tiny.backbone.channels[-1] == 384
        assert build_network(replace(detector, size="t")).backbone.channels[-1] == 384
