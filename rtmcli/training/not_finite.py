"""The error that stops a training whose loss is not a number."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from torch import Tensor

from rtmcli.errors import RtmError


class NotFinite(RtmError):
    """The loss or a gradient is not finite: training stops and names the batch."""


def not_finite(place: str, names: Sequence[str], terms: Mapping[str, Tensor]) -> NotFinite:
    """The error with the step, the terms of the loss and the names of the batch's samples, of which eight are shown."""
    shown = ", ".join(names[:8]) + (" ..." if len(names) > 8 else "")
    values = ", ".join(f"{name} {float(value.detach()):g}" for name, value in terms.items())
    return NotFinite(
        f"{place}: the loss is not finite ({values}) on the batch {shown}; "
        "lower the learning rate (--set lr=...) or check these samples with --check"
    )
