"""What image libraries write to standard error while they decode: kept, to be shown with the file's name."""

import os
import re
import tempfile
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress

from rtmcli.terminal.messages import say

# One capture at a time: standard error belongs to the process.
_LOCK = threading.Lock()
# Output of our own that another thread may have written meanwhile: notes and the progress bar.
_OWN = re.compile(rb"^rtm\b|\x1b|\r")


@contextmanager
def native_messages(name: str) -> Iterator[None]:
    """Show what libjpeg, libpng or libtiff write to standard error in the `with` block as notes about `name`.

    They write to file descriptor 2, past Python and OpenCV's log level.
    """
    with _LOCK, ExitStack() as stack:
        try:
            stderr = os.dup(2)
            stack.callback(os.close, stderr)
            capture = stack.enter_context(tempfile.TemporaryFile(prefix="rtm-"))
        except OSError:
            # Standard error is closed, or no temporary file can be made.
            yield
            return
        os.dup2(capture.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(stderr, 2)
        capture.seek(0)
        _show(capture.read(), name)


def _show(written: bytes, name: str) -> None:
    reported: set[str] = set()
    for line in written.splitlines(keepends=True):
        if _OWN.search(line):
            with suppress(OSError):
                os.write(2, line)
            continue
        text = line.decode("utf-8", "replace").strip()
        if text and text not in reported:
            reported.add(text)
            say(f"{name}: {text}")
