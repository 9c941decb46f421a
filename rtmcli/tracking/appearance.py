"""How alike the clothes of two people are, by the key `appearance` of their instances (`rtmcli.records.appearance`)."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from rtmcli.arrays import BoolArray, Float64Array
from rtmcli.errors import DataError
from rtmcli.records.appearance import BINS, KEY, LENGTH, PARTS, appearance_of
from rtmcli.records.frame import Frame

# On real clips the median distance of two detections of one person is .01 to .09, of two people .08 to .48.
_ALIKE = 0.12
_MARGIN = 0.12


def frame_appearances(frame: Frame, places: Sequence[int]) -> Float64Array | None:
    """(P, LENGTH) of the instances at these places of the frame, NaN where unknown; None where none has one.

    Raises DataError that names the frame and the instance where a record's value is not of the form.
    """
    found: Float64Array | None = None
    for row, at in enumerate(places):
        extra = frame.instances[at].extra
        if KEY not in extra:
            continue
        try:
            one = appearance_of(extra[KEY])
        except ValueError as error:
            raise DataError(f"{frame.source}, frame {frame.frame}, instances[{at}]: {error}") from None
        if one is not None:
            if found is None:
                found = np.full((len(places), LENGTH), np.nan)
            found[row] = one
    return found


@dataclass(slots=True)
class MeanAppearance:
    """The mean of many appearances; a part counts where it was seen."""

    total: Float64Array = field(default_factory=lambda: np.zeros(LENGTH))
    count: Float64Array = field(default_factory=lambda: np.zeros(LENGTH))

    def add(self, appearance: Float64Array) -> None:
        self.total += np.nan_to_num(appearance)
        self.count += ~np.isnan(appearance)

    def mean(self) -> Float64Array:
        """(LENGTH,), NaN in a part never seen."""
        return np.asarray(
            np.divide(self.total, self.count, out=np.full(LENGTH, np.nan), where=self.count > 0)
        )


def appearance_distance(a: Float64Array, b: Float64Array) -> Float64Array:
    """(A, B) distances in [0, 1] of appearances (A, LENGTH) and (B, LENGTH); NaN where no part is known of both.

    A part's distance is 1 less the Bhattacharyya coefficient, the sum over the bins of sqrt(a b): the square of the
    Hellinger distance. Parts known of both count alike.
    """
    root_a, root_b = (np.sqrt(x).reshape(len(x), PARTS, BINS) for x in (a, b))
    known_a, known_b = ~np.isnan(root_a[..., 0]), ~np.isnan(root_b[..., 0])  # (A, PARTS), (B, PARTS)
    alike = np.einsum("apk,bpk->ab", np.nan_to_num(root_a), np.nan_to_num(root_b))  # summed over the parts
    both = known_a.astype(np.float64) @ known_b.T.astype(np.float64)  # (A, B) parts known of both
    result: Float64Array = 1 - np.divide(alike, both, out=np.full_like(both, np.nan), where=both > 0)
    return np.clip(result, 0, 1)


def distinctly_alike(distance: Float64Array) -> BoolArray:
    """Which pairs (A, B) are alike while neither of the two is nearly as much like anybody else."""
    known = np.where(np.isnan(distance), np.inf, distance)
    rows, columns = _second_least(known.T).T, _second_least(known)
    others = np.minimum(rows, columns)  # (A, B) the least distance of either to a third
    return (known <= _ALIKE) & (others >= known + _MARGIN)


def _second_least(values: Float64Array) -> Float64Array:
    """(A, B): the least of the other values in the row."""
    if values.shape[1] < 2:
        return np.full_like(values, np.inf)
    ordered = np.sort(values, axis=1)[:, :2]
    return np.where(values == ordered[:, :1], ordered[:, 1:], ordered[:, :1])
