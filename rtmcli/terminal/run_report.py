"""The report of a run: lines of JSON in a file every few seconds (`--report`), and on stderr at SIGUSR1."""

import contextlib
import os
import select
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from types import FrameType

import orjson

from rtmcli.errors import RtmError, UsageError
from rtmcli.terminal.messages import say
from rtmcli.terminal.run_stats import RunStats

# Seconds between two lines of a source.
EVERY = 10.0


@contextmanager
def run_report(stats: RunStats, path: str | None, *, label: str) -> Iterator[None]:
    """Report what `stats` counts, until the block is left.

    A thread of its own writes, so that a run that waits for a silent stream is reported too. SIGUSR1 reaches it through
    a socket, into which Python writes as soon as the signal arrives, also while the main thread runs native code. In
    another thread than the main one signals are left as they are.

    Args:
        path: file to which lines are appended, or None.
        label: name of the verb.

    Raises:
        UsageError: the file is standard output, which carries the records.
        RtmError: the file cannot be written. One that cannot be written later is mentioned once; the run goes on.
    """
    if path == "-":
        raise UsageError("--report -: standard output carries the records; name a file, or /dev/stderr")
    if path is not None:
        try:
            _append(path, b"")
        except OSError as error:
            raise RtmError(f"--report {path}: cannot write it: {error.strerror}") from None
    with _wakeups() as (receiver, wake):
        thread = threading.Thread(
            target=_serve, args=(stats, path, label, receiver), name="rtm-report", daemon=True
        )
        thread.start()
        try:
            yield
        finally:
            wake(_END)
            thread.join()


_END = b"\0"  # no signal has this number
_USR1: signal.Signals | None = getattr(signal, "SIGUSR1", None)  # not on Windows


def _serve(stats: RunStats, path: str | None, label: str, receiver: socket.socket) -> None:
    """Write lines every EVERY seconds and at the end, and text at each SIGUSR1."""
    due, said, ended = time.monotonic() + EVERY, False, False
    while not ended:
        ready, _, _ = select.select([receiver], [], [], max(0.0, due - time.monotonic()))
        signals = receiver.recv(256) if ready else b""
        ended = _END in signals
        if _USR1 is not None and _USR1 in signals:
            _print(stats, label)
        if not ended and time.monotonic() < due:
            continue
        due = time.monotonic() + EVERY
        lines = stats.lines()
        if path is None:
            continue
        try:
            _append(path, b"".join(orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE) for line in lines))
        except OSError as error:
            if not said:
                say(f"--report {path}: lines are missing: {error.strerror}; the run goes on")
            said = True


def _append(path: str, data: bytes) -> None:
    """Append in one write, so that lines of several processes do not mix; the file may have been rotated since."""
    target = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
    try:
        if data:
            os.write(target, data)
    finally:
        os.close(target)


def _print(stats: RunStats, label: str) -> None:
    """Print the counts on stderr, also with `-q`: they were asked for."""
    text = "".join(f"rtm {label}: {line}\n" for line in stats.text())
    with contextlib.suppress(OSError, ValueError):
        print(text, end="", file=sys.stderr, flush=True)


@contextmanager
def _wakeups() -> Iterator[tuple[socket.socket, Callable[[bytes], object]]]:
    """A socket from which the numbers of arriving signals are read, one byte each, and what sends other bytes to it."""
    receiver, sender = socket.socketpair()
    sender.setblocking(False)
    with receiver, sender, ExitStack() as stack:
        if _USR1 is not None and threading.current_thread() is threading.main_thread():
            stack.callback(
                signal.set_wakeup_fd, signal.set_wakeup_fd(sender.fileno(), warn_on_full_buffer=False)
            )
            before = signal.signal(_USR1, _leave_to_thread)
            stack.callback(signal.signal, _USR1, signal.SIG_DFL if before is None else before)
            # Reads of libraries that this signal interrupts continue.
            signal.siginterrupt(_USR1, False)
        yield receiver, sender.send


def _leave_to_thread(number: int, frame: FrameType | None) -> None:
    """Python has written the number to the socket already."""
