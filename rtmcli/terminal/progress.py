"""The progress bar on stderr, if that is a terminal: frames, frames a second, time left, people.

A terminal shows one bar: that of the first verb in a pipe that has a frame.
"""

import os
import sys
import time
from types import TracebackType
from typing import Any, Self

from rtmcli.settings import current

# Columns of a terminal below which the parts of the bar would be cut.
_NARROW = 60


def progress(total: int | None = None, label: str = "") -> "Progress":
    """A bar over `total` frames (None where nobody knows how many), drawn only if stderr is a terminal, no `-q` and no
    `--no-progress`. Use it as a context manager; without a terminal every call is nearly free."""
    return Progress(total, label)


class Progress:
    """A progress bar: call `advance` once a frame; set `total` when it becomes known."""

    def __init__(self, total: int | None, label: str) -> None:
        self.total = total
        self.label = label
        self.frames = 0
        self.people = 0
        self._bar: Any = None
        self._task: Any = None
        self._lock: int | None = None
        self._wanted = _is_wanted()
        self._shown = 0.0

    def advance(self, frames: int = 1, *, people: int = 0) -> None:
        """Count `frames` more, the last of them with `people` in it."""
        self.frames += frames
        self.people = people
        if not self._wanted:
            return
        if self._bar is None:
            self._start()
        now = time.monotonic()
        if self._bar is not None and now - self._shown > 0.1:
            self._shown = now
            self._update()

    def _start(self) -> None:
        self._lock = _lock_terminal()
        if self._lock is None:
            self._wanted = False
            return
        from rich.console import Console
        from rich.progress import Progress as Bar

        console = Console(stderr=True)
        self._bar = Bar(
            *_columns(self.label, counts=self.total is not None, narrow=console.width < _NARROW),
            console=console,
            transient=True,
            refresh_per_second=8,
        )
        self._task = self._bar.add_task("", total=self.total, fps="", people="")
        self._bar.start()

    def _update(self) -> None:
        speed = self._bar.tasks[0].speed
        self._bar.update(
            self._task,
            completed=self.frames,
            total=self.total,
            fps=f"{speed:.1f} fps" if speed else "",
            people=f"{self.people} people" if self.people != 1 else "1 person",
        )

    def close(self) -> None:
        """Remove the bar and release the terminal for another one."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = None
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _columns(label: str, *, counts: bool, narrow: bool) -> list[Any]:
    """The bar's parts; a narrow terminal shows the number of frames alone."""
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    count = MofNCompleteColumn() if counts else TextColumn("{task.completed:.0f}")
    if narrow:
        return [count]
    return [
        TextColumn(label),
        *([BarColumn()] if counts else []),
        count,
        TextColumn("frames"),
        TextColumn("{task.fields[fps]}"),
        *([TimeRemainingColumn(), TextColumn("left")] if counts else [TimeElapsedColumn()]),
        TextColumn("{task.fields[people]}"),
    ]


def _is_wanted() -> bool:
    settings = current()
    if settings.quiet or not settings.progress:
        return False
    try:
        return sys.stderr.isatty() and os.environ.get("TERM") != "dumb"
    except (AttributeError, ValueError):  # closed
        return False


def _lock_terminal() -> int | None:
    """Lock the terminal for this bar; None if another verb of the pipe has it.

    The lock is on the terminal's device, so it leaves no file behind and ends with the process.
    """
    try:
        import fcntl

        device = os.open(os.ttyname(2), os.O_RDWR | os.O_NOCTTY)
    except (ImportError, OSError):
        return os.dup(2)
    try:
        fcntl.flock(device, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(device)
        return None
    return device
