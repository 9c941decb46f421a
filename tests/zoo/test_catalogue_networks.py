"""Every published model's card builds the network whose parameters its publisher counted."""

import pytest
import torch

from rtmcli.networks.build import build_network
from rtmcli.zoo.catalogue import Entry, entries

BUILDABLE = [entry for entry in entries().values() if entry.buildable and entry.task != "backbone"]


@pytest.mark.parametrize("entry", BUILDABLE, ids=lambda entry: entry.name)
def test_a_published_card_builds_its_network(entry: Entry) -> None:
    with torch.device("meta"):  # shapes alone: a hundred million parameters cost nothing
        network = build_network(entry.card())
    count = sum(parameter.numel() for parameter in network.parameters())
    assert entry.params is None or count == entry.params
