"""Identity metrics (Ristani et al., "Performance Measures and a Data Set for Multi-Target, Multi-Camera Tracking",
ECCV 2016 workshops), equal to TrackEval's `identity.py`.

True and found tracks are paired one to one over the whole sequence, so that as many detections as possible carry
the right identity.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rtmcli.metrics.tracks import TrackSequence
from rtmcli.tracking.assignment import assign


@dataclass(frozen=True, slots=True)
class Identity:
    """Detections with the right identity (tp), true ones without (fn), found ones without (fp)."""

    tp: int
    fn: int
    fp: int

    def figures(self) -> dict[str, float]:
        """IDF1, IDP (precision), IDR (recall), in [0, 1]."""
        return {
            "IDF1": self.tp / max(1.0, self.tp + 0.5 * self.fp + 0.5 * self.fn),
            "IDP": self.tp / max(1, self.tp + self.fp),
            "IDR": self.tp / max(1, self.tp + self.fn),
        }


def identity(sequence: TrackSequence, *, threshold: float = 0.5) -> Identity:
    """Identity metrics of one sequence; two detections agree at `threshold` similarity or more."""
    together = np.zeros((sequence.truth_ids, sequence.found_ids))  # frames in which both tracks agree
    for frame in sequence.frames:
        together[np.ix_(frame.truth, frame.found)] += frame.similarity >= threshold
    tp = int(sum(together[pair] for pair in assign(together, together > 0)))
    truth_count, found_count = sequence.counts()
    return Identity(tp, int(truth_count.sum()) - tp, int(found_count.sum()) - tp)


def combine_identity(parts: Sequence[Identity]) -> Identity:
    """The counts of several sequences together."""
    return Identity(sum(p.tp for p in parts), sum(p.fn for p in parts), sum(p.fp for p in parts))
