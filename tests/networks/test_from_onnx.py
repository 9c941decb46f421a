"""Weights come back out of ONNX files: the official detector's, and our own exports'."""

import itertools
from pathlib import Path

import cv2
import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from onnx import helper, numpy_helper

from rtmcli.errors import DataError
from rtmcli.networks.build import build_network
from rtmcli.networks.checkpoint import load_weights
from rtmcli.networks.from_onnx import load_onnx_weights, onnx_state
from rtmcli.networks.rtmdet import RTMDet, decode
from rtmcli.networks.rtmpose import RTMPose
from tests.helpers.catalogue import card_of, filled_network

BUNDLED = Path(__file__).parents[2] / "rtmcli" / "zoo" / "weights"
BGR_MEAN, BGR_STD = np.array([103.53, 116.28, 123.675]), np.array([57.375, 57.12, 58.395])


def session(path):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def bundled_network(name):
    if name == "rtmdet-nano":
        return RTMDet("nano", 1)
    width, height = session(BUNDLED / "rtmpose-t.onnx").get_inputs()[0].shape[2:0:-1]
    return RTMPose("t", 17, width, height)


def letterboxed(path, size=320):
    """A picture as the official detector wants it: (1, 3, size, size), normalised."""
    image = cv2.imread(str(path))
    factor = size / max(image.shape[:2])
    image = cv2.resize(image, None, fx=factor, fy=factor)[:size, :size]
    canvas = np.full((size, size, 3), 114, np.uint8)
    canvas[: image.shape[0], : image.shape[1]] = image
    return ((canvas - BGR_MEAN) / BGR_STD).astype(np.float32).transpose(2, 0, 1)[None]


def test_the_official_detectors_weights_find_the_same_boxes_in_our_network(data_dir):
    file = data_dir / "weights" / "rtmdet_nano_person.onnx"
    network, official = RTMDet("nano", 1).eval(), session(file)
    load_onnx_weights(file, network)
    pictures = sorted((data_dir / "val" / "images").iterdir())[:20]
    assert len(pictures) == 20
    for picture in pictures:
        image = letterboxed(picture)
        expected = official.run(["dets"], {"input": image})[0][0]
        expected = expected[expected[:, 4] > 0]  # the file ends its list with an empty row
        with torch.no_grad():
            maps = network(torch.from_numpy(image))
        boxes, scores, _ = decode(*maps, score=0.05, iou=0.6, before=1000, keep=100, size=None)[0]
        assert len(boxes) == len(expected)
        distance = np.abs(boxes.numpy()[:, None] - expected[None, :, :4]).max(axis=-1)
        same = distance.argmin(axis=1)  # by box: ranks may swap where scores are nearly equal
        assert sorted(same) == list(range(len(expected)))
        assert distance.min(axis=1).max() < 0.1
        np.testing.assert_allclose(scores.numpy(), expected[same, 4], atol=1e-4)


def test_the_bundled_pose_network_comes_back_and_gives_the_files_vectors():
    file = BUNDLED / "rtmpose-t.onnx"
    network = bundled_network("rtmpose-t").eval()
    load_onnx_weights(file, network)
    width, height = network.input_size
    crops = np.random.default_rng(0).integers(0, 256, (2, height, width, 3), dtype=np.uint8)
    images = torch.from_numpy((crops[..., ::-1] - BGR_MEAN[::-1]) / BGR_STD[::-1]).float().permute(0, 3, 1, 2)
    expected = session(file).run(["simcc_x", "simcc_y"], {"image": crops})
    with torch.no_grad():
        found = network(images)
    for own, theirs in zip(found, expected, strict=True):
        np.testing.assert_allclose(own.numpy(), theirs, atol=1e-4 * theirs.std())


