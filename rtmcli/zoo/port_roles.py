"""Which input and which outputs of a model file are which: by the official names, else by shape and position."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from rtmcli.errors import DataError

# Element types of an input that images can be converted to.
INPUT_TYPES = ("float32", "float16", "float64", "uint8")
EXPECTED = (
    "simcc_x and simcc_y (N, K, bins); dets (N, M, 5) and labels (N, M); dets and keypoints (N, M, K, 3); or "
    "rows (N, cells, 5 + classes) of YOLOX"
)


class Port(Protocol):
    """The part of `engines.base.Port` that is read here. Sizes are None where the file leaves them dynamic."""

    @property
    def name(self) -> str: ...
    @property
    def shape(self) -> tuple[int | None, ...]: ...
    @property
    def dtype(self) -> str: ...


@dataclass(frozen=True, slots=True)
class ImageInput:
    """The input of a network: images of one layout, in batches of a fixed or (None) dynamic size."""

    name: str
    layout: Literal["nchw", "nhwc"]
    dtype: str
    batch: int | None
    height: int | None
    width: int | None


def image_input(path: Path, inputs: Sequence[Port]) -> ImageInput:
    """The input that takes the images.

    Raises DataError for a file with several inputs, or whose input is no batch of 3-channel images.
    """
    if len(inputs) != 1:
        names = ", ".join(port.name for port in inputs) or "none"
        raise DataError(f"{path}: has {len(inputs)} inputs ({names}); expected one, a batch of images")
    (port,) = inputs
    shape = port.shape
    if len(shape) != 4 or (3 not in (shape[1], shape[3]) and None not in (shape[1], shape[3])):
        raise DataError(
            f"{path}: its input {port.name} has the shape {describe(port)}; expected images, "
            "(N, 3, H, W) or (N, H, W, 3)"
        )
    if port.dtype not in INPUT_TYPES:
        raise DataError(
            f"{path}: its input {port.name} has elements of type {port.dtype}; expected {', '.join(INPUT_TYPES)}"
        )
    if shape[3] == 3 and shape[1] != 3:
        return ImageInput(port.name, "nhwc", port.dtype, shape[0], shape[1], shape[2])
    return ImageInput(port.name, "nchw", port.dtype, shape[0], shape[2], shape[3])


def output_roles(
    path: Path, outputs: Sequence[Port], *, size: tuple[int | None, int | None] = (None, None)
) -> dict[str, Port]:
    """The outputs by the name that the official exports give them.

    Args:
        size: (width, height) of the input where it is known; it tells the vectors of x from those of y.

    Returns:
        `simcc_x`, `simcc_y`[, `simcc_z`]; `dets`, `labels`; `dets`, `keypoints`; or `rows` of an undecoded YOLOX.

    Raises:
        DataError: the outputs are of no model that is known here.
    """
    named = {port.name: port for port in outputs}
    for names in (("dets", "keypoints"), ("dets", "labels"), ("simcc_x", "simcc_y", "simcc_z")):
        found: dict[str, Port] = {name: named[name] for name in names if name in named}
        if len(found) >= 2:
            return found
    # An export of a single image may lack the axis of the batch.
    boxes = [port for port in outputs if len(port.shape) in (2, 3) and port.shape[-1] in (5, None)]
    for port in boxes:
        rank = len(port.shape)
        for name, needed in (("keypoints", rank + 1), ("labels", rank - 1)):
            same = [other for other in outputs if len(other.shape) == needed]
            if same:
                return {"dets": port, name: same[0]}
    vectors = [port for port in outputs if len(port.shape) == 3 and port.shape[2] != 5]
    if len(vectors) == len(outputs) and len(outputs) in (2, 3):
        x, y, *z = vectors
        if len(z) == 0 and _is_swapped(x, y, size):
            x, y = y, x
        return {"simcc_x": x, "simcc_y": y} | ({"simcc_z": z[0]} if z else {})
    if len(outputs) == 1 and len(vectors) == 1 and (side(vectors[0], 2) or 0) > 5:
        return {"rows": vectors[0]}
    known = ", ".join(f"{port.name} {describe(port)}" for port in outputs)
    raise DataError(f"{path}: no model known here has the outputs {known}; expected {EXPECTED}")


def side(port: Port, axis: int) -> int | None:
    """A size of a port; None where it is dynamic, or where the file gives no shape at all."""
    return port.shape[axis] if -len(port.shape) <= axis < len(port.shape) else None


def describe(port: Port) -> str:
    """A shape as text, with ? for dynamic sizes: `(?, 3, 256, 192)`."""
    return f"({', '.join('?' if size is None else str(size) for size in port.shape)})"


def _is_swapped(x: Port, y: Port, size: tuple[int | None, int | None]) -> bool:
    """Whether the numbers of bins say that the first output is the vector along y."""
    width, height = size
    bins_x, bins_y = x.shape[2], y.shape[2]
    if not (width and height and bins_x and bins_y) or width == height:
        return False
    return bins_x * width == bins_y * height
