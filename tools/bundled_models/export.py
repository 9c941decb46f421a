"""Write the models that ship in the package: weights and card to rtmcli/zoo/weights/NAME.onnx.

    python -m tools.bundled_models.export rtmpose-t=WEIGHTS.safetensors rtmdet-nano=WEIGHTS.safetensors
    python -m tools.bundled_models.export rtmpose-t          (a new card for the weights that are there)

The card of each comes from rtmcli/zoo/bundled.toml. Weights are rounded to what both bfloat16 and float16 hold, so that
an engine of any precision has the same ones; they are stored as float16 and computed as float32. Prints one JSON line
a model.
"""

import json
import sys
import tomllib
from pathlib import Path

import onnx
from onnx import helper

import rtmcli.zoo
from rtmcli.zoo.card import METADATA_KEY, Card
from rtmcli.zoo.resolve import WEIGHTS

CARDS = Path(rtmcli.zoo.__file__).parent / "bundled.toml"


def main(*models: str) -> None:
    cards = tomllib.loads(CARDS.read_text())
    for model in models:
        name, _, weights = model.partition("=")
        card = Card.from_dict({"name": name, **cards[name]})
        path = WEIGHTS / f"{name}.onnx"
        if weights:
            export(weights, card, path)
        else:
            stored = onnx.load(path)
            helper.set_model_props(stored, {METADATA_KEY: card.to_json()})
            onnx.save(stored, path)
        row = {"model": name, "from": Path(weights).name or None, "bytes": path.stat().st_size}
        print(json.dumps(row), flush=True)


def export(weights: str, card: Card, path: Path) -> None:
    """A safetensors file of the card's network as a bundled model."""
    from safetensors.torch import load_file

    from rtmcli.export.onnx import export_onnx
    from rtmcli.networks.build import build_network
    from rtmcli.networks.fold import fold_batchnorm

    network = build_network(card)
    state = {
        key: value.float() if value.is_floating_point() else value
        for key, value in load_file(weights).items()
    }
    network.load_state_dict(state)
    folded = fold_batchnorm(network).requires_grad_(False)
    for weight in folded.parameters():
        weight.copy_(weight.bfloat16().half())
    export_onnx(folded, card, path, half=True, any_size=card.family == "rtmdet")


if __name__ == "__main__":
    main(*sys.argv[1:])
