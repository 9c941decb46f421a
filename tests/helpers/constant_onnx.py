"""ONNX files that give the same whatever they see, with inputs and outputs in any form that exporters write."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

Shape = Sequence[int | str]


def constant_onnx(
    path: Path,
    outputs: Mapping[str, np.ndarray],
    *,
    shape: Shape = ("N", 3, 256, 192),
    dtype: type = np.float32,
    name: str = "input",
    extra_inputs: Sequence[str] = (),
    weights: Mapping[str, np.ndarray] | None = None,
) -> Path:
    """Write a model.

    Args:
        outputs: name -> what one image gives, without the axis of the batch.
        shape, dtype, name: of the input; a text is a dynamic size.
        extra_inputs: names of further scalar inputs, which change nothing.
        weights: further convolution weights (C, 3, 1, 1) of the file, each used by a convolution of its name.
    """
    constants = [numpy_helper.from_array(np.zeros(1, np.float32), "zero")]
    nodes = [
        helper.make_node("Cast", [name], ["floats"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["floats"], ["mean"], axes=[1, 2, 3], keepdims=0),
        helper.make_node("Mul", ["mean", "zero"], ["nothing"]),  # (N,) zeros
    ]
    ports = []
    for key, value in outputs.items():
        axes = list(range(1, value.ndim + 1))
        constants += [
            numpy_helper.from_array(value[None].astype(np.float32), f"{key}.value"),
            numpy_helper.from_array(np.array(axes, np.int64), f"{key}.axes"),
        ]
        kind = helper.np_dtype_to_tensor_dtype(value.dtype)
        nodes += [
            helper.make_node("Unsqueeze", ["nothing", f"{key}.axes"], [f"{key}.zeros"]),
            helper.make_node("Add", [f"{key}.zeros", f"{key}.value"], [f"{key}.float"]),
            helper.make_node("Cast", [f"{key}.float"], [key], to=kind),
        ]
        ports.append(helper.make_tensor_value_info(key, kind, [shape[0], *value.shape]))
    for key, weight in (weights or {}).items():
        constants.append(numpy_helper.from_array(weight, key))
        nodes.append(helper.make_node("Conv", ["floats", key], [f"{key}.out"], name=f"/{key}/Conv"))
    given: list[Any] = [
        helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(np.dtype(dtype)), list(shape)),
        *(helper.make_tensor_value_info(one, TensorProto.FLOAT, [1]) for one in extra_inputs),
    ]
    graph = helper.make_graph(nodes, "constant", given, ports, constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    path.parent.mkdir(parents=True, exist_ok=True)
    onnx.save(model, str(path))
    return path


def simcc(points: int = 17, width: int = 192, height: int = 256, ratio: int = 2) -> list[np.ndarray]:
    """Vectors (K, bins) along x and y whose point k is at (10 + k, 20 + k) pixels, with a score of 0.75."""
    vectors = []
    for start, side in ((10, width), (20, height)):
        vector = np.zeros((points, side * ratio), np.float32)
        vector[np.arange(points), (start + np.arange(points)) * ratio] = 0.75
        vectors.append(vector)
    return vectors
