"""The interface of every runtime: named numpy arrays in, named numpy arrays out.

An engine holds one model file, opened for one device at one precision. It can be called from several threads at
once. It never falls back: a device or precision that cannot be had is an error when the engine is opened.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from rtmcli.errors import UsageError
from rtmcli.zoo.card import Card

Arrays = dict[str, npt.NDArray[Any]]

PRECISIONS = ("float32", "float16", "bfloat16", "int8")


@dataclass(frozen=True, slots=True)
class Port:
    """One input or output of a model.

    Attributes:
        name: the tensor's name in the file.
        shape: sizes; None where the file leaves a size dynamic (the batch).
        dtype: numpy's name of the element type.
    """

    name: str
    shape: tuple[int | None, ...]
    dtype: str


class Engine(Protocol):
    """A model that is ready to run.

    Attributes:
        card: the card in the model file's metadata, None where it has none.
        inputs, outputs: the file's ports, in its own order.

    Example:
        import numpy as np

        from rtmcli import find_model, open_engine

        engine = open_engine(find_model("rtmpose-t"), threads=1)
        height, width = engine.inputs[0].shape[1:3]
        outputs = engine({"image": np.zeros((1, height, width, 3), np.uint8)})
        print(outputs["keypoints"].shape)
    """

    card: Card | None
    inputs: list[Port]
    outputs: list[Port]

    def __call__(self, feeds: Arrays, names: Sequence[str] | None = None) -> Arrays:
        """Run once.

        Args:
            feeds: an array for each of `inputs`.
            names: the outputs to return; all of them by default.
        """
        ...

    def facts(self) -> dict[str, Any]:
        """What is in use: engine, version, device, precision, threads."""
        ...


def check_precision(precision: str) -> str:
    """The precision itself. Raises UsageError for an unknown one."""
    if precision not in PRECISIONS:
        raise UsageError(f"unknown precision {precision!r}; expected one of {', '.join(PRECISIONS)}")
    return precision


def split_device(device: str) -> tuple[str, int]:
    """`cuda:1` -> ("cuda", 1), `cpu` -> ("cpu", 0). Raises UsageError for an index that is not a number."""
    kind, _, index = device.partition(":")
    if index and not index.isdigit():
        raise UsageError(f"cannot read the device {device!r}; write cpu, cuda or cuda:1")
    return kind, int(index or 0)


def non_finite(outputs: Arrays) -> str | None:
    """The name of an output that contains NaN or infinity, None where all are finite."""
    for name, value in outputs.items():
        if value.dtype.kind == "f" and not np.isfinite(value).all():
            return name
    return None
