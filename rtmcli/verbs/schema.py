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
        bool, typer.Option("--complete", help="With --check: missing frames and empty files are errors too.")
    ] = False,
) -> None:
    """Print the record's JSON Schema (2020-12), or check a file against it.

    --check ends with 3 at the first bad line and names it. Where fewer frames came than the source declares, it says
    how many (84 of 150 frames), and with --complete it ends with 3.

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
