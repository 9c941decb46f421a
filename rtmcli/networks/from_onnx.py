"""Load the weights of an ONNX file into a torch network, so that fine-tuning and export need no other file.

An exported graph has its batch norms folded: convolution k' = k gamma / sqrt(var + eps) with a bias. The network gets
k' and the bias, and norms without effect (mean 0, weight 1, var 1 - eps), so its output equals the file's.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from rtmcli.errors import DataError, MissingError
from rtmcli.networks.checkpoint import load_weights
from rtmcli.networks.layers import ConvModule
from rtmcli.networks.rtmo import RTMO


@dataclass(frozen=True, slots=True)
class Layer:
    """One layer with a weight: a convolution (C_out, C_in / groups, k, k) or a linear layer (out, in)."""

    name: str
    weight: Tensor
    bias: Tensor | None


def load_onnx_weights(path: str | Path, network: nn.Module) -> None:
    """Load the weights of an exported RTMPose, RTMW, RTMDet or YOLOX into the same network.

    Our own exports keep the official names of the weights. Other exporters' files have nameless convolutions and
    linear layers; those are matched in the order of computation, shape by shape.

    Raises:
        DataError: the file is not ONNX or holds another network; the message names the first difference. RTMO
            cannot be loaded, because its export lacks the branches that only training needs.
        MissingError: the package onnx is not installed.
    """
    load_weights(network, onnx_state(path, network), source=path)


def onnx_state(path: str | Path, network: nn.Module) -> dict[str, Tensor]:
    """The state dict with which `network` equals the file; keys that the file lacks are left out."""
    if isinstance(network, RTMO):
        raise DataError(
            f"{path}: an exported RTMO lacks branches that training needs; use its .pth or .safetensors"
        )
    constants, nodes = _read(path)
    modules = list(_called(network))
    named = [_named(name, module, constants) for name, module in modules]
    if all(layer is not None for layer in named):
        layers = [layer for layer in named if layer is not None]
    else:
        layers = list(_layers(nodes, constants))
        _check(path, modules, layers)
    state = {
        key: constants[key]
        for key, own in network.state_dict().items()
        if key in constants and constants[key].shape == own.shape
    }
    shared: dict[nn.Module, Tensor] = {}
    for (name, module), layer in zip(modules, layers, strict=True):
        if isinstance(module, ConvModule):
            state |= _unfold(path, name, module, layer, shared)
        else:
            state[f"{name}.weight"] = layer.weight
            if layer.bias is not None:
                state[f"{name}.bias"] = layer.bias
    return state


def _unfold(
    path: str | Path, name: str, module: ConvModule, layer: Layer, shared: dict[nn.Module, Tensor]
) -> dict[str, Tensor]:
    """The entries of a ConvModule whose folded convolution is `layer`.

    A convolution that several levels share was folded with each level's own norm; the level that comes first keeps
    its kernel, the others express theirs by a factor a channel in their norm.
    """
    first = shared.setdefault(module.conv, layer.weight)
    axes = tuple(range(1, first.ndim))
    square = first.square().sum(axes)  # (C_out,)
    factor = torch.where(square > 0, (layer.weight * first).sum(axes) / square, 1.0)  # (C_out,)
    rest = (layer.weight - first * factor.reshape(-1, *[1] * len(axes))).abs().max()
    if rest > 5e-3 * layer.weight.abs().max():  # float16 storage rounds to 5e-4
        raise DataError(f"{path}: layer {name} does not share its convolution with the levels before it")
    bias = layer.bias if layer.bias is not None else torch.zeros(len(factor))
    return {
        f"{name}.conv.weight": first,
        f"{name}.bn.weight": factor,
        f"{name}.bn.bias": bias,
        f"{name}.bn.running_mean": torch.zeros_like(bias),
        f"{name}.bn.running_var": torch.full_like(bias, 1 - module.bn.eps),
    }


def _called(network: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    """The network's layers with a weight, ConvModules as one, in the order of computation."""
    names = {module: name for name, module in network.named_modules()}
    inside = {module.conv for module in names if isinstance(module, ConvModule)}
    called: list[tuple[str, nn.Module]] = []

    def note(module: nn.Module, _: Any) -> None:
        called.append((names[module], module))

    watched = [
        module
        for module in names
        if isinstance(module, (ConvModule, nn.Conv2d, nn.Linear)) and module not in inside
    ]
    handles = [module.register_forward_pre_hook(note) for module in watched]
    width, height = getattr(network, "input_size", (64, 64))
    training = network.training
    weight = next(network.parameters())
    try:
        with torch.no_grad():
            network.eval()(weight.new_zeros(1, 3, height, width))
    finally:
        network.train(training)
        for handle in handles:
            handle.remove()
    yield from called


