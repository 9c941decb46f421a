"""Run a published ONNX network in PyTorch, as a teacher: on any device, with nothing but torch and numpy.

A teacher is run, never trained. On a CPU `OnnxRuntimeTeacher` takes half the time; but the training also has to run
where only torch is installed and where teacher and student share a GPU. The two teachers of the bundled models
(PP-TinyPose, RTMDet) are plain convolutional graphs, so a reader for the few protobuf fields that matter and
one small function per operator are enough.

The numbers in `_fields` are ONNX's own field numbers (onnx/onnx.proto, IR version 3 and later).
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from rtmcli.errors import DataError
from rtmcli.zoo.protobuf import read_fields, read_varint


@dataclass
class Node:
    """One operation: what it reads and writes by name, and its settings."""

    op: str
    inputs: list[str]
    outputs: list[str]
    settings: dict[str, Any]


@dataclass
class Graph:
    """The operations of an ONNX file in the order of computation, and its constants by name."""

    nodes: list[Node] = field(default_factory=list)
    constants: dict[str, np.ndarray] = field(default_factory=dict)
    inputs: list[str] = field(default_factory=list)
    outputs: list[str] = field(default_factory=list)


class OnnxRuntimeTeacher:
    """An ONNX file in ONNX Runtime on the CPU; called like `Teacher`. Needs the package onnx for inner `outputs`."""

    def __init__(self, path: Path, outputs: Sequence[str] = (), threads: int = 1) -> None:
        import onnx
        import onnxruntime

        model = onnx.load(path)
        known = {output.name for output in model.graph.output}
        model.graph.output.extend(onnx.ValueInfoProto(name=name) for name in outputs if name not in known)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        self.session = onnxruntime.InferenceSession(
            model.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )
        self.wanted = list(outputs) or None
        self.entry = self.session.get_inputs()[0].name

    def __call__(self, images: Tensor) -> tuple[Tensor, ...]:
        outputs = self.session.run(self.wanted, {self.entry: images.contiguous().numpy()})
        return tuple(torch.from_numpy(output) for output in outputs)


class Teacher(torch.nn.Module):
    """A graph as a module: `forward(images)` gives the tensors named by `outputs`, as a tuple."""

    def __init__(self, graph: Graph, outputs: Sequence[str] = ()) -> None:
        super().__init__()
        self.graph = graph
        self.wanted = tuple(outputs) or tuple(graph.outputs)
        self.entry = next(name for name in graph.inputs if name not in graph.constants)
        constants = {name: torch.from_numpy(value.copy()) for name, value in graph.constants.items()}
        self.steps = []
        for node in _steps_towards(graph, self.wanted):
            if node.op == "Cast" and node.inputs[0] in constants:  # a weight that is stored as float16
                constants[node.outputs[0]] = constants[node.inputs[0]].to(_CAST[node.settings["to"]])
            else:
                self.steps.append(node)
        used = {name for node in self.steps for name in node.inputs}
        # shapes and factors become Python numbers, which need no copy from the device
        lists = {name for node in self.steps if node.op in NUMBERS for name in node.inputs[1:]}
        self.numbers = {name: constants[name].tolist() for name in lists & constants.keys()}
        self.names = sorted((used - lists) & constants.keys())
        for name in self.names:
            self.register_buffer(_safe(name), constants[name])

    @torch.no_grad()
    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        known: dict[str, Any] = {name: getattr(self, _safe(name)) for name in self.names} | self.numbers
        known[self.entry] = images
        for node in self.steps:
            arguments = [known[name] if name else None for name in node.inputs]
            result = OPERATORS[node.op](arguments, node.settings)
            known.update(
                zip(node.outputs, result if isinstance(result, list | tuple) else [result], strict=True)
            )
        return tuple(known[name] for name in self.wanted)


def load_graph(path: str | Path) -> Graph:
    """Read an ONNX file; raises DataError where it is none."""
    data = Path(path).read_bytes()
    try:
        model = next(value for number, value in _fields(memoryview(data)) if number == 7)
        graph = Graph()
        for number, value in _fields(model):
            if number == 1:
                graph.nodes.append(_node(value))
            elif number == 5:
                name, array = _tensor(value)
                graph.constants[name] = array
            elif number in (11, 12):
                name = next(bytes(v).decode() for n, v in _fields(value) if n == 1)
                (graph.inputs if number == 11 else graph.outputs).append(name)
    except (StopIteration, IndexError, struct.error, KeyError) as error:
        raise DataError(
            f"{path} is not an ONNX file that can be read ({error!r}); is it complete?"
        ) from error
    return graph


def convolution_weights(graph: Graph) -> list[tuple[np.ndarray, np.ndarray]]:
    """Kernel and bias of every convolution, in the order of computation."""
    found = []
    for node in graph.nodes:
        if node.op == "Conv":
            kernel, bias = (graph.constants[name] for name in node.inputs[1:3])
            found.append((kernel, bias))
    return found


# --- the operators -----------------------------------------------------------------------------------------


def _conv(x: list[Any], s: dict[str, Any]) -> Tensor:
    top, left, bottom, right = s.get("pads", [0, 0, 0, 0])
    if (top, left) != (bottom, right):
        raise DataError("this teacher pads its convolutions unevenly, which is not supported")
    bias = x[2] if len(x) > 2 else None
    strides, dilations = s.get("strides", [1, 1]), s.get("dilations", [1, 1])
    return F.conv2d(x[0], x[1], bias, strides, (top, left), dilations, s.get("group", 1))


def _reshape(x: list[Any], s: dict[str, Any]) -> Tensor:
    # 0 in an ONNX shape keeps the dimension of the input
    shape = [x[0].shape[i] if n == 0 else n for i, n in enumerate(x[1])]
    return x[0].reshape(shape)


def _split(x: list[Any], s: dict[str, Any]) -> tuple[Tensor, ...]:
    axis = s.get("axis", 0)
    sizes = x[1] if len(x) > 1 else s.get("split") or x[0].shape[axis] // 2
    return torch.split(x[0], sizes, axis)


def _resize(x: list[Any], s: dict[str, Any]) -> Tensor:
    factor = x[2][2:]
    if s["mode"] == "nearest":
        return F.interpolate(x[0], scale_factor=factor, mode="nearest")
    return F.interpolate(
        x[0],
        scale_factor=factor,
        mode="bilinear",
        align_corners=s["coordinate_transformation_mode"] == "align_corners",
    )


_CAST = {1: torch.float32, 7: torch.int64, 10: torch.float16}

NUMBERS = ("Reshape", "Split", "Resize")  # operators whose further inputs are shapes, sizes and factors

OPERATORS: dict[str, Callable[[list[Any], dict[str, Any]], Any]] = {
    "Add": lambda x, s: x[0] + x[1],
    "Cast": lambda x, s: x[0].to(_CAST[s["to"]]),
    "Concat": lambda x, s: torch.cat(x, s["axis"]),
    "Conv": _conv,
    "Identity": lambda x, s: x[0],
    "Relu": lambda x, s: F.relu(x[0]),
    "Reshape": _reshape,
    "Resize": _resize,
    "Split": _split,
    "Transpose": lambda x, s: x[0].permute(s["perm"]),
}


def _steps_towards(graph: Graph, wanted: Sequence[str]) -> list[Node]:
    """The nodes that `wanted` depends on, in order; an operator that is not known is an error here."""
    needed, steps = set(wanted), []
    for node in reversed(graph.nodes):
        if needed.intersection(node.outputs):
            if node.op not in OPERATORS:
                raise DataError(f"this teacher needs the operator {node.op}, which the trainer does not know")
            needed.update(node.inputs)
            steps.append(node)
    return steps[::-1]


def _safe(name: str) -> str:
    return "constant_" + name.replace(".", "_").replace(":", "_")


# --- protobuf ----------------------------------------------------------------------------------------------


def _fields(data: memoryview) -> Iterator[tuple[int, Any]]:
    """The (field number, value) pairs of one protobuf message; a submessage is a slice of the bytes."""
    for number, value in read_fields(data):
        yield number, data[value] if isinstance(value, slice) else value


def _numbers(value: Any) -> list[int]:
    """A repeated integer field comes packed in one piece, or as one field a number."""
    if isinstance(value, int):
        return [value]
    found, at = [], 0
    while at < len(value):
        number, at = read_varint(value, at)
        found.append(number)
    return found


def _node(data: memoryview) -> Node:
    node = Node("", [], [], {})
    for number, value in _fields(data):
        if number == 1:
            node.inputs.append(bytes(value).decode())
        elif number == 2:
            node.outputs.append(bytes(value).decode())
        elif number == 4:
            node.op = bytes(value).decode()
        elif number == 5:
            name, setting = _setting(value)
            node.settings[name] = setting
    return node


def _setting(data: memoryview) -> tuple[str, Any]:
    name, value, integers = "", None, []
    for number, raw in _fields(data):
        if number == 1:
            name = bytes(raw).decode()
        elif number == 2:
            value = struct.unpack("<f", raw)[0]
        elif number == 3:
            value = raw
        elif number == 4:
            value = bytes(raw).decode(errors="replace")
        elif number == 5:
            value = _tensor(raw)[1]
        elif number == 8:
            integers += _numbers(raw)
    return name, integers or value


_TYPES = {1: "<f4", 6: "<i4", 7: "<i8", 9: "?", 10: "<f2", 11: "<f8"}


def _tensor(data: memoryview) -> tuple[str, np.ndarray]:
    name, shape, kind, raw = "", [], 1, b""
    values: list[Any] = []
    for number, value in _fields(data):
        if number == 1:
            shape += _numbers(value)
        elif number == 2:
            kind = value
        elif number == 4:
            values += list(np.frombuffer(value, "<f4"))
        elif number in (5, 7):
            values += _numbers(value)
        elif number == 8:
            name = bytes(value).decode()
        elif number == 9:
            raw = bytes(value)
    array = np.frombuffer(raw, _TYPES[kind]) if raw else np.array(values, _TYPES[kind])
    return name, array.reshape(shape)
