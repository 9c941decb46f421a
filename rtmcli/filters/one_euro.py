"""The One-Euro filter: Casiez, Roussel, Vogel, "1 EUR filter", CHI 2012.

A low-pass filter whose cutoff grows with speed: slow motion is smoothed hard, fast motion follows with little lag.
"""

import math
from dataclasses import dataclass
from typing import Any, Literal, overload

import numpy as np
import numpy.typing as npt

from rtmcli.arrays import Float64Array

# Which value the derivative is taken from: the last filtered one (the paper) or the last raw one (its authors' later
# code). "norm" is the paper's with one speed for all coordinates of a vector, its length (mmdeploy's tracker).
Variant = Literal["filtered", "raw", "norm"]


@overload
def alpha(dt: float, cutoff: float) -> float: ...


@overload
def alpha(dt: Float64Array | float, cutoff: Float64Array | float) -> Any: ...


def alpha(dt: Any, cutoff: Any) -> Any:
    """The share of a new value in an exponential average, for a cutoff in hertz after `dt` seconds (section 3)."""
    return 1.0 / (1.0 + 1.0 / (2 * math.pi * cutoff * dt))


@dataclass(frozen=True, slots=True)
class Cutoffs:
    """The numbers of the filter.

    Attributes:
        min_cutoff: cutoff at rest in hertz: lower is smoother, and slower to start.
        beta: how much the cutoff grows with speed: higher lags less in fast motion.
        d_cutoff: cutoff of the speed itself in hertz.
    """

    min_cutoff: float = 1.0
    beta: float = 0.0
    d_cutoff: float = 1.0


def one_euro_step(
    raw: Float64Array,
    value: Float64Array,
    speed: Float64Array,
    dt: Float64Array | float,
    cutoffs: Cutoffs,
    *,
    before: Float64Array,
    vector: bool,
    unit: Float64Array | float = 1.0,
    weight: Float64Array | float = 1.0,
) -> tuple[Float64Array, Float64Array]:
    """The filtered value and speed, `dt` seconds after the filter gave `value` and `speed`.

    Args:
        raw: the signal's new value, an array of any shape.
        before: what the speed is counted from: `value`, or the last raw one.
        vector: whether the last axis is a vector, with one speed for all its coordinates.
        unit: what a speed of 1 is, in the signal's own units a second: it makes `beta` free of scale.
        weight: in [0, 1], how much the new value may move the filter; broadcasts with the value.
    """
    share = alpha(dt, cutoffs.d_cutoff) * weight
    speed = share * ((raw - before) / dt) + (1 - share) * speed
    fast: Float64Array = np.sqrt((speed**2).sum(axis=-1, keepdims=True)) if vector else np.abs(speed)
    share = alpha(dt, cutoffs.min_cutoff + cutoffs.beta / unit * fast) * weight
    return share * raw + (1 - share) * value, speed


class OneEuro:
    """The filter of one signal, a number or an array of any shape; "norm" takes the last axis as a vector.

    Args:
        min_cutoff, beta, d_cutoff: see `Cutoffs`.
        variant: see `Variant`.
    """

    def __init__(
        self,
        *,
        min_cutoff: float = 1.0,
        beta: float = 0.0,
        d_cutoff: float = 1.0,
        variant: Variant = "filtered",
    ) -> None:
        self._cutoffs = Cutoffs(min_cutoff, beta, d_cutoff)
        self._variant = variant
        self._value: Float64Array | None = None
        self._raw = self._speed = np.zeros(0)

    def __call__(
        self,
        value: npt.ArrayLike,
        dt: Float64Array | float,
        *,
        unit: float = 1.0,
        weight: Float64Array | float = 1.0,
    ) -> Float64Array:
        """The filtered value, `dt` seconds after the last; the first value comes back as it is.

        `dt` is one number or an array that broadcasts with the value; `unit` and `weight` as in `one_euro_step`.
        """
        raw = np.asarray(value, dtype=np.float64)
        if self._value is None:
            self._value, self._speed = raw, np.zeros_like(raw)
        else:
            self._value, self._speed = one_euro_step(
                raw, self._value, self._speed, dt, self._cutoffs,
                before=self._raw if self._variant == "raw" else self._value,
                vector=self._variant == "norm", unit=unit, weight=weight,
            )  # fmt: skip
        self._raw = raw
        return self._value
