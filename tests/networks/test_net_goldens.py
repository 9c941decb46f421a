"""Filled networks give the reference's numbers: one test a golden file, so that a further file is a further test.

float64 and 1e-5 of a tensor's standard deviation show mistakes that float32 hides; a right network is within 1e-6.
"""

import json

import numpy as np
import pytest
import torch

from tests.helpers.catalogue import GOLDENS, SMALL, filled_network
from tests.helpers.fill import golden_error, golden_input

MODELS = sorted(path.stem.removeprefix("net_") for path in GOLDENS.glob("net_*.npz"))

# spec-networks E.1: score, IoU, candidates a level, boxes kept
RTMDET_PERSON = {"score": 0.05, "iou": 0.6, "before": 1000, "keep": 100}
RTMDET_COCO = {"score": 0.001, "iou": 0.65, "before": 30000, "keep": 300}

# The reference's outputs by our maps' names, where they differ.
GOLDEN_NAMES = {"yolox": {"bbox": "reg"}}

# Modules of the reference that compute nothing (identities in eval mode), which we do not have, and one that
# returns its values in another layout.
NOT_OURS = (
    "drop_path",
    "dropout_layer",
    "proj_drop",
    "gamma2",
    "ffn.layers.0.2",
    "ffn.layers.2",
    "sincos_pos_enc",
)


def load(name):
    return np.load(GOLDENS / f"net_{name}.npz", allow_pickle=False)


def picture(golden, dtype=torch.float64):
    meta = json.loads(str(golden["meta"]))
    return golden_input(meta["input"], meta["input_shape"]).to(dtype)


def small_and_slow(names, *, slow="nothing"):
    """The names as parameters; all but the small ones, and those of the family `slow`, run with -m slow alone."""
    quick = {name for name in SMALL if not name.startswith(slow)}
    return [name if name in quick else pytest.param(name, marks=pytest.mark.slow) for name in names]


class Watch:
    """Keeps the first output of every module by its name in the network."""

    def __init__(self, network):
        self.seen = {}
        for name, module in network.named_modules():
            module.register_forward_hook(self.keep(name))

    def keep(self, name):
        def hook(module, inputs, output):
            self.seen.setdefault(name, output)

        return hook


def outputs(name, result):
    """The network's outputs by the goldens' names."""
    family = name.split("-")[0]
    if family in ("rtmpose", "rtmw", "rtmw3d"):
        return dict(zip(("simcc_x", "simcc_y", "simcc_z"), result, strict=False))
    if family == "rtmdet":
        result = {"cls": result[0], "reg": result[1]}
    else:
        result = result._asdict()
    names = GOLDEN_NAMES.get(family, {})
    return {
        f"{names.get(field, field)}{level}": tensor
        for field, maps in result.items()
        for level, tensor in enumerate(maps)
    }


def named_tensors(name, network, images):
    """All that a golden file can ask for by name, and what the modules returned."""
    watch = Watch(network)
    with torch.no_grad():
        found = {"input": images, **outputs(name, network(images))}
    if "reg0" in found:
        found["decoded_boxes"] = decoded_boxes(name, found)
    for module, output in watch.seen.items():
        if isinstance(output, torch.Tensor):
            found[module] = output
    if "neck" in watch.seen:
        neck = watch.seen["neck"]
        used = neck[1:] if name.startswith("rtmw") else neck  # RTMW hands on its two coarser maps only
        found |= {f"neck.out{level}": tensor for level, tensor in enumerate(used)}
    return found


def decoded_boxes(name, found):
    from rtmcli.networks import rtmdet, yolox

    module = rtmdet if name.startswith("rtmdet") else yolox
    return module.decode_boxes([found[f"reg{level}"] for level in range(3)])[0]


def golden_tensors(golden):
    return [key.removesuffix(".shape") for key in golden.files if key.endswith(".shape")]


@pytest.mark.parametrize("name", small_and_slow(MODELS))
def test_every_named_tensor_agrees_in_float64(name):
    golden = load(name)
    found = named_tensors(name, filled_network(name), picture(golden))
    errors = {tensor: golden_error(golden, tensor, found[tensor]) for tensor in golden_tensors(golden)}
    assert len(errors) > 8
    assert {tensor: error for tensor, error in errors.items() if error > 1e-5} == {}
    for axis in ("simcc_x", "simcc_y", "simcc_z"):
        if f"{axis}.argmax" in golden:
            best = found[axis].max(dim=-1)
            np.testing.assert_array_equal(best.indices.numpy().ravel(), golden[f"{axis}.argmax"].ravel())
            np.testing.assert_allclose(best.values.numpy().ravel(), golden[f"{axis}.max"].ravel(), rtol=1e-5)


