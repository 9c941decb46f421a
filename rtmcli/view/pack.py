"""Arrays as text in the page: rounded, as differences, deflated, in base64. `page/data.js` reads them.

One deflated block holds all arrays of a clip. An array is described by its offset in the block, its length and the
width of its numbers in bytes. Differences between neighbours in time are small, and their bytes are stored by place
(all lowest bytes, then the next), so that deflate finds the zeros.
"""

import base64
import zlib
from dataclasses import dataclass, field
from typing import Any

import numpy as np

# Stands for NaN in arrays of 16 bits.
MISSING = -32768
# Scores in steps of 1/200, up to 1.27; 255 stands for NaN.
SCORE_STEPS = 200
_NO_SCORE = 255
# Of pixels: steps of 1/16, coarser where the image is too large for 16 bits, or where there is much data.
_FINEST_STEP = 1 / 16
_COARSE_STEP = 1 / 4
_MUCH = 8_000_000  # coordinates
# Times in steps of 0.1 ms: 59 hours fit into 32 bits.
TIME_STEP = 1e-4
ANGLE_STEP = 0.1  # degrees

# Offset in bytes, length, bytes of a number.
Reference = tuple[int, int, int]


@dataclass(slots=True)
class Block:
    """Collects the arrays of a clip."""

    _parts: list[bytes] = field(default_factory=list)
    _size: int = 0

    def integers(self, values: np.ndarray) -> Reference:
        """Append whole numbers (int16 or int32), stored as differences of neighbours."""
        width = values.dtype.itemsize
        flat = values.reshape(-1)
        unsigned = flat.astype(np.int64)
        differences = np.diff(unsigned, prepend=0).astype(f"<i{width}")  # wraps around, as the reader does
        planes = differences.view(np.uint8).reshape(-1, width).T  # (width, N)
        return self._append(planes.tobytes(), len(flat), width)

    def bytes(self, values: np.ndarray) -> Reference:
        """Append uint8 numbers as differences of neighbours."""
        flat = values.reshape(-1)
        return self._append(np.diff(flat, prepend=np.uint8(0)).tobytes(), len(flat), 1)

    def text(self) -> str:
        """The block in base64."""
        return base64.b64encode(zlib.compress(b"".join(self._parts), 6)).decode()

    def _append(self, data: Any, length: int, width: int) -> Reference:
        offset = self._size
        self._parts.append(data)
        self._size += len(data)
        return offset, length, width


def pixel_step(largest: float, count: int) -> float:
    """The step in pixels of `count` coordinates that reach `largest`: a power of two."""
    step = _COARSE_STEP if count > _MUCH else _FINEST_STEP
    while largest / step >= -MISSING:
        step *= 2
    return step


def to_steps(values: np.ndarray, step: float) -> np.ndarray:
    """int16 multiples of `step`; MISSING for NaN and for what lies beyond 16 bits."""
    scaled = np.round(np.asarray(values, np.float64) / step)
    good = np.abs(scaled) < -MISSING  # False for NaN
    return np.where(good, np.nan_to_num(scaled), MISSING).astype(np.int16)


def to_scores(values: np.ndarray) -> np.ndarray:
    """uint8 scores, rounded down so that a threshold in steps of 1/200 selects what the records' scores do."""
    scaled = np.floor(np.asarray(values, np.float64) * SCORE_STEPS + 1e-3)
    return np.where(np.isnan(scaled), _NO_SCORE, np.clip(np.nan_to_num(scaled), 0, _NO_SCORE - 1)).astype(
        np.uint8
    )
