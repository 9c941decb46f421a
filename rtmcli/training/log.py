"""The log of a run: JSON lines."""

from __future__ import annotations

import json
import math
from typing import Any


def log_line(figures: dict[str, Any]) -> str:
    """One line of strict JSON: what is not finite becomes null."""
    return json.dumps({key: _plain(value) for key, value in figures.items()})


def _plain(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, 8) if math.isfinite(value) else None
    return value
