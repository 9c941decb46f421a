"""The CLEAR metrics of tracking (Bernardin and Stiefelhagen, "Evaluating Multiple Object Tracking Performance: The
CLEAR MOT Metrics", EURASIP 2008), with the track quality of Li, Huang, Nevatia (CVPR 2009); equal to TrackEval's
`clear.py`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np

from rtmcli.metrics.tracks import EPSILON, TrackSequence
from rtmcli.tracking.assignment import assign


@dataclass(frozen=True, slots=True)
class Clear:
    """Counts of one sequence, or of several together.

    Attributes:
        tp, fn, fp: matched true people, missed ones, and found people without a true one.
        idsw: identity switches: a true person is matched by another id than the last time it was matched.
        frag: fragments: how often a true person is found again after not having been.
        mt, pt, ml: true tracks matched in more than 80 % of their frames, in 20 to 80 %, in less.
        similarity: sum over the matches.
        frames: frames of the sequences.
    """

    tp: int
    fn: int
    fp: int
    idsw: int
    frag: int
    mt: int
    pt: int
    ml: int
    similarity: float
    frames: int

    def figures(self) -> dict[str, float]:
        """MOTA, MOTP, recall and precision in [0, 1] (MOTA may be negative), and the counts."""
        truth = max(1, self.tp + self.fn)
        return {
            "MOTA": (self.tp - self.fp - self.idsw) / truth,
            "MOTP": self.similarity / max(1, self.tp),
            "MODA": (self.tp - self.fp) / truth,
            "CLR_Re": self.tp / truth,
            "CLR_Pr": self.tp / max(1, self.tp + self.fp),
            "IDSW": self.idsw,
            "Frag": self.frag,
            "MT": self.mt,
            "PT": self.pt,
            "ML": self.ml,
        }


def clear(sequence: TrackSequence, *, threshold: float = 0.5) -> Clear:
    """CLEAR metrics of one sequence; a match needs at least `threshold` similarity."""
    tp = fn = fp = idsw = 0
    total = 0.0
    seen, matched, starts = (np.zeros(sequence.truth_ids, np.int64) for _ in range(3))
    last = np.full(sequence.truth_ids, -1)  # found id at the last match
    current = np.full(sequence.truth_ids, -1)  # found id in the frame before
    for frame in sequence.frames:
        seen[frame.truth] += 1
        if not len(frame.truth) or not len(frame.found):
            fp += len(frame.found)
            fn += len(frame.truth)
            continue
        allowed = frame.similarity >= threshold - EPSILON
        # Who was matched a frame ago stays matched where possible.
        stays = frame.found[None] == current[frame.truth][:, None]
        pairs = assign(1000.0 * stays + frame.similarity, allowed)
        rows, columns = (np.array([pair[side] for pair in pairs], np.intp) for side in (0, 1))
        truth, found = frame.truth[rows], frame.found[columns]
        idsw += int(((last[truth] >= 0) & (last[truth] != found)).sum())
        last[truth] = found
        before = current
        current = np.full(sequence.truth_ids, -1)
        current[truth] = found
        matched[truth] += 1
        starts += (before < 0) & (current >= 0)
        tp += len(pairs)
        fn += len(frame.truth) - len(pairs)
        fp += len(frame.found) - len(pairs)
        total += float(frame.similarity[rows, columns].sum())
    share = matched[seen > 0] / seen[seen > 0]
    mt, at_least_part = int((share > 0.8).sum()), int((share >= 0.2).sum())
    return Clear(
        tp, fn, fp, idsw, int(np.maximum(starts - 1, 0).sum()),
        mt, at_least_part - mt, len(share) - at_least_part, total, len(sequence.frames),
    )  # fmt: skip


def combine_clear(parts: Sequence[Clear]) -> Clear:
    """The counts of several sequences together."""
    return Clear(**{field.name: sum(getattr(part, field.name) for part in parts) for field in fields(Clear)})
