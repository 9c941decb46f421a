"""The log of a run: JSON lines with means of the loss's terms and speeds."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Iterator
from typing import Any, TypeVar

T = TypeVar("T")


def log_line(figures: dict[str, Any]) -> str:
    """One line of strict JSON: values that are not finite become null."""
    return json.dumps({key: _finite(value) for key, value in figures.items()})


class StepMeter:
    """Means and speeds of the steps since the last line of the log. `batch`: samples of a step."""

    def __init__(self, batch: int) -> None:
        self.batch = batch
        self._reset()

    def timed(self, batches: Iterator[T]) -> Iterator[T]:
        """The same batches; the time until each is there counts as waiting."""
        while True:
            asked = time.monotonic()
            parts = next(batches, None)
            self._waited += time.monotonic() - asked
            if parts is None:
                return
            yield parts

    def add(self, terms: dict[str, float]) -> None:
        """Count one step with the terms of its loss."""
        self.steps += 1
        for name, value in terms.items():
            self._sums[name] = self._sums.get(name, 0.0) + value

    def take(self) -> dict[str, float]:
        """The means of the terms and the speeds; counting starts anew.

        `images_per_s`: of the whole. `loader_per_s`: per second of waiting. `wait`: share of the time in which the
        step had no data.
        """
        took = time.monotonic() - self._began
        samples = self.steps * self.batch
        figures = {name: value / self.steps for name, value in self._sums.items()}
        figures |= {
            "images_per_s": samples / max(took, 1e-9),
            "loader_per_s": samples / max(self._waited, 1e-9),
            "wait": self._waited / max(took, 1e-9),
        }
        self._reset()
        return figures

    def _reset(self) -> None:
        self.steps = 0
        self._sums: dict[str, float] = {}
        self._waited, self._began = 0.0, time.monotonic()


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, 8) if math.isfinite(value) else None
    return value
