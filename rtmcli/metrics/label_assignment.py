"""Which label each result belongs to, however far apart they are: the most similar pairs first, each once."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from rtmcli.arrays import BoolArray, FloatArray
from rtmcli.metrics.similarity import Annotation, Group, box_groups, keypoint_groups

# Below it a result and a label do not overlap.
LEAST_SIMILAR = 1e-6


@dataclass(frozen=True, slots=True)
class Pair:
    """A result and the label assigned to it; the label is None and the similarity 0 where there is none."""

    similarity: float
    label: Annotation | None


def pair_keypoints(
    truth: Mapping[str, Any], results: Sequence[Annotation], sigmas: FloatArray, *, use_area: bool = True
) -> dict[int, Pair]:
    """The pair of each evaluated result, by its index; similarity is OKS.

    Unlike COCO's matching this uses neither thresholds nor scores, so that it tells how far off a person is.
    Results beyond COCO's 20 per image are left out.
    """
    return _pairs(keypoint_groups(truth, results, sigmas, use_area=use_area, part=None, images=None))


def pair_boxes(truth: Mapping[str, Any], results: Sequence[Annotation]) -> dict[int, Pair]:
    """As `pair_keypoints`; similarity is the IoU of boxes, and 100 results per image count."""
    return _pairs(box_groups(truth, results))


def assign(similarity: FloatArray, crowd: BoolArray) -> Iterator[tuple[int, int]]:
    """Pairs of row and column of a (D, G) similarity, most similar first; each row and column once.

    A column that is a crowd (G,) is assigned any number of times.
    """
    free_rows, free_columns = np.ones(len(similarity), bool), np.ones(len(crowd), bool)
    for flat in np.argsort(-similarity, axis=None, kind="stable"):
        row, column = divmod(int(flat), len(crowd))
        if similarity[row, column] < LEAST_SIMILAR:
            return
        if free_rows[row] and (free_columns[column] or crowd[column]):
            free_rows[row] = free_columns[column] = False
            yield row, column


def _pairs(classes: Iterator[list[Group]]) -> dict[int, Pair]:
    found: dict[int, Pair] = {}
    for groups in classes:
        for group in groups:
            found.update(dict.fromkeys(group.results, Pair(0.0, None)))
            similarity = group.candidates.similarity
            for row, column in assign(similarity, group.candidates.crowd):
                found[group.results[row]] = Pair(float(similarity[row, column]), group.labels[column])
    return found
