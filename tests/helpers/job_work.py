"""Work for jobs that needs no network, and that goes wrong on purpose. Processes import it by name."""

import os
import signal
import time
from functools import partial
from pathlib import Path

from rtmcli.errors import DataError, MissingError
from rtmcli.jobs.unit import Counts, Source, Span, Unit, Work


def source(name: str, *spans: Span) -> Source:
    units = tuple(Unit(source=name, output=f"{name}.jsonl", span=span) for span in spans or (None,))
    return Source(name=name, output=f"{name}.jsonl", size=None, units=units)


def records(unit: Unit) -> bytes:
    """The frames that a unit should have; three for a whole source."""
    span = unit.span or Span(first=0, frames=3)
    name = unit.source.encode()
    return b"".join(
        b'{"source":"%s","frame":%d,"instances":[{}]}\n' % (name, span.first + at)
        for at in range(span.frames)
    )


def do(marks: Path, unit: Unit, path: Path) -> Counts:
    """Write the records, leave a mark for each attempt, and do what the source's name says."""
    mark = marks / f"{unit.file.replace('/', '_')}-{os.getpid()}-{time.monotonic_ns()}"
    mark.touch()
    attempts = len(list(marks.glob(f"{unit.file.replace('/', '_')}-*")))
    path.write_bytes(records(unit)[:10])
    if unit.source.startswith("deadly") or (unit.source.startswith("once") and attempts == 1):
        os.kill(os.getpid(), signal.SIGKILL)
    if unit.source.startswith("broken"):
        raise DataError("the reason")
    if unit.source.startswith("slow"):
        time.sleep(60)
    if unit.source.startswith("nap"):
        time.sleep(0.7)
    path.write_bytes(records(unit))
    frames = records(unit).count(b"\n")
    return Counts(frames, frames)


def open_work(marks: Path) -> Work:
    return partial(do, marks)


def open_nothing() -> Work:
    raise MissingError("the model is missing")
