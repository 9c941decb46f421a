"""Read lines from a file or standard input; write whole lines, also when interrupted."""

import os
import select
import stat
import sys
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from rtmcli.errors import DataError, RtmError, StreamEndedError, UsageError
from rtmcli.files import publish, temporary_beside

# Longer than any real frame (a thousand people with 133 keypoints are 5 MB); a stream without newlines is refused
# before it fills the memory.
LONGEST_LINE = 64 << 20
_BLOCK = 1 << 16


class ClosedPipe(Exception):
    """The reader of standard output has closed it: the verb ends without a message."""


def input_name(source: str | Path | BinaryIO) -> str:
    """How an error names a source of lines."""
    if isinstance(source, (str, Path)):
        return "standard input" if str(source) == "-" else str(source)
    return str(getattr(source, "name", "stream"))


def input_lines(source: str | Path | BinaryIO) -> Iterator[tuple[int, int, bytes]]:
    """Number (from 1), byte offset and bytes of each line that is not blank, as they come."""
    if not isinstance(source, (str, Path)):
        yield from _lines(source, input_name(source))
    elif str(source) == "-":
        yield from _lines(standard_input("records"), input_name(source))
    else:
        try:
            stream = open(source, "rb")  # noqa: SIM115  closed below
        except OSError as error:
            raise DataError(f"cannot read {source}: {error.strerror}") from None
        with stream:
            yield from _lines(stream, input_name(source))


def standard_input(what: str) -> BinaryIO:
    """Standard input as bytes. Raises UsageError if it is closed, or a terminal, where nobody can type `what`."""
    if sys.stdin is None or sys.stdin.closed:
        raise UsageError(
            f"waits for {what} on standard input, which is closed; pipe {what} into it or name a file"
        )
    if sys.stdin.isatty():
        raise UsageError(
            f"waits for {what} on standard input, which is a terminal; pipe {what} into it or name a file"
        )
    return sys.stdin.buffer


def _lines(stream: BinaryIO, name: str) -> Iterator[tuple[int, int, bytes]]:
    number = offset = 0
    while True:
        try:
            line = stream.readline(LONGEST_LINE + 1)
        except OSError as error:
            raise DataError(f"cannot read {name}: {error.strerror}") from None
        if not line:
            return
        number += 1
        start = offset
        offset += len(line)
        if len(line) > LONGEST_LINE:
            raise DataError(
                f"{name}, line {number}, byte {start}: longer than {LONGEST_LINE >> 20} MB; expected "
                "records, one JSON object per line"
            )
        if line[0] == 0xEF and line.startswith(b"\xef\xbb\xbf"):  # also in the middle: `cat` of two files
            line, start = line[3:], start + 3
        if number == 1 and line.startswith((b"\xff\xfe", b"\xfe\xff")):
            raise DataError(f"{name}: UTF-16, expected UTF-8; convert it with: iconv -f utf-16 -t utf-8")
        if not line.isspace() and line:
            yield number, start, line


class Sink:
    """Writes whole lines to standard output ("-"), to a file (under a temporary name until it is complete) or a stream.

    To a pipe or a terminal each line goes at once, to a file in blocks. With `keep` a file gets each line at once too,
    and is complete whenever its writing ends, also by an interrupt or error. Raises ClosedPipe where the reader is
    gone, and RtmError where nothing more can be written.
    """

    def __init__(self, sink: str | Path | BinaryIO, *, keep: bool = False) -> None:
        self._keep = keep
        self._path: Path | None = None
        self._temporary: Path | None = None
        self._stream: BinaryIO | None = None
        self._fd = -1
        self._name = "standard output" if str(sink) == "-" else str(sink)
        self._waiting: list[bytes] = []
        self._size = 0
        if not isinstance(sink, (str, Path)):
            self._stream = sink
        elif str(sink) == "-":
            if sys.stdout is None or sys.stdout.closed:
                raise RtmError("standard output is closed; redirect it to a file or a pipe")
            sys.stdout.flush()
            self._stream_or_fd()
        else:
            self._path = Path(sink)
            self._open_temporary(self._path)
        self._at_once = keep or self._fd < 0 or not stat.S_ISREG(os.fstat(self._fd).st_mode)

    def write(self, line: bytes) -> None:
        """Write one line (newline included)."""
        if self._stream is not None:
            self._stream.write(line)
        elif self._at_once:
            write_whole(self._fd, line, self._name)
        else:
            self._waiting.append(line)
            self._size += len(line)
            if self._size >= _BLOCK:
                self.flush()

    def flush(self) -> None:
        """Write the lines that are still in the buffer."""
        if self._stream is not None:
            self._stream.flush()
        elif self._waiting:
            block, self._waiting, self._size = b"".join(self._waiting), [], 0
            write_whole(self._fd, block, self._name)

    def _stream_or_fd(self) -> None:
        try:
            self._fd = sys.stdout.fileno()
        except OSError:  # replaced by a test or a notebook
            self._stream = sys.stdout.buffer

    def _open_temporary(self, path: Path) -> None:
        try:
            if path.exists() and not path.is_file():  # /dev/null, a named pipe: nothing to rename
                self._fd = os.open(path, os.O_WRONLY)
                return
            self._temporary = temporary_beside(path)
            self._fd = os.open(self._temporary, os.O_WRONLY)
        except OSError as error:
            raise RtmError(f"cannot write {path}: {error.strerror}") from None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if not isinstance(error, ClosedPipe):
                self.flush()
            if self._path is not None:
                os.close(self._fd)
                is_complete = kind is None or self._keep or isinstance(error, StreamEndedError)
                if self._temporary is not None and is_complete:
                    publish(self._temporary, self._path)
                    self._temporary = None
        finally:
            if self._temporary is not None:
                self._temporary.unlink(missing_ok=True)


class Guard:
    """Keeps Ctrl-C and SIGTERM from leaving half a line: the signal handlers of `cli.app` raise through it.

    A write of up to PIPE_BUF bytes is whole or has not begun, and may be interrupted. A longer one is finished first;
    a second interrupt breaks it, for a reader that no longer reads.
    """

    def __init__(self) -> None:
        self._busy = False
        self._interrupt: BaseException | None = None

    def interrupt(self, error: BaseException) -> None:
        """Called in a signal handler: raises `error` now, or when the line is out."""
        if not self._busy or self._interrupt is not None:
            self._interrupt = None
            raise error
        self._interrupt = error

    def __enter__(self) -> None:
        self._busy = True

    def __exit__(self, *_: object) -> None:
        self._busy = False
        error, self._interrupt = self._interrupt, None
        if error is not None:
            raise error


guard = Guard()


def write_whole(fd: int, data: bytes, name: str) -> None:
    """Write all of `data`, also where the system takes it in pieces. Raises RtmError that names the output."""
    view = memoryview(data)
    try:
        if len(data) <= select.PIPE_BUF:
            # A pipe takes it whole. A file on a disk that is nearly full may take a part.
            view = view[os.write(fd, view) :]
        with guard:
            while view:
                view = view[os.write(fd, view) :]
    except BrokenPipeError:
        raise ClosedPipe from None
    except OSError as error:
        raise RtmError(f"cannot write to {name}: {error.strerror}") from None
