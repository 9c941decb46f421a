"""Filters without lag, which look at the whole signal: for evenly sampled arrays (N, C)."""

from collections.abc import Callable

import numpy as np

from rtmcli.arrays import Float64Array
from rtmcli.filters.one_euro import OneEuro

_WIDEST = 100_000  # samples of a window, an hour at 30 hertz: times in a wrong unit would ask for terabytes


def butterworth(values: Float64Array, rate: float, cutoff: float) -> Float64Array:
    """A second-order Butterworth low-pass, forward and backward: fourth order, zero lag.

    The filter of biomechanics (Winter, "Biomechanics and Motor Control of Human Movement", 2009, section 3.4.4).
    `rate` and `cutoff` in hertz.
    """
    from scipy.signal import butter, filtfilt

    if cutoff >= rate / 2:
        return values
    b, a = butter(2, cutoff / (rate / 2))
    if len(values) <= 3 * max(len(a), len(b)):
        return values
    return np.asarray(filtfilt(b, a, values, axis=0))


def savitzky_golay(values: Float64Array, rate: float, cutoff: float) -> Float64Array:
    """Polynomials of third order, fitted to a moving window of 1.8 / cutoff seconds.

    With that window the filter halves the power near the cutoff (Schafer, IEEE Signal Processing Magazine 28-4, 2011).
    """
    from scipy.signal import savgol_filter

    window = _odd(1.8 / cutoff * rate)
    return (
        values if len(values) < window or window < 5 else np.asarray(savgol_filter(values, window, 3, axis=0))
    )


def median(values: Float64Array, rate: float, cutoff: float) -> Float64Array:
    """The median of a moving window of 0.6 / cutoff seconds."""
    from scipy.ndimage import median_filter

    return np.asarray(median_filter(values, size=(_odd(0.6 / cutoff * rate), 1), mode="nearest"))


def gaussian(values: Float64Array, rate: float, cutoff: float) -> Float64Array:
    """A moving average with Gaussian weights that halves the power at the cutoff."""
    from scipy.ndimage import gaussian_filter1d

    sigma = min(rate * np.sqrt(np.log(2)) / (2 * np.pi * cutoff), _WIDEST)
    return np.asarray(gaussian_filter1d(values, sigma, axis=0, mode="nearest"))


def one_euro(values: Float64Array, rate: float, cutoff: float) -> Float64Array:
    """The One-Euro filter forward and backward; `cutoff` is the one at rest."""

    def run(signal: Float64Array) -> Float64Array:
        low_pass = OneEuro(min_cutoff=cutoff, beta=0.0)
        return np.array([low_pass(row, 1 / rate) for row in signal])

    return run(run(values)[::-1])[::-1]


def kalman(values: Float64Array, rate: float, cutoff: float, scores: Float64Array) -> Float64Array:
    """The Rauch-Tung-Striebel smoother of a motion with random acceleration (AIAA Journal 3-8, 1965).

    A sample's variance is 1 / score^2, so that the signal follows sure samples and passes unsure ones by. The
    acceleration's variance is set so that the smoother's bandwidth is the cutoff where scores are 1.

    Args:
        scores: (N, C) in (0, 1]; 0 leaves a sample out.
    """
    count, dt = len(values), 1 / rate
    noise = 1 / np.clip(scores, 1e-3, 1) ** 2
    power = (2 * np.pi * cutoff) ** 4 * dt
    q11, q12, q22 = power * dt**3 / 3, power * dt**2 / 2, power * dt
    x, v = values[0].copy(), np.zeros_like(values[0])
    p11, p12, p22 = noise[0].copy(), np.zeros_like(x), np.full_like(x, 1e6)
    filtered: list[tuple[Float64Array, ...]] = []
    predicted: list[tuple[Float64Array, ...]] = []
    for k in range(count):
        if k:
            x = x + dt * v
            p11, p12, p22 = p11 + 2 * dt * p12 + dt * dt * p22 + q11, p12 + dt * p22 + q12, p22 + q22
        predicted.append((x, v, p11, p12, p22))
        innovation, total = values[k] - x, p11 + noise[k]
        g1, g2 = p11 / total, p12 / total
        x, v = x + g1 * innovation, v + g2 * innovation
        p11, p12, p22 = (1 - g1) * p11, (1 - g1) * p12, p22 - g2 * p12
        filtered.append((x, v, p11, p12, p22))
    result = np.empty_like(values)
    result[-1] = x
    for k in range(count - 2, -1, -1):
        fx, fv, f11, f12, f22 = filtered[k]
        px, pv, p11, p12, p22 = predicted[k + 1]
        # Gain: filtered covariance times the transposed motion times the inverse predicted covariance.
        a11, a12, a21, a22 = f11 + dt * f12, f12, f12 + dt * f22, f22
        determinant = p11 * p22 - p12 * p12
        c11, c12 = (a11 * p22 - a12 * p12) / determinant, (a12 * p11 - a11 * p12) / determinant
        c21, c22 = (a21 * p22 - a22 * p12) / determinant, (a22 * p11 - a21 * p12) / determinant
        dx, dv = x - px, v - pv
        x, v = fx + c11 * dx + c12 * dv, fv + c21 * dx + c22 * dv
        result[k] = x
    return result


FILTERS: dict[str, Callable[[Float64Array, float, float], Float64Array]] = {
    "butterworth": butterworth,
    "savgol": savitzky_golay,
    "median": median,
    "gaussian": gaussian,
    "oneeuro": one_euro,
}


def _odd(samples: float) -> int:
    return max(3, 2 * round((min(samples, _WIDEST) - 1) / 2) + 1)
