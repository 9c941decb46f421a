"""Weights on disk: safetensors as float16, or torch's own format; read and written with torch and numpy alone."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

State = dict[str, Tensor]
TYPES = {"F16": np.float16, "F32": np.float32, "I64": np.int64}


def read_weights(path: Path) -> State:
    """The tensors of a `.safetensors` (as float32) or of a `.pt` file."""
    if path.suffix == ".safetensors":
        return read_safetensors(path)
    return torch.load(path, weights_only=True, map_location="cpu")


def read_safetensors(path: Path) -> State:
    """The tensors of a safetensors file: a JSON header of types, shapes and offsets, then the bytes."""
    data = path.read_bytes()
    length = int.from_bytes(data[:8], "little")
    found = {}
    for name, entry in json.loads(data[8 : 8 + length]).items():
        if name != "__metadata__":
            start, end = (8 + length + offset for offset in entry["data_offsets"])
            array = np.frombuffer(data[start:end], TYPES[entry["dtype"]]).reshape(entry["shape"])
            tensor = torch.from_numpy(array.copy())
            found[name] = tensor.float() if tensor.is_floating_point() else tensor
    return found


def write_safetensors(state: State, path: Path) -> None:
    """The counterpart: floating tensors as float16, int64 as it is."""
    header, parts, at = {}, [], 0
    for name, tensor in state.items():
        array = tensor.half().numpy() if tensor.is_floating_point() else tensor.numpy()
        data = np.ascontiguousarray(array).tobytes()
        kind = {"float16": "F16", "int64": "I64"}[str(array.dtype)]
        header[name] = {"dtype": kind, "shape": list(array.shape), "data_offsets": [at, at + len(data)]}
        parts.append(data)
        at += len(data)
    text = json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + b"".join(parts))


def mix(first: State, last: State, share: float) -> State:
    """The mean of two weights of one network, `share` of it `last`; whole numbers (a norm's counter) are the last's."""
    return {
        key: torch.lerp(first[key], value, share) if value.is_floating_point() else value
        for key, value in last.items()
    }
