"""The torch engine gives the numbers of the bundled files' ONNX graphs, for either contract."""

import numpy as np
import pytest
import torch

from rtmcli.engines import open_engine
from rtmcli.errors import MissingError
from rtmcli.export.parity_check import compare, sample_images
from rtmcli.zoo.resolve import find_model


@pytest.fixture(scope="module")
def noise() -> np.random.Generator:
    return np.random.default_rng(0)


def test_the_bundled_pose_model_gives_the_vectors_of_onnxruntime(noise: np.random.Generator) -> None:
    file = find_model("rtmpose-t")
    want, got = open_engine(file, threads=1), open_engine(file, engine="torch", threads=1)
    assert [port.name for port in got.outputs] == [port.name for port in want.outputs]
    assert got.card == want.card
    height, width = want.inputs[0].shape[1:3]
    crops = {"image": noise.integers(0, 256, (3, height, width, 3), np.uint8)}
    expected, found = want(crops), got(crops)
    for name in ("simcc_x", "simcc_y"):
        np.testing.assert_allclose(found[name], expected[name], atol=1e-4)
    np.testing.assert_array_equal(found["keypoints"][..., :2], expected["keypoints"][..., :2])


def test_the_bundled_detector_gives_the_boxes_of_onnxruntime(noise: np.random.Generator) -> None:
    file = find_model("rtmdet-nano")
    want, got = open_engine(file, threads=1), open_engine(file, engine="torch", threads=1)
    pictures = {"image": noise.integers(0, 256, (2, 320, 320, 3), np.uint8)}
    expected, found = want(pictures), got(pictures)
    for i in range(2):
        of = expected["dets"][i][expected["dets"][i, :, 4] > 0]
        np.testing.assert_allclose(found["dets"][i, : len(of)], of, atol=1e-2)


def test_bfloat16_is_near_and_is_not_float32(noise: np.random.Generator) -> None:
    file = find_model("rtmpose-t")
    exact = open_engine(file, engine="torch", threads=1)
    rough = open_engine(file, engine="torch", precision="bfloat16", threads=1)
    height, width = exact.inputs[0].shape[1:3]
    crops = {"image": noise.integers(0, 256, (1, height, width, 3), np.uint8)}
    a, b = exact(crops)["simcc_x"], rough(crops)["simcc_x"]
    error = float(np.linalg.norm(a - b) / np.linalg.norm(a))
    assert 0 < error < 0.1
    assert rough.facts()["precision"] == "bfloat16"


def test_float32_does_not_round_to_tf32_on_a_gpu() -> None:
    engine = open_engine(find_model("rtmpose-t"), engine="torch", threads=1)
    seen = []
    engine.graph.register_forward_pre_hook(lambda *_: seen.append(torch.backends.cudnn.allow_tf32))
    height, width = engine.inputs[0].shape[1:3]
    engine({"image": np.zeros((1, height, width, 3), np.uint8)})
    assert seen == [False]
    assert torch.backends.cudnn.allow_tf32  # the setting of the caller's own code


def test_a_cuda_device_that_is_not_here_is_an_error() -> None:
    with pytest.raises(MissingError, match="--device cpu"):
        open_engine(find_model("rtmpose-t"), engine="torch", device="cuda:9")


@pytest.mark.parametrize("precision", ["bfloat16", "float16"])
def test_half_precision_leaves_the_bundled_model_s_confident_keypoints_where_they_are(precision: str) -> None:
    file = find_model("rtmpose-t")
    exact = open_engine(file, engine="torch", threads=1)
    rough = open_engine(file, engine="torch", precision=precision, threads=1)
    parity = compare(exact, rough, exact.card, sample_images(None), precision=precision)
    assert parity.p99_confident is not None and parity.p99_confident <= 1.5  # three bins
    assert parity.worst > 0 and parity.median == 0
