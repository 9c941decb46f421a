"""Notes for people on stderr: what is worth knowing and no error."""

import sys

from rtmcli.settings import current


def say(text: str, program: str = "rtm") -> None:
    """Print one line on stderr, unless the person wants none (`-q`)."""
    if not current().quiet and sys.stderr is not None:
        print(f"{program}: {text}", file=sys.stderr)
