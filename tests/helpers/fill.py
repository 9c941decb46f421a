"""Weights and pictures for the network goldens: the same numbers on every machine, so that no file ships them.

An entry of a state dict is drawn from a generator seeded by its key (CRC-32), then scaled by what the entry is.
The goldens were made with exactly these values: changing a number here changes every network's expected output.
"""

import re
import zlib
from typing import Any

import numpy as np
import torch
from torch import Tensor

# Entries that a network computes by itself, which stay as they are.
COMPUTED = {"x_bins", "y_bins", "dim_t", "sigmas"}

# The levels of an RTMDet head share their convolutions; their copies take level 0's values.
COPY = re.compile(r"^(bbox_head\.(?:cls|reg)_convs)\.\d+(\.\d+\.conv\.weight)$")

# Standard deviation of a matrix or kernel times sqrt(fan in), by the first pattern that occurs in its key. They
# keep the activations of a deep, untrained network near one and spread scores and boxes.
GAINS: list[tuple[str, float]] = [
    (r"^backbone\.stem\.(0|conv)\.", 10.0),
    (
        r"\.blocks\.(\d+)\.conv2\.(pointwise_conv\.)?conv\.",
        0.8,
    ),  # further divided by sqrt(number of the block)
    (r"\.attention\.fc\.", 0.1),
    (r"\.final_conv\.", 1.65),
    (r"\.branch_[13]x[13]\.", 1.0),
    (r"^neck\.(fpn|pan)_blocks\.\d+\.conv[12]\.", 1.0),
    (r"^neck\.input_proj\.2\.", 0.06),
    (r"^neck\.(input_proj|projector)\.", 1.0),
    (r"\.in_proj_weight$", 0.7),
    (r"(out_proj|\.ffn\.)", 1.0),
    (r"\.gau\.", 1.0),
    (r"\.pose_to_kpts\.", 0.4),
    (r"\.(x_fc|y_fc)\.", 0.12),
    (r"\.rtm_cls\.", 0.5),
    (r"head\..*(rtm_reg|out_bbox|multi_level_conv_\w+)\.", 0.1),
    (r"head\..*out_\w+\.", 0.2),
    (r"^head\.(cls_[xyz]|mlp|mlp2)\.", 1.0),
    (r"", 1.42),
]

# Mean of a bias, likewise.
OFFSETS: list[tuple[str, float]] = [
    (r"\.attention\.fc\.bias$", 1.5),
    (r"^head\.final_layer2?\.bn\.bias$", 0.5),
    (r"\.(out_cls|rtm_cls|multi_level_conv_cls)\.\d+\.bias$", -2.0),
    (r"\.rtm_reg\.\d+\.bias$", 1.5),
    (r"\.(out_bbox|multi_level_conv_reg)\.\d+\.bias$", 1.0),
    (r"", 0.0),
]


def fill_value(key: str, shape: tuple[int, ...]) -> np.ndarray | None:
    """The value of one entry, float32 (counters int64); None for one that stays as it is."""
    leaf = key.rsplit(".", 1)[-1]
    if leaf in COMPUTED:
        return None
    if leaf == "num_batches_tracked":
        return np.zeros(shape, np.int64)
    key = COPY.sub(r"\1.0\2", key)
    seed = zlib.crc32(key.encode("ascii"))
    noise = np.random.default_rng(seed).standard_normal(shape)  # float64, C order
    mean, std = _moments(key, leaf, shape)
    if leaf == "running_var":
        noise = np.abs(noise)
    return np.asarray(mean + std * noise, np.float32)


def fill_state_dict(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """A new state dict with the same keys, shapes and types, each entry with its value."""
    filled = {}
    for key, old in state.items():
        value = fill_value(key, tuple(old.shape))
        filled[key] = old.clone() if value is None else torch.from_numpy(value).to(old.dtype)
    return filled


def golden_input(name: str, shape: tuple[int, int, int, int]) -> Tensor:
    """Normalised pictures (N, C, H, W), float32: six plane waves and noise a channel; they go in as they are."""
    rng = np.random.default_rng(zlib.crc32(f"input:{name}".encode("ascii")))
    n, c, h, w = shape
    y = np.arange(h, dtype=np.float64)[:, None] / h
    x = np.arange(w, dtype=np.float64)[None, :] / w
    pictures = np.zeros(shape, np.float64)
    for plane in pictures.reshape(n * c, h, w):
        for _ in range(6):
            fx, fy = rng.uniform(-6, 6), rng.uniform(-6, 6)
            phase, amplitude = rng.uniform(0, 2 * np.pi), rng.uniform(0.2, 0.8)
            plane += amplitude * np.sin(2 * np.pi * (fx * x + fy * y) + phase)
        plane += rng.uniform(-0.8, 0.8, (h, w))
    return torch.from_numpy(pictures.astype(np.float32))


def golden_error(golden: Any, name: str, tensor: Tensor) -> float:
    """The largest difference of a tensor from a golden one, in units of the golden one's standard deviation.

    A golden tensor is stored whole or at some flat indices. One of a single element has no deviation; its own
    value is the unit then.
    """
    got = tensor.detach().cpu().double().numpy()
    expected_shape = tuple(golden[f"{name}.shape"])
    if got.shape != expected_shape:
        raise AssertionError(f"{name}: shape {got.shape}, expected {expected_shape}")
    if f"{name}.full" in golden:
        got, want = got.ravel(), golden[f"{name}.full"].ravel()
    else:
        got, want = got.ravel()[golden[f"{name}.idx"]], golden[f"{name}.val"]
    unit = float(golden[f"{name}.stats"][1]) if tensor.numel() > 1 else abs(float(want[0]))
    return float(np.abs(got - want).max() / max(unit, 1e-12))


def _moments(key: str, leaf: str, shape: tuple[int, ...]) -> tuple[float, float]:
    """Mean and standard deviation of an entry."""
    vector = len(shape) <= 1
    if leaf == "running_mean":
        return 0.0, 0.1
    if leaf == "running_var":
        return 1.0, 0.1
    if key.endswith("sigma_fc.2.scale"):
        return 0.1, 0.01
    if key.endswith(".norms.1.weight"):
        return 8.0, 0.8
    if vector and leaf in ("weight", "g", "scale"):
        return 1.0, 0.1
    special = {"gamma": (0.5, 0.1), "beta": (0.0, 0.1), "w": (0.0, 0.2), "pos_enc": (0.0, 0.3)}
    if leaf in special:
        return special[leaf]
    if len(shape) == 1 and leaf.endswith("bias"):
        return next(offset for pattern, offset in OFFSETS if re.search(pattern, key)), 0.1
    if len(shape) < 2:
        raise KeyError(key)
    pattern, gain = next(row for row in GAINS if re.search(row[0], key))
    block = re.search(pattern, key) if r"blocks\.(\d+)" in pattern else None
    if block is not None:
        gain /= (int(block[1]) + 1) ** 0.5
    return 0.0, gain / float(np.prod(shape[1:])) ** 0.5
