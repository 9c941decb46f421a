"""HOTA, higher order tracking accuracy (Luiten et al., "HOTA: A Higher Order Metric for Evaluating Multi-Object
Tracking", IJCV 2021), equal to TrackEval's `hota.py`.

At each similarity threshold alpha, true and found people of a frame are matched one to one. DetA is the Jaccard index
of detections. AssA averages, over all matches, the Jaccard index of the two tracks that the match belongs to. HOTA is
their geometric mean, averaged over the thresholds .05, .10, ..., .95.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rtmcli.arrays import FloatArray
from rtmcli.metrics.tracks import EPSILON, TrackSequence
from rtmcli.tracking.assignment import assign

ALPHAS = np.arange(0.05, 0.99, 0.05)  # 19 of them


@dataclass(frozen=True, slots=True)
class Hota:
    """The parts of HOTA at each of `ALPHAS`, all (19,). `figures` gives the means over the thresholds."""

    tp: FloatArray
    fn: FloatArray
    fp: FloatArray
    ass_a: FloatArray
    ass_re: FloatArray
    ass_pr: FloatArray
    loc_a: FloatArray

    @property
    def det_re(self) -> FloatArray:
        return self.tp / np.maximum(1, self.tp + self.fn)

    @property
    def det_pr(self) -> FloatArray:
        return self.tp / np.maximum(1, self.tp + self.fp)

    @property
    def det_a(self) -> FloatArray:
        return self.tp / np.maximum(1, self.tp + self.fn + self.fp)

    @property
    def hota(self) -> FloatArray:
        return np.sqrt(self.det_a * self.ass_a)

    def figures(self) -> dict[str, float]:
        """HOTA, DetA, AssA, DetRe, DetPr, AssRe, AssPr, LocA: means over the thresholds, in [0, 1]."""
        curves = {
            "HOTA": self.hota,
            "DetA": self.det_a,
            "AssA": self.ass_a,
            "DetRe": self.det_re,
            "DetPr": self.det_pr,
            "AssRe": self.ass_re,
            "AssPr": self.ass_pr,
            "LocA": self.loc_a,
        }
        return {name: float(curve.mean()) for name, curve in curves.items()}


def hota(sequence: TrackSequence) -> Hota:
    """HOTA of one sequence."""
    truth_count, found_count = sequence.counts()
    alignment = _global_alignment(sequence, truth_count, found_count)
    count = len(ALPHAS)
    tp, fn, fp, loc = (np.zeros(count) for _ in range(4))
    matches = np.zeros((count, sequence.truth_ids, sequence.found_ids))
    for frame in sequence.frames:
        # Global alignment first, then similarity: one matching serves all thresholds.
        worth = alignment[np.ix_(frame.truth, frame.found)] * frame.similarity
        pairs = assign(worth, worth > 0)
        rows, columns = (np.array([pair[side] for pair in pairs], np.intp) for side in (0, 1))
        similar = frame.similarity[rows, columns]
        reached = similar >= ALPHAS[:, None] - EPSILON  # (19, pairs)
        hits = reached.sum(axis=1)
        tp += hits
        fn += len(frame.truth) - hits
        fp += len(frame.found) - hits
        loc += (reached * similar).sum(axis=1)
        matches[:, frame.truth[rows], frame.found[columns]] += reached
    union = np.maximum(1, truth_count[:, None] + found_count[None] - matches)

    def over_matches(share: FloatArray) -> FloatArray:
        return np.asarray((matches * share).sum(axis=(1, 2)) / np.maximum(1, tp))

    return Hota(
        tp,
        fn,
        fp,
        ass_a=over_matches(matches / union),
        ass_re=over_matches(matches / np.maximum(1, truth_count)[:, None]),
        ass_pr=over_matches(matches / np.maximum(1, found_count)[None]),
        loc_a=np.maximum(1e-10, loc) / np.maximum(1e-10, tp),
    )


def combine_hota(parts: Sequence[Hota]) -> Hota:
    """HOTA of several sequences together: detections are summed, the rest is weighted by true positives."""
    tp = np.sum([part.tp for part in parts], axis=0)

    def weighted(name: str) -> FloatArray:
        total = np.sum([getattr(part, name) * part.tp for part in parts], axis=0)
        return np.asarray(total / np.maximum(1, tp))

    return Hota(
        tp,
        fn=np.sum([part.fn for part in parts], axis=0),
        fp=np.sum([part.fp for part in parts], axis=0),
        ass_a=weighted("ass_a"),
        ass_re=weighted("ass_re"),
        ass_pr=weighted("ass_pr"),
        loc_a=weighted("loc_a"),
    )


def _global_alignment(
    sequence: TrackSequence, truth_count: FloatArray, found_count: FloatArray
) -> FloatArray:
    """(truth_ids, found_ids): how well two tracks fit over the whole sequence, a soft Jaccard index."""
    shared = np.zeros((sequence.truth_ids, sequence.found_ids))
    for frame in sequence.frames:
        similar = frame.similarity
        rest = similar.sum(axis=0, keepdims=True) + similar.sum(axis=1, keepdims=True) - similar
        share = np.divide(similar, rest, out=np.zeros_like(similar), where=rest > EPSILON)
        shared[np.ix_(frame.truth, frame.found)] += share
    return np.asarray(shared / (truth_count[:, None] + found_count[None] - shared))
