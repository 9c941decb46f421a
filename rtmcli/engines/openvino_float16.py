"""Sums that exceed 65504, the largest float16, in models that OpenVINO computes in float16.

OpenVINO accumulates in float16 on ARM. The norm of RTMPose's ScaleNorm then overflows (a sum of squares of 68,893 on a
real image moved a hip by 267 px), and the mean of a large map may. Both are rewritten here so that no partial sum is
large: files of other exporters have the plain form.
"""

from typing import Any

import numpy as np


def avoid_overflow(model: Any) -> int:
    """Rewrite the norms and the means over several axes of a model, in place.

    Returns:
        the number of operations rewritten.
    """
    count = 0
    for node in model.get_ordered_ops():
        axes = _axes(node)
        if axes is None:
            continue
        if node.get_type_name() == "ReduceL2":
            _scale_norm(node, axes)
            count += 1
        elif node.get_type_name() == "ReduceMean" and len(axes) > 1 and node.get_keep_dims():
            _split_mean(node, axes)
            count += 1
    return count


def _scale_norm(node: Any, axes: list[int]) -> None:
    """|x| = p |x / p| with p the largest entry: the sum of squares is between 1 and the number of entries."""
    from openvino import opset13 as ops

    x, keep = node.input_value(0), node.get_keep_dims()
    where = ops.constant(np.array(axes, np.int64))
    # Any number but 0 does for a row of zeros; float16 has few digits below 1e-4.
    peak = ops.maximum(ops.reduce_max(ops.absolute(x), where, keep_dims=True), ops.constant(np.float32(1e-3)))
    norm = ops.reduce_l2(ops.divide(x, peak), where, keep_dims=True)
    scaled = ops.multiply(norm, peak)
    _replace(node, scaled if keep else ops.squeeze(scaled, where))


def _split_mean(node: Any, axes: list[int]) -> None:
    """The mean over one axis after the other."""
    from openvino import opset13 as ops

    mean = node.input_value(0)
    for axis in axes:
        mean = ops.reduce_mean(mean, ops.constant(np.array([axis], np.int64)), keep_dims=True).output(0)
    _replace(node, mean.get_node())


def _replace(node: Any, new: Any) -> None:
    """Let `new` feed whatever `node` feeds."""
    new.set_friendly_name(node.get_friendly_name())
    for target in list(node.output(0).get_target_inputs()):
        target.replace_source_output(new.output(0))


def _axes(node: Any) -> list[int] | None:
    """The axes of a reduction, None for other operations and for axes that are computed."""
    if not node.get_type_name().startswith("Reduce"):
        return None
    source = node.input_value(1).get_node()
    if source.get_type_name() != "Constant":
        return None
    return [int(axis) for axis in np.atleast_1d(source.data)]