def _named(name: str, module: nn.Module, constants: dict[str, Tensor]) -> Layer | None:
    """The layer by the network's own name, which our exports keep."""
    key = f"{name}.conv" if isinstance(module, ConvModule) else name
    weight = constants.get(f"{key}.weight")
    return Layer(key, weight, constants.get(f"{key}.bias")) if weight is not None else None


def _layers(nodes: Sequence[Any], constants: dict[str, Tensor]) -> Iterator[Layer]:
    """Convolutions and linear layers of a graph, in its order."""
    for node in nodes:
        if node.op_type not in ("Conv", "Gemm", "MatMul") or node.input[1] not in constants:
            continue
        weight = constants[node.input[1]]
        turned = any(attribute.name == "transB" and attribute.i for attribute in node.attribute)
        if node.op_type != "Conv" and not turned:
            weight = weight.T  # (in, out) -> (out, in)
        bias = constants.get(node.input[2]) if len(node.input) > 2 else None
        yield Layer(node.name, weight.contiguous(), bias)


def _check(path: str | Path, modules: Sequence[tuple[str, nn.Module]], layers: Sequence[Layer]) -> None:
    """Raise DataError at the first layer that differs between file and network."""
    for (name, module), layer in zip(modules, layers, strict=False):
        own = module.conv.weight if isinstance(module, ConvModule) else module.weight
        assert isinstance(own, Tensor)
        if own.shape != layer.weight.shape:
            shapes = f"{tuple(layer.weight.shape)}, expected {tuple(own.shape)}"
            raise DataError(
                f"{path}: holds another network: at {name} its layer {layer.name} has shape {shapes}"
            )
    if len(modules) != len(layers):
        raise DataError(f"{path}: holds another network: {len(layers)} layers, expected {len(modules)}")


def _read(path: str | Path) -> tuple[dict[str, Tensor], Sequence[Any]]:
    """The constants of a file by name, in float32, also behind a Cast or a Transpose, and its nodes."""
    try:
        import onnx
        from onnx import numpy_helper
    except ModuleNotFoundError:
        raise MissingError(
            "the package onnx is not installed, which this needs; pip install 'rtmcli[export]'"
        ) from None
    if not Path(path).is_file():
        raise DataError(f"{path}: no such model file")
    try:
        graph = onnx.load(str(path)).graph
        arrays = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    except Exception as error:  # protobuf's own error classes differ by version
        raise DataError(f"{path}: is not an ONNX model, or is damaged ({type(error).__name__})") from None
    for node in graph.node:
        if node.op_type == "Constant" and node.attribute and node.attribute[0].name == "value":
            arrays[node.output[0]] = numpy_helper.to_array(node.attribute[0].t)
        elif node.op_type in ("Cast", "Identity", "Transpose") and node.input[0] in arrays:
            order = next((list(a.ints) for a in node.attribute if a.name == "perm"), None)
            array = arrays[node.input[0]]
            arrays[node.output[0]] = array.transpose(order) if node.op_type == "Transpose" else array
    floats = {name: array for name, array in arrays.items() if np.issubdtype(array.dtype, np.floating)}
    return {name: torch.from_numpy(np.array(a, np.float32)) for name, a in floats.items()}, graph.node