def test_the_bundled_detector_comes_back_and_gives_the_files_scores():
    file = BUNDLED / "rtmdet-nano.onnx"
    network = bundled_network("rtmdet-nano").eval()
    load_onnx_weights(file, network)
    noise = np.random.default_rng(0).integers(0, 256, (10, 10, 3), dtype=np.uint8)
    picture = cv2.resize(noise, (320, 320))[None]
    images = torch.from_numpy((picture - BGR_MEAN) / BGR_STD).float().permute(0, 3, 1, 2)
    expected = session(file).run(["dets"], {"image": picture})[0][0]
    with torch.no_grad():
        scores, distances = network(images)
    boxes, found, _ = decode(scores, distances, score=0.0, iou=1.0, before=10**6, keep=10**6, size=None)[0]
    for box in expected[expected[:, 4] > 0][:20]:
        distance = np.abs(boxes.numpy() - box[:4]).max(axis=1) + np.abs(found.numpy() - box[4])
        assert distance.min() < 1e-2
    assert np.isclose(found.max().item(), expected[:, 4].max(), atol=1e-4)


@pytest.mark.parametrize("name", ["rtmdet-nano", "rtmpose-t"])
def test_nameless_layers_are_matched_in_the_order_of_computation(name, tmp_path):
    model = onnx.load(BUNDLED / f"{name}.onnx")
    numbers = itertools.count()
    names = {
        tensor.name: f"onnx::Conv_{next(numbers)}"
        for tensor in model.graph.initializer
        if tensor.name.endswith((".weight", ".bias"))
    }
    for tensor in model.graph.initializer:
        tensor.name = names.get(tensor.name, tensor.name)
    for node in model.graph.node:
        node.input[:] = [names.get(text, text) for text in node.input]
    onnx.save(model, tmp_path / "nameless.onnx")

    network = bundled_network(name)
    by_name = onnx_state(BUNDLED / f"{name}.onnx", network)
    by_order = onnx_state(tmp_path / "nameless.onnx", network)
    assert by_name.keys() == by_order.keys()
    assert all(torch.equal(value, by_order[key]) for key, value in by_name.items())


@pytest.mark.parametrize("name", ["rtmdet-s_coco80_640", "yolox-tiny_coco80_416"])
def test_convolutions_shared_by_the_levels_come_back_with_a_norm_each(name, tmp_path):
    network = filled_network(name, dtype=torch.float32)
    write_folded(network, tmp_path / "folded.onnx")
    again = build_network(card_of(name)).eval()
    load_onnx_weights(tmp_path / "folded.onnx", again)
    images = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        before, after = network(images), again(images)
    for old, new in zip(itertools.chain(*before), itertools.chain(*after), strict=True):
        assert (old - new).abs().max() < 1e-3 * old.std()


def write_folded(network, path):
    """A file with the folded weights under their names, and no graph around them."""
    from rtmcli.networks.fold import fold_batchnorm

    weights = fold_batchnorm(network).state_dict()
    tensors = [numpy_helper.from_array(value.numpy(), key) for key, value in weights.items()]
    onnx.save(helper.make_model(helper.make_graph([], "weights", [], [], tensors)), path)


def test_another_networks_file_is_refused_with_the_place():
    with pytest.raises(DataError, match=r"holds another network: at backbone\.stem\.0"):
        state = onnx_state(BUNDLED / "rtmdet-nano.onnx", RTMPose("s", 17, 96, 128))
        load_weights(RTMPose("s", 17, 96, 128), state)


def test_a_file_of_a_network_with_other_layers_of_the_same_name_is_refused():
    with pytest.raises(DataError, match=r"wrong shape|another network"):
        load_onnx_weights(BUNDLED / "rtmpose-t.onnx", RTMPose("t", 26, 96, 128))


def test_an_rtmo_says_which_file_to_take_instead():
    with pytest.raises(DataError, match=r"use its \.pth"):
        load_onnx_weights(BUNDLED / "rtmpose-t.onnx", build_network(card_of("rtmo-t_coco17_416x416")))


@pytest.mark.parametrize("content", [b"", b"no protobuf \xff\xff\xff"])
def test_what_is_not_onnx_is_named(content, tmp_path):
    (tmp_path / "x.onnx").write_bytes(content)
    with pytest.raises(DataError, match=r"x\.onnx"):
        load_onnx_weights(tmp_path / "x.onnx", RTMDet("nano", 1))
