"""A small model for the engines."""

from pathlib import Path

import pytest


@pytest.fixture
def open_size(tmp_path: Path) -> Path:
    """A model file of two layers whose batch and height are open."""
    onnx = pytest.importorskip("onnx")
    helper, kind = onnx.helper, onnx.TensorProto.FLOAT
    graph = helper.make_graph(
        [helper.make_node("Mul", ["x", "x"], ["square"]), helper.make_node("Add", ["square", "x"], ["y"])],
        "g",
        [helper.make_tensor_value_info("x", kind, ["n", 2, "h"])],
        [helper.make_tensor_value_info("y", kind, ["n", 2, "h"])],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=10)
    onnx.save(model, tmp_path / "m.onnx")
    return tmp_path / "m.onnx"
