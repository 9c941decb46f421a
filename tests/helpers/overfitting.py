"""Training until a network overfits a few images."""

from collections.abc import Callable
from typing import Any

from rtmcli.training.trainer import Training


class _Overfitted(Exception):
    """Ends a training; `args[0]` holds its figures."""


def overfit(training: Training, good: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    """The first figures of a validation that are good, else those of the last step.

    The number of steps depends on rounding and so on the machine: tests validate often and allow more steps than
    usual. Nothing is saved: an epoch is one step in these tests.
    """

    def look(line: dict[str, Any]) -> None:
        if "AP" in line and good(line):
            raise _Overfitted(line)

    training.report = look
    training.save = lambda: None
    try:
        return training.run()
    except _Overfitted as done:
        return done.args[0]
