"""The assignment problem: pair rows and columns so that the sum of their values is highest."""

import numpy as np

from rtmcli.arrays import BoolArray, Float64Array, FloatArray, IndexArray


def assign(values: FloatArray, allowed: BoolArray) -> list[tuple[int, int]]:
    """Pairs (row, column) of the highest total value, using allowed pairs (N, M) only.

    Values lie in [0, 1], and it is their total that counts: two fair pairs beat one good one.
    """
    rows, columns, rivals = _candidates(allowed)
    pairs = [*zip(rows[~rivals].tolist(), columns[~rivals].tolist(), strict=True)]
    if len(pairs) == len(rows):
        return pairs
    left = np.ix_(sorted({*rows[rivals].tolist()}), sorted({*columns[rivals].tolist()}))
    cost = np.where(allowed[left], -values[left].astype(np.float64), 0.0)
    for at_row, at_column in _hungarian(cost):
        row, column = left[0][at_row, 0], left[1][0, at_column]
        if allowed[row, column]:
            pairs.append((int(row), int(column)))
    return sorted(pairs)


def _candidates(allowed: BoolArray) -> tuple[IndexArray, IndexArray, BoolArray]:
    """Rows and columns of the allowed pairs, and whether another pair has the same row or column."""
    rows, columns = allowed.nonzero()
    # Most people have one candidate, and are the only one for it.
    rivals = (np.bincount(rows)[rows] > 1) | (np.bincount(columns)[columns] > 1)
    return rows, columns, rivals


def one_each(allowed: BoolArray) -> tuple[IndexArray, IndexArray] | None:
    """Rows and columns of the allowed pairs (N, N), if every row and every column has exactly one; else None."""
    rows, columns = allowed.nonzero()
    alone = len(rows) == len(allowed) == allowed.shape[1] == len({*rows.tolist()}) == len({*columns.tolist()})
    return (rows, columns) if alone else None


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

    def add_undisputed(self, allowed: BoolArray) -> None:
        """The pairs in which neither has another candidate. If later stages allow the same pairs only, they would find
        these too."""
        rows, columns, rivals = _candidates(allowed)
        rows, columns = rows[~rivals], columns[~rivals]
        self._free_rows[rows] = self._free_columns[columns] = False
        self._pairs.extend(zip(rows.tolist(), columns.tolist(), strict=True))

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
    if n == 1:
        return [(0, int(cost[0].argmin()))]
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
