"""The One-Euro filters of the points of many people, computed together: a row for each person."""

import numpy as np

from rtmcli.arrays import BoolArray, Float32Array, Float64Array
from rtmcli.filters.one_euro import Cutoffs, one_euro_step

# Seconds that count as the interval of two frames whose times are equal.
SHORTEST = 1e-3
_TRUST_HALVES = 0.3  # seconds until a point scored half as high counts fully


class PointFilters:
    """Filters of people who have K points of D coordinates each; a point scored below its trust moves less.

    The trust of a point is its highest score lately. All times are in seconds.
    """

    def __init__(self, points: int, dimensions: int, cutoffs: Cutoffs) -> None:
        self._cutoffs = cutoffs
        self._row_of: dict[int, int] = {}
        self._value = np.zeros((0, points, dimensions))
        self._speed = np.zeros((0, points, dimensions))
        self._trust = np.zeros((0, points))
        self._seen = np.zeros((0, points))  # -inf: never

    def smooth(
        self, ids: list[int], rows: Float32Array, now: float, max_gap: float, sizes: Float64Array
    ) -> Float32Array:
        """Smoothed rows (N, K, D + 1), coordinates and the score as it came; a row of NaN stays one.

        Args:
            ids: of N people, each once. Who is new comes back unchanged.
            max_gap: a point unseen for longer starts anew.
            sizes: (N,) of the people, in the unit of the coordinates.
        """
        known = [number in self._row_of for number in ids]
        if not all(known):
            smoothed = rows.copy()
            new = ~np.array(known)
            if any(known):
                old_ids = [number for number, old in zip(ids, known, strict=True) if old]
                smoothed[~new] = self.smooth(old_ids, rows[~new], now, max_gap, sizes[~new])
            self._start([number for number, old in zip(ids, known, strict=True) if not old], rows[new], now)
            return smoothed
        places = [self._row_of[number] for number in ids]
        # Without copies where everybody is there, in the order of the filters.
        at = slice(None) if places == [*range(len(self._seen))] else np.array(places)
        value, speed, last_trust, seen = self._value[at], self._speed[at], self._trust[at], self._seen[at]
        points, there, scores = _parts(rows)
        gap = now - seen  # (N, K)
        trust = last_trust * 0.5 ** (np.minimum(gap, max_gap) / _TRUST_HALVES)
        anew = there & (gap > max_gap)
        if anew.any():
            trust[anew], speed[anew], value[anew] = 0, 0, points[anew]
        weight = np.minimum(scores / np.maximum(trust, 1e-9), 1.0) ** 2
        trust, seen = np.maximum(trust, scores), np.where(there, now, seen)
        whole = bool(there.all())
        if not whole:
            weight, trust = np.where(there, weight, 0.0), np.where(there, trust, last_trust)
            points = np.where(there[..., None], points, value)
        value, speed = one_euro_step(
            points, value, speed, np.minimum(np.where(gap > 0, gap, SHORTEST), max_gap)[..., None], self._cutoffs,
            before=value, vector=True, unit=np.maximum(sizes, 1e-6)[:, None, None], weight=weight[..., None],
        )  # fmt: skip
        self._value[at], self._speed[at], self._trust[at], self._seen[at] = value, speed, trust, seen
        smoothed = rows.copy()
        smoothed[..., :-1] = value if whole else np.where(there[..., None], value, rows[..., :-1])
        return smoothed

    def adopt(self, number: int, other: "PointFilters") -> None:
        """Go on with the first points of a person from filters of fewer points; the other points are new."""
        row = other._row_of[number]
        count = other._seen.shape[1]
        self._start(
            [number], np.full((1, self._seen.shape[1], self._value.shape[2] + 1), np.nan, np.float32), 0.0
        )
        self._value[-1, :count], self._speed[-1, :count] = other._value[row], other._speed[row]
        self._trust[-1, :count], self._seen[-1, :count] = other._trust[row], other._seen[row]
        other.forget(number)

    def forget(self, number: int) -> None:
        """Drop the filters of a person, if there are any."""
        row = self._row_of.pop(number, None)
        if row is None:
            return
        self._row_of = {other: at - (at > row) for other, at in self._row_of.items()}
        self._value, self._speed = np.delete(self._value, row, 0), np.delete(self._speed, row, 0)
        self._trust, self._seen = np.delete(self._trust, row, 0), np.delete(self._seen, row, 0)

    def _start(self, ids: list[int], rows: Float32Array, now: float) -> None:
        points, there, scores = _parts(rows)
        for number in ids:
            self._row_of[number] = len(self._row_of)
        self._value = np.concatenate([self._value, np.where(there[..., None], points, 0.0)])
        self._speed = np.concatenate([self._speed, np.zeros_like(points)])
        self._trust = np.concatenate([self._trust, scores])
        self._seen = np.concatenate([self._seen, np.where(there, now, -np.inf)])


def _parts(rows: Float32Array) -> tuple[Float64Array, BoolArray, Float32Array]:
    """Coordinates (N, K, D), which of the points there are (N, K), and their scores, 0 where there is none."""
    points = rows[..., :-1].astype(np.float64)
    there = np.asarray(np.isfinite(points).all(axis=-1))
    return points, there, np.fmax(rows[..., -1], 0.0) * there  # fmax takes 0 for NaN
