"""The One-Euro filter: Casiez, Roussel, Vogel, "1 EUR filter", CHI 2012.

A low-pass filter whose cutoff grows with speed: slow motion is smoothed hard, fast motion follows with little lag.
"""

from typing import Literal

import numpy as np
import numpy.typing as npt

from rtmcli.arrays import BoolArray, Float64Array

# Which value the derivative is taken from: the last filtered one (the paper) or the last raw one (its authors' later
# code). "norm" is the paper's with one speed for all coordinates of a vector, its length (mmdeploy's tracker).
Variant = Literal["filtered", "raw", "norm"]


def alpha(dt: Float64Array | float, cutoff: Float64Array | float) -> Float64Array:
    """The share of a new value in an exponential average, for a cutoff in hertz after `dt` seconds (section 3)."""
    return np.asarray(1.0 / (1.0 + 1.0 / (2 * np.pi * cutoff * dt)))


class OneEuro:
    """The filter of one signal, a number or an array of any shape; "norm" takes the last axis as a vector.

    Args:
        min_cutoff: cutoff at rest in hertz: lower is smoother, and slower to start.
        beta: how much the cutoff grows with speed: higher lags less in fast motion.
        d_cutoff: cutoff of the speed itself in hertz.
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
        self.min_cutoff = min_cutoff
        self.beta = beta
        self.d_cutoff = d_cutoff
        self.variant = variant
        self.value: Float64Array | None = None
        self._raw: Float64Array | None = None
        self._speed: Float64Array | None = None

    def __call__(
        self,
        value: npt.ArrayLike,
        dt: Float64Array | float,
        *,
        unit: float = 1.0,
        weight: Float64Array | float = 1.0,
    ) -> Float64Array:
        """The filtered value, `dt` seconds after the last; the first value comes back as it is.

        Args:
            value: the signal's new value.
            dt: seconds, one number or an array that broadcasts with the value.
            unit: what a speed of 1 is, in the signal's own units a second: it makes `beta` free of scale.
            weight: in [0, 1], how much the new value may move the filter; broadcasts with the value.
        """
        raw = np.asarray(value, dtype=np.float64)
        if self.value is None or self._raw is None or self._speed is None:
            self.value = self._raw = raw
            self._speed = np.zeros_like(raw)
            return raw
        before = self._raw if self.variant == "raw" else self.value
        share = alpha(dt, self.d_cutoff) * weight
        self._speed = share * ((raw - before) / dt) + (1 - share) * self._speed
        fast: Float64Array = np.abs(self._speed)
        if self.variant == "norm":
            fast = np.sqrt((self._speed**2).sum(axis=-1, keepdims=True))
        share = alpha(dt, self.min_cutoff + self.beta / unit * fast) * weight
        self.value = share * raw + (1 - share) * self.value
        self._raw = raw
        return self.value

    def restart(self, where: BoolArray, value: Float64Array) -> None:
        """Forget the signal where the mask (the value's shape without its last axis) says so: go on from `value`."""
        if self.value is None or self._raw is None or self._speed is None:
            return
        mask = where[..., None]
        self.value = np.where(mask, value, self.value)
        self._raw = np.where(mask, value, self._raw)
        self._speed = np.where(mask, 0.0, self._speed)
