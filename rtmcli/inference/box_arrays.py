"""Boxes that people give as plain arrays, checked and as instances."""

from collections.abc import Sequence
from typing import Any, TypeGuard

import numpy as np
import numpy.typing as npt

from rtmcli.errors import UsageError
from rtmcli.records.frame import Instance

# (N, 4) x1, y1, x2, y2 in pixels of the image: an array, or rows of numbers.
Boxes = npt.NDArray[Any] | Sequence[Sequence[float]]
# The people of one image.
People = Sequence[Instance] | Boxes


def as_instances(people: People) -> list[Instance]:
    """The people of one image: instances as they are, and an instance with label "person" for each box of an array.

    Raises:
        UsageError: an array that is not (N, 4), or a box that is not finite or has no area.
    """
    if _are_instances(people):
        return list(people)
    try:
        boxes = np.asarray(people, np.float64)
    except (TypeError, ValueError):
        raise UsageError("boxes must be numbers x1, y1, x2, y2 in rows (N, 4), or instances") from None
    if boxes.size == 0:
        return []
    if boxes.ndim != 2 or boxes.shape[1] != 4:
        raise UsageError(
            f"boxes must be (N, 4): x1, y1, x2, y2 in pixels for each; got an array of shape {boxes.shape}"
        )
    for number, box in enumerate(boxes):
        x1, y1, x2, y2 = box.tolist()
        if not np.isfinite(box).all():
            raise UsageError(f"box {number} is {box.tolist()}; its corners must be finite numbers")
        if x2 <= x1 or y2 <= y1:
            raise UsageError(
                f"box {number} is {box.tolist()}: x2 must exceed x1 and y2 must exceed y1; boxes are two corners, "
                "not a corner and a size"
            )
    return [Instance(label="person", box=box) for box in boxes.astype(np.float32)]


def _are_instances(people: People) -> TypeGuard[Sequence[Instance]]:
    return not isinstance(people, np.ndarray) and all(isinstance(one, Instance) for one in people)
