"""Which label each result is of, however far off: for telling people apart picture by picture."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from rtmcli.arrays import FloatArray
from rtmcli.metrics.similarity import Annotation, Group, box_groups, keypoint_groups

LEAST_SIMILAR = 1e-6  # below it a result and a label have nothing to do with each other


@dataclass(frozen=True, slots=True)
class Pair:
    """A result and the label it was paired with: the label is None, and the similarity 0, where there was none."""

    similarity: float
    label: Annotation | None


def pair_keypoints(
    truth: Mapping[str, Any], results: Sequence[Annotation], sigmas: FloatArray, *, use_area: bool = True
) -> dict[int, Pair]:
    """Each evaluated result (by index) with a label of its own, the most alike of a picture first.

    Unlike the evaluation this asks neither for a threshold nor for scores, so that it tells how far off a person
    is. Results beyond COCO's 20 a picture are left out.
    """
    return _pairs(keypoint_groups(truth, results, sigmas, use_area=use_area, part=None, images=None))


def pair_boxes(truth: Mapping[str, Any], results: Sequence[Annotation]) -> dict[int, Pair]:
    """As `pair_keypoints`, by IoU of boxes."""
    return _pairs(box_groups(truth, results))


def _pairs(classes: Iterator[list[Group]]) -> dict[int, Pair]:
    found: dict[int, Pair] = {}
    for groups in classes:
        for group in groups:
            found.update(dict.fromkeys(group.results, Pair(0.0, None)))
            similarity, crowd = group.candidates.similarity, group.candidates.crowd
            free_results, free_labels = np.ones(len(similarity), bool), np.ones(len(crowd), bool)
            for flat in np.argsort(-similarity, axis=None, kind="stable"):
                d, g = divmod(int(flat), len(crowd))
                if similarity[d, g] < LEAST_SIMILAR:
                    break
                if free_results[d] and (free_labels[g] or crowd[g]):
                    free_results[d] = free_labels[g] = False
                    found[group.results[d]] = Pair(float(similarity[d, g]), group.labels[g])
    return found
