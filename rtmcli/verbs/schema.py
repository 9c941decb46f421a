"""`rtm schema`: the record's JSON Schema, and the check of a file against it."""

import sys
from typing import Annotated

import typer

from rtmcli.schema import RECORD_SCHEMA, check


def main(
    file: Annotated[
        str | None,
        typer.Option("--check", metavar="FILE", help="Check a record file (- for standard input)."),
    ] = None,
) -> None:
    """Print the record's JSON Schema (2020-12), or check a file against it.

    --check names the first bad line and ends with 3; it also says so where a stream was cut.

    Example:

      rtm pose video.mp4 | rtm schema --check -
    """
    if file is None:
        import orjson

        sys.stdout.buffer.write(
            orjson.dumps(RECORD_SCHEMA, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
        )
        return
    print(check(file), file=sys.stderr)
