"""The standard streams of the process in states that Python's own start-up leaves to the program."""

import contextlib
import os
import sys


def fill_closed_streams() -> None:
    """Make a closed stderr (`2>&-`) a discarding one, and print characters that a terminal cannot show as escapes.

    With stderr closed Python sets `sys.stderr` to None, and `print(file=None)` writes to standard output. A closed
    descriptor would also be given to the next file that is opened, into which libraries then print. `sys.stdin` and
    `sys.stdout` stay None where they are closed: verbs that need them say so.
    """
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            # The lowest free descriptor is this one: those below it are open by now.
            os.open(os.devnull, os.O_RDWR)
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w")  # noqa: SIM115  as long as the process
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # a test's or notebook's own stream may lack it
            stream.reconfigure(errors="backslashreplace")


def drop_unwritable_output() -> None:
    """Discard what Python still holds for a closed or full standard output: it would fail once more at exit."""
    try:
        sys.stdout.flush()
    except (OSError, ValueError, AttributeError):
        with contextlib.suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
