"""Tracks against true tracks: what HOTA, CLEAR and the identity metrics are computed from. Numpy alone."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from rtmcli.arrays import FloatArray, IndexArray
from rtmcli.errors import DataError

# A similarity this far below a threshold still reaches it: TrackEval's guard against rounding.
EPSILON = float(np.finfo(np.float64).eps)


@dataclass(frozen=True, slots=True)
class TrackFrame:
    """One frame of a sequence.

    Attributes:
        truth: ids of the true people, (G,), from 0 without gaps in a sequence.
        found: ids of the tracker's people, (T,), likewise.
        similarity: (G, T) in [0, 1]: IoU of boxes, or OKS of poses.
    """

    truth: IndexArray
    found: IndexArray
    similarity: FloatArray


@dataclass(frozen=True, slots=True)
class TrackSequence:
    """All frames of one video, with the number of true and of found ids."""

    name: str
    frames: Sequence[TrackFrame]
    truth_ids: int
    found_ids: int

    def counts(self) -> tuple[FloatArray, FloatArray]:
        """In how many frames each true id and each found id occurs: (truth_ids,), (found_ids,)."""
        return (
            _occurrences([frame.truth for frame in self.frames], self.truth_ids),
            _occurrences([frame.found for frame in self.frames], self.found_ids),
        )


def make_sequence(
    name: str, frames: Iterable[tuple[Sequence[int], Sequence[int], FloatArray]]
) -> TrackSequence:
    """A sequence from (true ids, found ids, similarity) of each frame; ids may be any integers.

    Raises:
        DataError: an id occurs twice in a frame.
    """
    truth_index: dict[int, int] = {}
    found_index: dict[int, int] = {}
    made = []
    for number, (truth, found, similarity) in enumerate(frames):
        for whose, ids in (("truth", truth), ("tracks", found)):
            if len(set(ids)) < len(ids):
                twice = next(i for i in ids if list(ids).count(i) > 1)
                raise DataError(f"{name}, frame {number}: id {twice} occurs twice in the {whose}")
        made.append(
            TrackFrame(
                _indices(truth, truth_index),
                _indices(found, found_index),
                np.asarray(similarity, np.float64).reshape(len(truth), len(found)),
            )
        )
    return TrackSequence(name, made, len(truth_index), len(found_index))


def _indices(ids: Sequence[int], known: dict[int, int]) -> IndexArray:
    return np.array([known.setdefault(int(i), len(known)) for i in ids], np.intp)


def _occurrences(ids: list[IndexArray], count: int) -> FloatArray:
    flat = np.concatenate(ids) if ids else np.zeros(0, np.intp)
    return np.bincount(flat, minlength=count).astype(np.float64)
