"""The best assignment as a whole, against every permutation; assignment by stages."""

from itertools import permutations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from rtmcli.tracking.assignment import StagedMatching, assign


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


@given(st.integers(1, 6), st.integers(1, 6), st.integers(0, 10**6))
@settings(max_examples=25, deadline=None)
def test_undisputed_pairs_are_those_that_the_stages_would_find(rows: int, columns: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    values, allowed = rng.random((rows, columns)), rng.random((rows, columns)) < 0.4
    strong = allowed & (rng.random(columns) < 0.6)
    at_once, by_stages = StagedMatching(rows, columns), StagedMatching(rows, columns)
    at_once.add_undisputed(allowed)
    for matching in (at_once, by_stages):
        matching.add(values, strong)
        matching.add(values, allowed)
    pairs = [{*zip(*map(tuple, matching.result()), strict=True)} for matching in (at_once, by_stages)]
    assert pairs[0] == pairs[1]
