"""The assignment problem: pair rows and columns so that the sum of their values is highest."""

import numpy as np

from rtmcli.arrays import BoolArray, Float64Array, FloatArray, IndexArray


def assign(values: FloatArray, allowed: BoolArray) -> list[tuple[int, int]]:
    """Pairs (row, column) of the highest total value, using allowed pairs (N, M) only.

    Values lie in [0, 1], and it is their total that counts: two fair pairs beat one good one.
    """
    pairs: list[tuple[int, int]] = []
    if not allowed.any():
        return pairs
    rows_left, columns_left = np.asarray(allowed.any(axis=1)), np.asarray(allowed.any(axis=0))
    # Most people have one candidate, and are the only one for it.
    single = allowed & (allowed.sum(axis=1, keepdims=True) == 1) & (allowed.sum(axis=0, keepdims=True) == 1)
    for row, column in zip(*single.nonzero(), strict=True):
        pairs.append((int(row), int(column)))
        rows_left[row] = columns_left[column] = False
    rows, columns = rows_left.nonzero()[0], columns_left.nonzero()[0]
    if len(rows) and len(columns):
        inner = np.ix_(rows, columns)
        cost = np.where(allowed[inner], -values[inner].astype(np.float64), 0.0)
        for row, column in _hungarian(cost):
            if allowed[rows[row], columns[column]]:
                pairs.append((int(rows[row]), int(columns[column])))
    return sorted(pairs)


class StagedMatching:
    """Pairs of rows and columns, found in stages: what one stage took is not free for the next."""

    def __init__(self, rows: int, columns: int) -> None:
        self._free_rows, self._free_columns = np.ones(rows, np.bool_), np.ones(columns, np.bool_)
        self._pairs: list[tuple[int, int]] = []

    def add(self, value: Float64Array, allowed: BoolArray) -> None:
        """The pairs of the highest total value among those that are allowed and free."""
        if self.complete():
            return
        for row, column in assign(value, allowed & self._free_rows[:, None] & self._free_columns[None]):
            self._free_rows[row] = self._free_columns[column] = False
            self._pairs.append((row, column))

    def complete(self) -> bool:
        return len(self._pairs) == min(len(self._free_rows), len(self._free_columns))

    def result(self) -> tuple[IndexArray, IndexArray]:
        pairs = np.array(self._pairs, np.intp).reshape(-1, 2)
        return pairs[:, 0], pairs[:, 1]


def _hungarian(cost: Float64Array) -> list[tuple[int, int]]:
    """Pairs of the lowest total cost, by shortest augmenting paths (Jonker and Volgenant 1987); O(n^3)."""
    if cost.shape[0] > cost.shape[1]:
        return [(row, column) for column, row in _hungarian(cost.T)]
    n, m = cost.shape
    row_price, column_price = np.zeros(n), np.zeros(m)
    row_of = np.full(m, -1)
    for start in range(n):
        distance = np.full(m, np.inf)
        before = np.full(m, -1)
        done = np.zeros(m, dtype=bool)
        row, lowest, column = start, 0.0, -1
        while row >= 0:
            through = lowest + cost[row] - row_price[row] - column_price  # (M,)
            shorter = ~done & (through < distance)
            distance[shorter] = through[shorter]
            before[shorter] = row
            column = int(np.where(done, np.inf, distance).argmin())
            lowest = distance[column]
            done[column] = True
            row = row_of[column]
        settled = done & (row_of >= 0)
        row_price[row_of[settled]] += lowest - distance[settled]
        row_price[start] += lowest
        column_price[done] -= lowest - distance[done]
        while column >= 0:  # back along the path, moving each row to its new column
            row = before[column]
            row_of[column], column = row, -1 if row == start else int((row_of == row).nonzero()[0][0])
    return [(int(row), column) for column, row in enumerate(row_of) if row >= 0]
