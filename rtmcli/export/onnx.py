"""A torch network to an ONNX file with its card inside."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from onnx import helper, numpy_helper
from torch import nn

from rtmcli.export.onnx_classifier import append_classifier
from rtmcli.export.onnx_suppression import suppression
from rtmcli.export.torch_trace import quietly
from rtmcli.files import replacing
from rtmcli.networks.fold import fold_batchnorm
from rtmcli.networks.graphs import DetectorGraph, Graph, OneStageGraph, build_graph
from rtmcli.zoo.card import METADATA_KEY, Card

OPSET = 18
KEEP = 100  # RTMDet's test settings: boxes of an image
STRIDE, MOST_CELLS = 32, 128  # RTMDet's coarsest level; sides up to 4096


def export_onnx(
    network: nn.Module, card: Card, path: str | Path, *, half: bool = False, any_size: bool = False
) -> None:
    """Write a network as ONNX under its card's contract; the batch is dynamic, the image's size fixed.

    Batch norms are folded. The weights keep the names of the network's state dict, so that they can be loaded again.

    Args:
        network: what `build_network(card)` gives, with its weights.
        card: goes into the file's metadata; its contract, size, mean, std and colour order shape the graph.
        path: the file; its folder must exist.
        half: store weights as float16 and compute in float32: half the bytes.
        any_size: accept any height and width that are multiples of 32; for RTMDet, which is fully convolutional. The
            card's size is then the default.

    Raises:
        UsageError: a family that has no such contract.
    """
    graph = build_graph(fold_batchnorm(network), card)
    model = _trace(graph, card, any_size=any_size)
    _restore_names(model, graph)
    if isinstance(graph, DetectorGraph):
        model = _suppress(model, card, outputs=["dets", "labels"])
    elif isinstance(graph, OneStageGraph):
        others = ["pose", "visibility", "centers"]
        model = _suppress(model, card, outputs=["dets", "cells", *others])
        model = append_classifier(model, graph.network.head.dcc, opset=OPSET)
    if half:
        _store_half(model)
    _strip(model)
    del model.opset_import[:]  # joining graphs leaves one for each
    model.opset_import.append(helper.make_opsetid("", OPSET))
    helper.set_model_props(model, {METADATA_KEY: card.to_json()})
    model.producer_name, model.doc_string = "rtm", f"{card.name}, contract {card.contract}"
    onnx.checker.check_model(model)
    _write(model, Path(path))


def _suppress(model: onnx.ModelProto, card: Card, *, outputs: list[str]) -> onnx.ModelProto:
    """The traced graph of all cells with the suppression after it."""
    tail = suppression(
        score=card.score if card.score is not None else 0.05,
        iou=card.iou if card.iou is not None else 0.6,
        keep=KEEP,
        opset=OPSET,
        ir_version=model.ir_version,
    )
    io_map = [("boxes", "boxes"), ("scores", "scores")]
    return onnx.compose.merge_models(model, tail, io_map=io_map, outputs=outputs)


def _trace(graph: Graph, card: Card, *, any_size: bool) -> onnx.ModelProto:
    """The graph as ONNX, with named outputs, a dynamic batch and, if asked for, a dynamic size."""
    if graph.deploy:
        name, example = "image", torch.zeros((2, card.height, card.width, 3), dtype=torch.uint8)
    else:
        name, example = "input", torch.zeros((2, 3, card.height, card.width))
    dynamic: dict[int, Any] = {0: torch.export.Dim("batch")}
    if any_size:
        rows, columns = (1, 2) if graph.deploy else (2, 3)
        # at least two cells of stride 32: torch takes a size of one for a constant
        dynamic[rows] = STRIDE * torch.export.Dim("rows", min=2, max=MOST_CELLS)
        dynamic[columns] = STRIDE * torch.export.Dim("columns", min=2, max=MOST_CELLS)
    with quietly():
        program = torch.onnx.export(
            graph,
            (example,),
            input_names=[name],
            output_names=list(graph.outputs),
            opset_version=OPSET,
            dynamo=True,
            dynamic_shapes=(dynamic,),
            verbose=False,
        )
    assert program is not None
    return program.model_proto


def _restore_names(model: onnx.ModelProto, graph: Graph) -> None:
    """Call every weight as the network's state dict does.

    The exporter transposes linear weights, merges equal tensors and renames them: a weight is found by its bytes.
    """
    constants = {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    by_bytes = {
        (array.shape, array.tobytes()): name for name, array in constants.items() if array.dtype == np.float32
    }
    used: dict[str, str] = {}  # the exporter's name of a tensor -> ours
    for name, parameter in graph.network.named_parameters():
        value = parameter.detach().numpy()
        same = by_bytes.get((value.shape, value.tobytes()))
        turned = (
            by_bytes.get((value.T.shape, np.ascontiguousarray(value.T).tobytes()))
            if value.ndim == 2
            else None
        )
        if same is not None and same not in used:
            used[same] = name
        elif turned is not None and turned not in used:
            used[turned] = name
            _turn(model, turned, name, value)
        elif name.endswith(".bias") and _give_own_bias(model, name, value):
            pass
        elif same is not None:  # the graph uses an equal tensor; loading the weights needs both
            model.graph.initializer.append(numpy_helper.from_array(value, name))
    for tensor in model.graph.initializer:
        tensor.name = used.get(tensor.name, tensor.name)
    for node in model.graph.node:
        for i, name in enumerate(node.input):
            node.input[i] = used.get(name, name)


def _turn(model: onnx.ModelProto, stored: str, name: str, value: Any) -> None:
    """Replace the initializer `stored` (in, out) by the weight as torch keeps it (out, in) and a Transpose."""
    tensor = next(t for t in model.graph.initializer if t.name == stored)
    tensor.CopyFrom(numpy_helper.from_array(value, stored))
    turned = f"{name}.T"
    for node in model.graph.node:
        for i, used in enumerate(node.input):
            if used == stored:
                node.input[i] = turned
    model.graph.node.insert(0, helper.make_node("Transpose", [stored], [turned], name=turned, perm=[1, 0]))


def _give_own_bias(model: onnx.ModelProto, name: str, value: Any) -> bool:
    """Restore a convolution's bias that was merged with an equal one, or left out as zero, as its own tensor."""
    weight = name.removesuffix("bias") + "weight"
    for node in model.graph.node:
        if node.op_type == "Conv" and node.input[1].removeprefix("network.") == weight:
            model.graph.initializer.append(numpy_helper.from_array(value, name))
            node.input[2:] = [name]
            return True
    return False


