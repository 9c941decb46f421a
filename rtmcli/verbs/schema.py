"""`rtm schema`: the record's JSON Schema, and the check of a file against it."""

import sys
from typing import Annotated

import typer

from rtmcli.records.schema import RECORD_SCHEMA, check_records
from rtmcli.settings import current


def main(
    check: Annotated[
        str | None, typer.Option(metavar="FILE", help="Check a record file (- for standard input).")
    ] = None,
) -> None:
    """Print the record's JSON Schema (2020-12), or check a file against it.

    --check names the first bad line and ends with 3; where fewer frames came than the source declares it says
    how many: 84 of 150 frames.

    Example:

      rtm pose video.mp4 | rtm schema --check -
    """
    if check is None:
        import orjson

        print(orjson.dumps(RECORD_SCHEMA, option=orjson.OPT_INDENT_2).decode())
        return
    told = check_records(check)
    if not current().quiet:
        print(told, file=sys.stderr)
