"""Notes for people on stderr: what is worth knowing and no error. `-q` suppresses them."""

import contextlib
import re
import sys

from rtmcli.settings import current

# Also what ends a line to Python's splitlines.
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


def say(text: str, program: str = "rtm") -> None:
    """Print one line on stderr, unless `-q` is given. Nothing happens where stderr is closed."""
    if not current().quiet and sys.stderr is not None:
        from rtmcli.credentials import hide_credentials

        with contextlib.suppress(OSError, ValueError):
            print(f"{program}: {printable(hide_credentials(text))}", file=sys.stderr)


def say_on_terminal(text: str, program: str = "rtm") -> None:
    """The same, only where stderr is a terminal: for advice that a log does not need."""
    if is_terminal():
        say(text, program)


def printable(text: str) -> str:
    """The text with escapes for control characters, so that no name in a record can begin a line or move the cursor."""
    return _CONTROL.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


def is_terminal() -> bool:
    """Whether stderr is a terminal; a closed stderr is none."""
    try:
        return sys.stderr is not None and sys.stderr.isatty()
    except ValueError:
        return False
