"""RTMO's dynamic coordinate classifier in numpy (arXiv 2312.07526, section 3.3): a pose vector becomes key points.

Bins are laid over each person's own box, told to the network by sines relative to the cell that found the person,
and a point is the expectation of the absolute bins. It runs for the cells that survive suppression alone.

Names: n people, P pose channels, K key points, D feature channels, X and Y bins along the axes. The same in torch,
for training and export, is `rtmcli.networks.dcc`.
"""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from rtmcli.arrays import BoolArray, FloatArray

BOX_PADDING = 1.25  # bins span 1.25 times the box
NORM_EPS = 1e-5


def decode(
    weights: Mapping[str, FloatArray],
    pose: FloatArray,
    boxes: FloatArray,
    cells: FloatArray,
    *,
    kept: npt.NDArray[np.integer] | BoolArray | None = None,
) -> FloatArray:
    """Key points (n, K, 2) in input pixels.

    Args:
        weights: the classifier's part of a state dict, keys as published without `head.dcc.`.
        pose: (N, P) pose vectors; boxes: (N, 4) as decoded, not clamped; cells: (N, 2) centres of the cells.
        kept: which of the N to decode, in this order; all by default.
    """
    if kept is not None:
        pose, boxes, cells = pose[kept], boxes[kept], cells[kept]
    x_rel, y_rel = relative_bins(weights, boxes, cells)
    x_logits, y_logits = classify(weights, pose, x_rel, y_rel)
    bins_x, bins_y = absolute_bins(weights, boxes)
    return np.stack([expectation(x_logits, bins_x), expectation(y_logits, bins_y)], axis=-1)  # (n, K, 2)


def relative_bins(
    weights: Mapping[str, FloatArray], boxes: FloatArray, cells: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Positions (n, X) and (n, Y) of the bins, in pixels from the cell."""
    center, sides = _padded(boxes)
    return _bins(weights, center - cells, sides)


def absolute_bins(weights: Mapping[str, FloatArray], boxes: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Positions (n, X) and (n, Y) of the bins, in input pixels."""
    return _bins(weights, *_padded(boxes))


def sine_encoding(weights: Mapping[str, FloatArray], positions: FloatArray) -> FloatArray:
    """(...) positions to (..., D): cosines, then sines, of p / 300^(i / half); the divisors come as `spe.dim_t`."""
    angle = positions[..., None] / weights["spe.dim_t"]  # (..., half)
    return np.concatenate([np.cos(angle), np.sin(angle)], axis=-1)


def classify(
    weights: Mapping[str, FloatArray], pose: FloatArray, x_rel: FloatArray, y_rel: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Logits (n, K, X) and (n, K, Y) over bins at (n, X) and (n, Y) pixels from the cell."""
    tokens = keypoint_features(weights, pose)  # (n, K, D)
    x = _linear(sine_encoding(weights, x_rel), weights, "x_fc")  # (n, X, D)
    y = _linear(sine_encoding(weights, y_rel), weights, "y_fc")  # (n, Y, D)
    return tokens @ x.swapaxes(1, 2), tokens @ y.swapaxes(1, 2)


def keypoint_features(weights: Mapping[str, FloatArray], pose: FloatArray) -> FloatArray:
    """Pose vectors (n, P) to refined key point features (n, K, D)."""
    points, channels = weights["pos_enc"].shape
    flat = _linear(pose, weights, "pose_to_kpts.0")  # (n, K D)
    if "pose_to_kpts.1.weight" in weights:
        norm = {k: weights[f"pose_to_kpts.1.{k}"] for k in ("weight", "bias", "running_mean", "running_var")}
        flat = (flat - norm["running_mean"]) / np.sqrt(norm["running_var"] + NORM_EPS)
        flat = flat * norm["weight"] + norm["bias"]
    return _gated_unit(weights, flat.reshape(-1, points, channels))


def expectation(logits: FloatArray, bins: FloatArray) -> FloatArray:
    """The mean bin position (n, K) under the softmax of logits (n, K, B); bins (n, B)."""
    clamped = np.clip(logits, -5e4, 5e4)
    powers = np.exp(clamped - clamped.max(axis=-1, keepdims=True))
    probabilities = powers / (powers.sum(axis=-1, keepdims=True) + 1e-8)
    return (probabilities * bins[:, None]).sum(axis=-1)


def sigmas(weights: Mapping[str, FloatArray], pose: FloatArray) -> FloatArray:
    """Predicted uncertainty (n, K) of each key point: how wide the training's targets are."""
    return _sigmoid(_linear(pose, weights, "sigma_fc.0")) * weights["sigma_fc.2.scale"]


def targets(keypoints: FloatArray, areas: FloatArray, spread: FloatArray, bins: FloatArray) -> FloatArray:
    """Target vectors (n, K, B) along one axis: Laplace bumps as wide as the predicted sigma says.

    Args:
        keypoints: (n, K) positions along the axis; areas: (n,) square pixels; spread: (n, K) of `sigmas`.
        bins: (n, B) of `absolute_bins`.
    """
    width = np.maximum(np.sqrt(areas), 1)[:, None, None]
    narrow = np.maximum(spread, 1e-3)[..., None]  # (n, K, 1)
    return np.exp(-np.abs(keypoints[..., None] - bins[:, None]) / width / narrow / 2) / narrow


def _padded(boxes: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Centre and padded width and height of boxes, (n, 2) each."""
    return (boxes[:, :2] + boxes[:, 2:]) * 0.5, (boxes[:, 2:] - boxes[:, :2]) * BOX_PADDING


def _bins(
    weights: Mapping[str, FloatArray], center: FloatArray, sides: FloatArray
) -> tuple[FloatArray, FloatArray]:
    x = weights["x_bins"] * sides[:, :1] + center[:, :1]  # (n, X)
    y = weights["y_bins"] * sides[:, 1:] + center[:, 1:]  # (n, Y)
    return x, y


def _gated_unit(weights: Mapping[str, FloatArray], x: FloatArray) -> FloatArray:
    """The gated attention unit over key points (n, K, D), with RTMO's learned position added to q and k."""
    width = x.shape[-1]
    norm = np.sqrt((x**2).sum(axis=-1, keepdims=True) / width)
    mixed = _silu((x / np.maximum(norm, 1e-5) * weights["gau.ln.g"]) @ weights["gau.uv.weight"].T)
    gates = weights["gau.o.weight"].shape[1]  # e
    u, v, base = np.split(mixed, [gates, 2 * gates], axis=-1)  # (n, K, e) twice, (n, K, s)
    q, k = (
        base * weights["gau.gamma"][i] + weights["gau.beta"][i] + weights["pos_enc"] for i in (0, 1)
    )  # (n, K, s) each
    attention = np.maximum(q @ k.swapaxes(1, 2) / np.sqrt(base.shape[-1]), 0) ** 2  # (n, K, K)
    mixed = (u * (attention @ v)) @ weights["gau.o.weight"].T
    return weights["gau.res_scale.scale"] * x + mixed


def _linear(x: FloatArray, weights: Mapping[str, FloatArray], name: str) -> FloatArray:
    return x @ weights[f"{name}.weight"].T + weights[f"{name}.bias"]


def _sigmoid(x: FloatArray) -> FloatArray:
    return 0.5 * (1 + np.tanh(0.5 * x))


def _silu(x: FloatArray) -> FloatArray:
    return x * _sigmoid(x)