@pytest.mark.parametrize("name", [name for name in MODELS if name in SMALL])
def test_outputs_agree_in_float32(name):
    golden = load(name)
    network = filled_network(name, dtype=torch.float32)
    with torch.no_grad():
        found = outputs(name, network(picture(golden, torch.float32)))
    errors = {tensor: golden_error(golden, tensor, value) for tensor, value in found.items()}
    assert {tensor: error for tensor, error in errors.items() if error > 1e-3} == {}


@pytest.mark.parametrize("name", [name for name in MODELS if "trace.name" in load(name)])
def test_every_module_on_the_way_agrees_with_the_trace(name):
    golden, network = load(name), filled_network(name)
    watch, images = Watch(network), picture(golden)
    with torch.no_grad():
        # RTMO's trace covers the coordinate classifier, which runs on the surviving cells alone.
        network(images)
        if name.startswith("rtmo"):
            network.detect(images)
    first_wrong, missing, compared = None, [], 0
    for row, module in enumerate(str(text) for text in golden["trace.name"]):
        if module.endswith(NOT_OURS):
            continue
        if not isinstance(watch.seen.get(module), torch.Tensor):
            missing.append(module)
            continue
        flat = watch.seen[module].flatten()
        mean, std = golden["trace.mean_std"][row]
        got = torch.stack([flat.mean(), flat.std(), *flat[:4], *flat[-4:]]).numpy()
        want = np.concatenate([[mean, std], golden["trace.first4"][row], golden["trace.last4"][row]])
        compared += 1
        if np.abs(got - want).max() > 1e-5 * max(std, 1e-12) + 1e-6 * abs(mean):
            first_wrong = (module, got, want)
            break
    assert first_wrong is None
    assert missing == []
    assert compared > 0.9 * len(golden["trace.name"])


@pytest.mark.parametrize("name", small_and_slow([name for name in MODELS if "det.count" in load(name)]))
def test_the_detection_path_finds_the_same_instances(name):
    golden, network = load(name), filled_network(name)
    found = detect(name, network, picture(golden))
    assert len(found["scores"]) == golden["det.count"]
    rows = same_order(found, golden)
    np.testing.assert_allclose(found["scores"][rows], golden["det.scores"], atol=1e-5)
    np.testing.assert_allclose(found["bboxes"][rows], golden["det.bboxes"], atol=1e-3)
    if "det.labels" in golden:
        np.testing.assert_array_equal(found["labels"][rows], golden["det.labels"])
    if "det.keypoints" in golden:
        np.testing.assert_allclose(found["keypoints"][rows], golden["det.keypoints"], atol=1e-3)
        np.testing.assert_allclose(found["keypoint_scores"][rows], golden["det.keypoint_scores"], atol=1e-5)


def detect(name, network, images):
    """The first picture's detections by the goldens' names, in numpy."""
    from rtmcli.networks import rtmdet, yolox

    height, width = images.shape[2:]
    with torch.no_grad():
        if name.startswith("rtmo"):
            found = network.detect(images)[0]._asdict()
            found["bboxes"] = found.pop("boxes")
        elif name.startswith("rtmdet"):
            settings = RTMDET_COCO if "_coco80_" in name else RTMDET_PERSON
            found = rtmdet.decode(*network(images), size=(width, height), **settings)[0]
        else:
            found = yolox.decode(network(images))[0]
    if not isinstance(found, dict):
        found = dict(zip(("bboxes", "scores", "labels"), found, strict=True))
    return {key: tensor.numpy() for key, tensor in found.items()}


def same_order(found, golden):
    """For each golden instance the found one of equal box, so that ranks within 1e-5 of a score may swap."""
    distance = np.abs(golden["det.bboxes"][:, None] - found["bboxes"][None]).max(axis=-1)
    if "det.labels" in golden:
        distance += 1e3 * (golden["det.labels"][:, None] != found["labels"][None])
    distance += np.abs(golden["det.scores"][:, None] - found["scores"][None])
    rows = distance.argmin(axis=1)
    assert len(set(rows.tolist())) == len(rows)
    return rows


@pytest.mark.parametrize("name", small_and_slow([name for name in MODELS if name in SMALL], slow="rtmw3d"))
def test_a_batch_of_two_equals_two_of_one(name):
    network, images = filled_network(name), picture(load(name))
    images = torch.cat([images, images.flip(-1)])[..., :256, :]
    if name.startswith(("rtmpose", "rtmw")):  # bound to their input size
        images = torch.cat([picture(load(name)), picture(load(name)).flip(-1)])
    with torch.no_grad():
        both = outputs(name, network(images))
        single = [outputs(name, network(image[None])) for image in images]
    for tensor, value in both.items():
        expected = torch.cat([one[tensor] for one in single])
        torch.testing.assert_close(value, expected, rtol=1e-9, atol=1e-9 * float(value.std()))
