"""Any model file as a torch network with its card."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rtmcli.errors import DataError, MissingError
from rtmcli.zoo.card import Card, refuse_overrides
from rtmcli.zoo.infer_card import infer_card
from rtmcli.zoo.infer_checkpoint_card import infer_checkpoint_card
from rtmcli.zoo.metadata import read_card

if TYPE_CHECKING:
    from torch import nn


def load_network(
    path: Path, *, skeleton: str | None = None, input_size: tuple[int, int] | None = None
) -> tuple["nn.Module", Card]:
    """The network of a model file in eval mode, with its weights, and its card.

    Args:
        path: `.onnx` (ours or an official export), `.safetensors`, or an official `.pth`.
        skeleton, input_size: what a file without a card does not say; input_size is (width, height).

    Raises:
        MissingError: no such file; PyTorch, safetensors or onnx is not installed.
        DataError: the file is damaged, or does not fit its network.
        UsageError: a property of the model stays unknown, or is given although the file says it; the message names
            the option.
    """
    try:
        from rtmcli.networks.build import build_network
        from rtmcli.networks.checkpoint import load_weights, read_checkpoint
        from rtmcli.networks.from_onnx import load_onnx_weights
    except ModuleNotFoundError as error:
        if error.name != "torch":
            raise
        raise MissingError(
            "PyTorch is not installed, which this needs; pip install 'rtmcli[torch]'"
        ) from None
    if not path.is_file():
        raise MissingError(f"no model file {str(path)!r}; 'rtm models' lists the models that are here")
    if path.suffix == ".onnx":
        card = read_card(path)
        if card is None:
            card = _guess_onnx(path, skeleton, input_size)
        else:
            _refuse_overrides(card, skeleton, input_size)
        network = build_network(card)
        load_onnx_weights(path, network)
        return network.eval(), card
    found = read_checkpoint(path)
    shapes = {key: tuple(value.shape) for key, value in found.state.items()}
    card = found.card
    if card is None:
        card = infer_checkpoint_card(path, shapes, found.meta, skeleton=skeleton, input_size=input_size)
    else:
        _refuse_overrides(card, skeleton, input_size)
    network = build_network(card)
    load_weights(network, found.state, source=path)
    return network.eval(), card


def _refuse_overrides(card: Card, skeleton: str | None, input_size: tuple[int, int] | None) -> None:
    # A training states the skeleton of its teacher, which may well be the one that the file says.
    refuse_overrides(card, size=input_size, skeleton=None if skeleton == card.skeleton else skeleton)


@dataclass(frozen=True, slots=True)
class _Port:
    """What `infer_card` reads of an engine's port."""

    name: str
    shape: tuple[int | None, ...]
    dtype: str


def _guess_onnx(path: Path, skeleton: str | None, size: tuple[int, int] | None) -> Card:
    """The card of an ONNX file without one, from its ports as the file declares them."""
    try:
        import onnx
    except ModuleNotFoundError:
        raise MissingError(
            "the package onnx is not installed, which reading weights from ONNX needs; pip install 'rtmcli[export]'"
        ) from None
    try:
        graph = onnx.load(path).graph
    except Exception as error:  # protobuf's error classes differ by version
        raise DataError(f"{path}: is not an ONNX model, or is damaged ({type(error).__name__})") from None
    constants = {tensor.name for tensor in graph.initializer}  # some exporters list them among the inputs

    def ports(values: list[onnx.ValueInfoProto]) -> list[_Port]:
        return [
            _Port(
                value.name,
                tuple(d.dim_value or None for d in value.type.tensor_type.shape.dim),
                onnx.helper.tensor_dtype_to_np_dtype(value.type.tensor_type.elem_type).name,
            )
            for value in values
            if value.name not in constants
        ]

    return infer_card(path, ports(graph.input), ports(graph.output), size=size, skeleton=skeleton)
