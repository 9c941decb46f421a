"""`rtm schema`: the record's JSON Schema, and the check of a file against it."""

from typing import Annotated

import typer

from rtmcli.cli.command import Given
from rtmcli.records.schema import RECORD_SCHEMA, check_records
from rtmcli.terminal.messages import say


def main(
    given: Given,
    check: Annotated[
        str | None, typer.Option(metavar="FILE", help="Check a record file (- for standard input).")
    ] = None,
    complete: Annotated[
        bool,
        typer.Option(
            "--complete", help="With --check: exit with 3 if frames are missing or there is no record."
        ),
    ] = False,
) -> None:
    """Print the record's JSON Schema (2020-12), or check a file against it.

    --check exits with 3 at the first invalid line and names it. If a source has fewer records than it declares frames,
    a note says how many (84 of 150 frames); with --complete that is an error too.

    Example:

      rtm pose video.mp4 | rtm schema --check -
      rtm schema --check out.jsonl --complete && echo done
    """
    if check is None:
        given.reject(("complete",), "without --check", "give --check FILE too")
        import orjson

        print(orjson.dumps(RECORD_SCHEMA, option=orjson.OPT_INDENT_2).decode())
        return
    say(check_records(check, complete=complete), "rtm schema")
