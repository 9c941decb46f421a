"""The card is found in an ONNX file without a runtime, and damage is said in one sentence."""

from pathlib import Path

import pytest
from onnx import TensorProto, helper, save

from rtmcli.errors import DataError
from rtmcli.zoo.card import METADATA_KEY, Card
from rtmcli.zoo.metadata import read_card

CARD = Card(name="toy", family="rtmpose", size="t", task="topdown", width=96, height=128, skeleton="coco17")


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """An ONNX file of one Identity, with a card among other metadata."""
    ports = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1]) for name in "ab"]
    graph = helper.make_graph([helper.make_node("Identity", ["a"], ["b"])], "g", ports[:1], ports[1:])
    proto = helper.make_model(graph)
    helper.set_model_props(proto, {"other": "x" * 300, METADATA_KEY: CARD.to_json()})
    save(proto, tmp_path / "toy.onnx")
    return tmp_path / "toy.onnx"


def test_a_card_comes_back_as_it_was_written(model: Path) -> None:
    assert read_card(model) == CARD


def test_a_model_without_a_card_gives_none(data_dir: Path) -> None:
    assert read_card(data_dir / "weights" / "rtmdet_nano_person.onnx") is None


@pytest.mark.parametrize("damage", ["empty", "cut", "text"])
def test_a_damaged_file_is_one_sentence(model: Path, damage: str) -> None:
    content = model.read_bytes()
    model.write_bytes(
        {"empty": b"", "cut": content[: len(content) // 2], "text": b"<html>not found</html>"}[damage]
    )
    with pytest.raises(DataError, match="ONNX model"):
        read_card(model)
