"""ONNX files of a few hundred bytes that stand in for large ones."""

import numpy as np
from onnx import TensorProto, helper, numpy_helper


def tiny_onnx(*, weight: float = 1.0, outputs: tuple[str, ...] = ("b",)) -> bytes:
    """A valid ONNX file of a few hundred bytes."""
    values = helper.make_tensor("w", TensorProto.FLOAT, [1], [weight])
    nodes = [helper.make_node("Mul", ["a", "w"], [name]) for name in outputs]
    ports = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1]) for name in ("a", *outputs)]
    graph = helper.make_graph(nodes, "g", ports[:1], ports[1:], [values])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 8
    content: bytes = model.SerializeToString()
    return content


def tiny_yolox_onnx(rows: np.ndarray, *, side: int) -> bytes:
    """A YOLOX as its authors export it: for each image the same undecoded rows (R, 5 + classes)."""
    constants = [
        numpy_helper.from_array(rows[None].astype(np.float32), "rows"),
        numpy_helper.from_array(np.zeros(1, np.float32), "zero"),
    ]
    nodes = [
        helper.make_node("ReduceMean", ["images"], ["mean"], axes=[1, 2, 3], keepdims=1),  # (1, 1, 1, 1)
        helper.make_node("Squeeze", ["mean", "axis"], ["block"]),  # (1, 1, 1)
        helper.make_node("Mul", ["block", "zero"], ["nothing"]),
        helper.make_node("Add", ["nothing", "rows"], ["output"]),
    ]
    constants.append(numpy_helper.from_array(np.array([3]), "axis"))
    inputs = [helper.make_tensor_value_info("images", TensorProto.FLOAT, [1, 3, side, side])]
    outputs = [helper.make_tensor_value_info("output", TensorProto.FLOAT, [1, *rows.shape])]
    model = helper.make_model(
        helper.make_graph(nodes, "g", inputs, outputs, constants),
        opset_imports=[helper.make_opsetid("", 17)],
    )
    model.ir_version = 8
    content: bytes = model.SerializeToString()
    return content


def tiny_pose_onnx(*, keypoints: int = 17, width: int = 192, height: int = 256) -> bytes:
    """An official-looking RTMPose that finds every point in the middle of its crop, whatever is there."""
    constants, nodes = [], []
    for axis, pixels in (("x", width), ("y", height)):
        bins = np.zeros((1, keypoints, 2 * pixels), np.float32)
        bins[:, :, pixels] = 0.75
        constants.append(numpy_helper.from_array(bins, f"bins_{axis}"))
        nodes.append(helper.make_node("Add", ["nothing", f"bins_{axis}"], [f"simcc_{axis}"]))
    constants += [
        numpy_helper.from_array(np.zeros(1, np.float32), "zero"),
        numpy_helper.from_array(np.array([1]), "one"),
    ]
    head = [
        helper.make_node("ReduceMean", ["input"], ["mean"], axes=[1, 2, 3], keepdims=0),  # (N,)
        helper.make_node("Unsqueeze", ["mean", "one"], ["row"]),  # (N, 1)
        helper.make_node("Unsqueeze", ["row", "one"], ["block"]),  # (N, 1, 1)
        helper.make_node("Mul", ["block", "zero"], ["nothing"]),
    ]
    inputs = [helper.make_tensor_value_info("input", TensorProto.FLOAT, ["batch", 3, height, width])]
    outputs = [
        helper.make_tensor_value_info(f"simcc_{axis}", TensorProto.FLOAT, ["batch", keypoints, 2 * pixels])
        for axis, pixels in (("x", width), ("y", height))
    ]
    graph = helper.make_graph([*head, *nodes], "g", inputs, outputs, constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 8
    content: bytes = model.SerializeToString()
    return content


def tiny_onestage_onnx(*, side: int = 64) -> bytes:
    """An official-looking RTMO that finds one person in every image, whatever is there."""
    keypoints = np.full((1, 1, 17, 3), 0.9, np.float32)
    keypoints[..., :2] = 30
    return _constant_onnx({"dets": ONE_BOX, "keypoints": keypoints}, side)


def tiny_detector_onnx(*, side: int = 64) -> bytes:
    """An official-looking detector that finds one person in every image, whatever is there."""
    return _constant_onnx({"dets": ONE_BOX, "labels": np.zeros((1, 1), np.int64)}, side)


ONE_BOX = np.array([[[8, 8, 48, 56, 0.9]]], np.float32)  # (1, 1, 5)


def _constant_onnx(outputs: dict[str, np.ndarray], side: int) -> bytes:
    """A model of one image of a fixed size whose outputs are these."""
    constants = [numpy_helper.from_array(np.zeros(1, np.float32), "zero")]
    nodes = [
        helper.make_node("ReduceMean", ["input"], ["mean"], keepdims=0),
        helper.make_node("Mul", ["mean", "zero"], ["nothing"]),
    ]
    ports = []
    for name, value in outputs.items():
        kind = helper.np_dtype_to_tensor_dtype(value.dtype)
        constants.append(numpy_helper.from_array(value, f"{name}_value"))
        nodes += [
            helper.make_node("Cast", ["nothing"], [f"{name}_zero"], to=kind),
            helper.make_node("Add", [f"{name}_zero", f"{name}_value"], [name]),
        ]
        ports.append(helper.make_tensor_value_info(name, kind, value.shape))
    inputs = [helper.make_tensor_value_info("input", TensorProto.FLOAT, [1, 3, side, side])]
    graph = helper.make_graph(nodes, "g", inputs, ports, constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 8
    content: bytes = model.SerializeToString()
    return content