def _store_half(model: onnx.ModelProto) -> None:
    """Store matrices and kernels as float16, each before a Cast, which runtimes fold when they load the file."""
    for tensor in list(model.graph.initializer):
        if tensor.data_type != onnx.TensorProto.FLOAT or len(tensor.dims) < 2 or np.prod(tensor.dims) < 64:
            continue
        name, wide = tensor.name, f"{tensor.name}.float32"
        tensor.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(tensor).astype(np.float16), name))
        for node in model.graph.node:
            for i, used in enumerate(node.input):
                if used == name:
                    node.input[i] = wide
        cast = helper.make_node("Cast", [name], [wide], name=wide, to=onnx.TensorProto.FLOAT)
        model.graph.node.insert(0, cast)


def _strip(model: onnx.ModelProto) -> None:
    """Remove the exporter's notes on every node (module paths, stack traces): a third of a small model's file."""
    for part in (*model.graph.node, *model.graph.value_info, *model.graph.initializer, *model.graph.output):
        part.ClearField("metadata_props")
        part.ClearField("doc_string")
    del model.metadata_props[:]


def _write(model: onnx.ModelProto, path: Path) -> None:
    """Write under a temporary name and rename, so that no half file is ever seen."""
    with replacing(path) as temporary:
        onnx.save(model, str(temporary))
