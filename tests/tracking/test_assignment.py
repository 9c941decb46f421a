"""The best assignment as a whole, against every permutation."""

from itertools import permutations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from rtmcli.tracking.assignment import assign


@given(st.integers(1, 5), st.integers(1, 5), st.integers(0, 10**6))
@settings(max_examples=100, deadline=None)
def test_no_assignment_is_better(rows: int, columns: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    values = rng.choice([0.1, 0.25, 0.5, 0.9], (rows, columns)) if seed % 2 else rng.random((rows, columns))
    allowed = rng.random((rows, columns)) < 0.7
    pairs = assign(values, allowed)
    assert all(allowed[pair] for pair in pairs)
    assert len({r for r, _ in pairs}) == len({c for _, c in pairs}) == len(pairs)
    usable = np.where(allowed, values, 0.0)
    wide = usable if rows <= columns else usable.T
    best = max(
        sum(wide[i, c] for i, c in enumerate(order))
        for order in permutations(range(wide.shape[1]), wide.shape[0])
    )
    assert abs(sum(values[pair] for pair in pairs) - best) < 1e-9


def test_two_fair_pairs_beat_one_good_one() -> None:
    values = np.array([[0.9, 0.6], [0.6, 0.0]])
    assert assign(values, values > 0.3) == [(0, 1), (1, 0)]


def test_nothing_allowed_is_nothing_assigned() -> None:
    assert assign(np.ones((2, 3)), np.zeros((2, 3), bool)) == []
    assert assign(np.ones((0, 3)), np.ones((0, 3), bool)) == []
