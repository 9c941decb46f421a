"""Checkpoints like the published ones, made here: the published keys, random weights, and the pickled company that
mmengine leaves beside them (numpy scalars, a history buffer with its own methods)."""

import json
import sys
from collections import OrderedDict
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import torch

KEYS = Path(__file__).parents[1] / "goldens" / "keys"


class HistoryBuffer:
    """The shape of mmengine's: arrays, a window, and a dictionary of its own bound methods."""

    def __init__(self) -> None:
        self._max_length = 1_000_000
        self._log_history = np.arange(5.0)
        self._count_history = np.ones(5, dtype=np.int64)
        self._statistics_methods = {"mean": self.mean, "max": self.mean}

    def mean(self, window: int | None = None) -> np.ndarray:
        return self._log_history.mean()


def random_state(name: str, *, seed: int = 0) -> "OrderedDict[str, torch.Tensor]":
    """The state dict of a published network with small random weights; batch norms are near identity."""
    generator = torch.Generator().manual_seed(seed)
    state = OrderedDict()
    for key, shape, dtype in json.loads((KEYS / f"{name}.json").read_text()):
        if dtype == "int64":
            state[key] = torch.tensor(1000)
        elif key.endswith(("running_var", "bn.weight", ".g")):
            state[key] = torch.rand(shape, generator=generator) * 0.5 + 0.75
        else:
            fan = max(int(np.prod(shape[1:])), 1)
            state[key] = torch.randn(shape, generator=generator) / fan**0.5
    for key in state:  # shared convolutions of an RTMDet head are one tensor under the keys of all levels
        if ".cls_convs." in key or ".reg_convs." in key:
            first = key.split("_convs.")[0] + "_convs.0." + key.split("_convs.")[1].split(".", 1)[1]
            if key.endswith("conv.weight") and "depthwise" not in key and "pointwise" not in key:
                state[key] = state[first]
    return state


def save_official(path: Path, name: str, *, dataset: str | None = None, seed: int = 0) -> None:
    """Write a `.pth` as mmengine's runner does."""
    meta: dict[str, Any] = {
        "seed": 1, "epoch": 420, "iter": np.int64(123_456), "mmengine_version": "0.7.3", "time": "20230504_010203",
        "hook_msgs": {"best_score": np.float64(0.749), "last": np.float32(0.5)},
    }  # fmt: skip
    if dataset:
        meta["dataset_meta"] = {"dataset_name": dataset, "sigmas": np.full(17, 0.05, dtype=np.float32)}
    hub = {"log_scalars": OrderedDict({"train/loss": _buffer()}), "runtime_info": {"lr": np.float64(4e-3)}}
    content = {"meta": meta, "state_dict": random_state(name, seed=seed), "message_hub": hub}
    modules = {
        part: ModuleType(part) for part in ("mmengine", "mmengine.logging", "mmengine.logging.history_buffer")
    }
    modules["mmengine.logging.history_buffer"].HistoryBuffer = _official_class()
    sys.modules.update(modules)
    try:
        torch.save(content, path)
    finally:
        for part in modules:
            del sys.modules[part]


def _official_class() -> type:
    HistoryBuffer.__module__ = "mmengine.logging.history_buffer"
    return HistoryBuffer


def _buffer() -> HistoryBuffer:
    return HistoryBuffer()
