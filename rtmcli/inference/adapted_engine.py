"""Other people's model files behind the official contract: element types, layout, batch and names of the ports.

An export may take float16, float64 or 8-bit input, images as (N, H, W, 3), a fixed number of them, or call its
outputs by other names. `adapt` puts a conversion around such an engine; one that needs none is returned as it is.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from rtmcli.codecs.dense_decode import padded
from rtmcli.engines.base import Arrays, Engine, Port
from rtmcli.errors import RtmError
from rtmcli.zoo.port_roles import ImageInput, image_input, output_roles, side
from rtmcli.zoo.port_roles import Port as FilePort

# Element type and rank of each output under the official contract.
OUTPUTS = {
    "simcc_x": ("float32", 3),
    "simcc_y": ("float32", 3),
    "simcc_z": ("float32", 3),
    "dets": ("float32", 3),
    "labels": ("int64", 2),
    "keypoints": ("float32", 4),
    "rows": ("float32", 3),
}
# Outputs whose second axis counts what was found, so that it differs from run to run.
TABLES = ("dets", "labels", "keypoints")


def adapt(engine: Engine, path: Path) -> Engine:
    """The engine of a file without a card, or with a card of the `plain` contract, under the official contract.

    Raises DataError for a file that takes no images, or whose outputs are of no model known here.
    """
    image = image_input(path, engine.inputs)
    roles = output_roles(path, engine.outputs, size=(image.width, image.height))
    batch = _fixed_batch(image, roles)
    same_outputs = all(
        port.name == name and (port.dtype, len(port.shape)) == OUTPUTS[name] for name, port in roles.items()
    )
    if same_outputs and image.layout == "nchw" and image.dtype == "float32" and batch in (None, 1):
        return engine
    return AdaptedEngine(engine, path, image, roles, batch)


class AdaptedEngine:
    """An engine with the input `input` (N, 3, H, W) float32 and the official outputs. `adapt` makes one."""

    def __init__(
        self, engine: Engine, path: Path, image: ImageInput, roles: dict[str, FilePort], batch: int | None
    ) -> None:
        self.card = engine.card
        self.inputs = [Port("input", (None, 3, image.height, image.width), "float32")]
        self.outputs = [
            Port(name, _batched(port.shape, OUTPUTS[name][1]), OUTPUTS[name][0])
            for name, port in roles.items()
        ]
        self._engine, self._path, self._image, self._batch = engine, path, image, batch
        self._names = {name: port.name for name, port in roles.items()}

    def __call__(self, feeds: Arrays, names: Sequence[str] | None = None) -> Arrays:
        wanted = list(names) if names is not None else list(self._names)
        images = feeds["input"]  # (N, 3, H, W)
        size = self._batch or len(images)
        parts = [
            self._run(images[first : first + size], size, wanted) for first in range(0, len(images), size)
        ]
        return {name: _joined(name, [part[name] for part in parts]) for name in wanted}

    def facts(self) -> dict[str, Any]:
        return self._engine.facts()

    def _run(self, images: Any, size: int, wanted: list[str]) -> Arrays:
        """One run on `size` images or fewer, which are filled up with zeros."""
        count = len(images)
        if count < size:
            images = np.concatenate([images, np.zeros((size - count, *images.shape[1:]), images.dtype)])
        if self._image.layout == "nhwc":
            images = images.transpose(0, 2, 3, 1)
        images = np.ascontiguousarray(images, self._image.dtype)
        found = self._engine({self._image.name: images}, [self._names[name] for name in wanted])
        out: Arrays = {}
        for name in wanted:
            dtype, rank = OUTPUTS[name]
            value = np.asarray(found[self._names[name]])
            if value.ndim == rank - 1:
                value = value[None]
            if value.ndim != rank or len(value) != size:
                raise RtmError(
                    f"{self._path}: its output {self._names[name]} has the shape {value.shape} for {size} images; "
                    f"expected {rank} axes, the first of {size}"
                )
            out[name] = value[:count].astype(dtype, copy=False)
        return out


def _fixed_batch(image: ImageInput, roles: dict[str, FilePort]) -> int | None:
    """The number of images of a run, None where it is dynamic; some files fix it for the outputs alone."""
    if image.batch is not None:
        return image.batch
    if any(len(port.shape) == OUTPUTS[name][1] - 1 for name, port in roles.items()):
        return 1
    return next((size for port in roles.values() if (size := side(port, 0)) is not None), None)


def _batched(shape: tuple[int | None, ...], rank: int) -> tuple[int | None, ...]:
    """The shape with a dynamic batch in front."""
    return (None, *shape) if len(shape) == rank - 1 else (None, *shape[1:])


def _joined(name: str, parts: list[Any]) -> Any:
    """The results of several runs as one; tables of different length are padded with zeros, as in one run."""
    if len(parts) == 1:
        return parts[0]
    if name in TABLES:
        return padded([table for part in parts for table in part])
    return np.concatenate(parts)
