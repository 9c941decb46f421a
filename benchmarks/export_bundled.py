"""Write the models that ship in the package: weights and card to rtmcli/zoo/weights/NAME.onnx.

    python benchmarks/export_bundled.py rtmpose-t=WEIGHTS.safetensors rtmdet-nano=WEIGHTS.safetensors

The card of each comes from rtmcli/zoo/bundled.toml. Weights are stored as float16 and computed as float32. Prints
one JSON line a model.
"""

import json
import sys
import tomllib
from pathlib import Path

from safetensors.torch import load_file

import rtmcli.zoo
from rtmcli.export.onnx import export_onnx
from rtmcli.networks.build import build_network
from rtmcli.zoo.card import Card
from rtmcli.zoo.resolve import WEIGHTS

CARDS = Path(rtmcli.zoo.__file__).parent / "bundled.toml"


def main(*assignments: str) -> None:
    cards = tomllib.loads(CARDS.read_text())
    for assignment in assignments:
        name, _, file = assignment.partition("=")
        card = Card.from_dict({"name": name, **cards[name]})
        network = build_network(card)
        weights = load_file(file)
        network.load_state_dict({k: v.float() if v.is_floating_point() else v for k, v in weights.items()})
        path = WEIGHTS / f"{name}.onnx"
        export_onnx(network, card, path, half=True)
        print(json.dumps({"model": name, "from": Path(file).name, "bytes": path.stat().st_size}), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
