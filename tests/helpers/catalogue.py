"""From the name of a golden file to a card and a filled network: `rtmpose-m_halpe26_256x192`, `yolox-s_coco80_640`."""

import json
import re
from pathlib import Path

import torch
from torch import nn

from rtmcli.networks.build import build_network
from rtmcli.zoo.card import Card
from tests.helpers.fill import fill_state_dict

GOLDENS = Path(__file__).parents[1] / "goldens"
TASKS = {"rtmdet": "detector", "yolox": "detector", "rtmo": "onestage"}
CODECS = {"rtmpose": "simcc", "rtmw": "simcc", "rtmw3d": "simcc3d", "rtmo": "dcc"}

# One small model a family for the ordinary suite; the others are slow.
SMALL = {
    "rtmpose-t_coco17_256x192",
    "rtmw-m_coco133_256x192",
    "rtmw3d-l_coco133_384x288",
    "rtmo-t_coco17_416x416",
    "rtmdet-nano_person_320",
    "yolox-tiny_coco80_416",
}


def card_of(name: str) -> Card:
    """The card of a golden model; the number of keypoints or classes is what the name of its data set ends with."""
    parts = re.fullmatch(r"(?P<family>\w+)-(?P<size>\w+?)_(?P<data>[a-z0-9]+)_(?P<h>\d+)(x(?P<w>\d+))?", name)
    assert parts, f"unexpected name of a golden model: {name}"
    family, data, height = parts["family"], parts["data"], int(parts["h"])
    count = re.search(r"\d+$", data)
    classes, codec, skeleton = ("person",), {}, None
    if family in CODECS:
        assert count
        codec, skeleton = {"name": CODECS[family], "keypoints": int(count[0])}, data
    elif count or data == "humanart":  # the Human-Art detectors kept COCO's 80 classes
        classes = tuple(f"class{i}" for i in range(int(count[0]) if count else 80))
    return Card(
        name=name,
        family=family,
        size=parts["size"],
        task=TASKS.get(family, "topdown"),
        width=int(parts["w"] or height),
        height=height,
        skeleton=skeleton,
        classes=classes,
        codec=codec,
    )


def filled_network(name: str, *, dtype: torch.dtype = torch.float64) -> nn.Module:
    """The network of a golden model with the goldens' weights, in eval mode."""
    network = build_network(card_of(name))
    network.load_state_dict(fill_state_dict(network.state_dict()))
    return network.to(dtype).eval()


def key_table(name: str) -> list[tuple[str, tuple[int, ...], str]]:
    """The official state dict of a model: key, shape and type of each entry, in order."""
    rows = json.loads((GOLDENS / "keys" / f"{name}.json").read_text())
    return [(key, tuple(shape), dtype) for key, shape, dtype in rows]
