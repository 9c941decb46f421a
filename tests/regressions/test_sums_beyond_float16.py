"""Sums above 65504, the largest float16, moved a hip by 267 px on OpenVINO for ARM.

They are rewritten without a change of their results, so that no partial sum is large.
"""

from typing import Any

import numpy as np
import pytest

from rtmcli.engines import open_engine
from rtmcli.engines.openvino_float16 import avoid_overflow
from rtmcli.zoo.resolve import find_model

ov = pytest.importorskip("openvino")


def model_of(reduction: str, axes: list[int], *, keep: bool) -> Any:
    ops = ov.opset13
    x = ops.parameter([-1, 3, 40, 40], np.float32, name="x")
    reduce = {"l2": ops.reduce_l2, "mean": ops.reduce_mean}[reduction]
    return ov.Model([reduce(x, np.array(axes), keep_dims=keep)], [x])


def run(model: Any, x: np.ndarray, precision: str = "f32") -> np.ndarray:
    compiled = ov.Core().compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": precision})
    return np.array(compiled(x)[0])


@pytest.mark.parametrize(
    ("reduction", "axes", "keep"),
    [
        ("l2", [-1], True),
        ("l2", [3], False),
        ("l2", [2, 3], True),
        ("mean", [2, 3], True),
        ("mean", [-1, -2], True),
    ],
)
@pytest.mark.parametrize("size", [1e-4, 1.0, 300.0])
def test_a_rewritten_reduction_gives_what_it_gave(
    reduction: str, axes: list[int], keep: bool, size: float
) -> None:
    x = (np.random.default_rng(0).normal(size=(2, 3, 40, 40)) * size).astype(np.float32)
    x[0, 0] = 0  # a map of zeros
    model = model_of(reduction, axes, keep=keep)
    expected = run(model, x)
    assert avoid_overflow(model) == 1
    found = run(model, x)
    assert found.shape == expected.shape
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6 * size)


def test_no_partial_sum_of_a_large_norm_passes_the_largest_float16() -> None:
    """Every value between the operations is observed, and a norm in numpy's float16 gives the right number."""
    x = np.full((1, 3, 40, 40), 200, np.float32)  # a sum of squares of 64 million
    model = model_of("l2", [2, 3], keep=True)
    avoid_overflow(model)
    inner = [op for op in model.get_ordered_ops() if op.get_type_name() in ("Divide", "ReduceL2", "Multiply")]
    observed = ov.Model([op.output(0) for op in inner], model.get_parameters())
    divided, norm, scaled = (
        np.array(value) for value in ov.Core().compile_model(observed, "CPU")(x).values()
    )
    assert (divided.astype(np.float16) ** 2).sum(dtype=np.float32) < 65504
    assert norm.max() < 65504 and scaled.max() == pytest.approx(8000)
    with np.errstate(over="ignore"):
        plain = (x.astype(np.float16) ** 2).sum(dtype=np.float16)
    assert np.isinf(plain), "the plain form overflows"


def test_the_bundled_pose_model_has_its_norms_rewritten_and_stays_within_a_bin() -> None:
    path = find_model("rtmpose-t")
    assert avoid_overflow(ov.Core().read_model(path)) >= 2
    exact = open_engine(path, engine="openvino", threads=1)
    if "FP16" not in ov.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
        pytest.skip("this CPU does not compute in float16")
    half = open_engine(path, engine="openvino", threads=1, precision="float16")
    size = exact.inputs[0].shape[1:3]
    images = np.random.default_rng(0).integers(0, 256, (2, *size, 3), np.uint8)
    a, b = exact({"image": images})["simcc_x"], half({"image": images})["simcc_x"]
    np.testing.assert_allclose(b, a, atol=0.05 * np.abs(a).max())
