"""The number of classes of a detector's ONNX file, read from the weights of its classification layers."""

import mmap
from collections.abc import Iterator
from pathlib import Path

from rtmcli.zoo.protobuf import read_fields, read_varint

# Field numbers in onnx/onnx.proto.
GRAPH = 7
NODE, INITIALIZER = 1, 5  # of GraphProto
INPUT, OUTPUT, NODE_NAME, OP_TYPE = 1, 2, 3, 4  # of NodeProto
DIMS, TENSOR_NAME = 1, 8  # of TensorProto

# Parts of the names of the layers that predict classes: RTMDet, YOLOX in mmdet, YOLOX of its authors.
LAYERS = (b"rtm_cls", b"multi_level_conv_cls", b"cls_preds")
# Operations between a stored weight and its convolution: float16 storage and quantisation.
CONVERSIONS = (b"Cast", b"Identity", b"DequantizeLinear")


def count_classes(path: Path) -> int | None:
    """The output channels of the first classification layer; None where no layer is found, or no ONNX file."""
    if path.suffix != ".onnx" or path.stat().st_size == 0:
        return None
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        try:
            return _count(data)
        except IndexError:
            return None


def _count(data: mmap.mmap) -> int | None:
    channels: dict[bytes, int] = {}
    source: dict[bytes, bytes] = {}
    weights: list[bytes] = []
    for start, stop, field in _graph_fields(data):
        if field == INITIALIZER:
            name, dims = _tensor(data, start, stop)
            if dims:
                channels[name] = dims[0]
        elif field == NODE:
            kind, name, inputs, outputs = _node(data, start, stop)
            if kind in CONVERSIONS and inputs and outputs:
                source[outputs[0]] = inputs[0]
            elif kind == b"Conv" and any(layer in word for word in (name, *inputs[1:2]) for layer in LAYERS):
                weights += inputs[1:2]
    for weight in weights:
        while weight in source:
            weight = source[weight]
        if weight in channels:
            return channels[weight]
    return None


def _graph_fields(data: mmap.mmap) -> Iterator[tuple[int, int, int]]:
    """(start, stop, field number) of the nodes and initializers."""
    for number, graph in read_fields(data):
        if number == GRAPH and isinstance(graph, slice):
            for field, value in read_fields(data, graph.start, graph.stop):
                if field in (NODE, INITIALIZER) and isinstance(value, slice):
                    yield value.start, value.stop, field


def _tensor(data: mmap.mmap, start: int, stop: int) -> tuple[bytes, list[int]]:
    """Name and dimensions; the numbers come packed in one piece, or as one field each."""
    name, dims = b"", list[int]()
    for field, value in read_fields(data, start, stop):
        if field == DIMS and isinstance(value, int):
            dims.append(value)
        elif field == DIMS and isinstance(value, slice):
            at = value.start
            while at < value.stop:
                size, at = read_varint(data, at)
                dims.append(size)
        elif field == TENSOR_NAME and isinstance(value, slice):
            name = data[value]
    return name, dims


def _node(data: mmap.mmap, start: int, stop: int) -> tuple[bytes, bytes, list[bytes], list[bytes]]:
    """(operation, name, inputs, outputs)."""
    kind, name, inputs, outputs = b"", b"", list[bytes](), list[bytes]()
    for field, value in read_fields(data, start, stop):
        if not isinstance(value, slice):
            continue
        if field == INPUT:
            inputs.append(data[value])
        elif field == OUTPUT:
            outputs.append(data[value])
        elif field == NODE_NAME:
            name = data[value]
        elif field == OP_TYPE:
            kind = data[value]
    return kind, name, inputs, outputs
