"""`rtm schema`: the record's JSON Schema, and the check of a file against it."""

from typing import Annotated, Any

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
    skeleton: Annotated[
        str | None,
        typer.Option(
            metavar="NAME|FILE",
            help="Print a skeleton: names of its keypoints, links, mirrored keypoints, sigmas, parts.",
        ),
    ] = None,
) -> None:
    """Print the record's JSON Schema (2020-12), or check a file against it.

    --check exits with 3 at the first invalid line and names it. If a source has fewer records than it declares frames,
    a note says how many (84 of 150 frames); with --complete that is an error too.

    --skeleton prints what the keypoints of a record are: JSON whose indices count from 0, in the records' order.

    Example:

      rtm pose video.mp4 | rtm schema --check -
      rtm schema --check out.jsonl --complete && echo done
      rtm schema --skeleton coco17
    """
    if skeleton is not None:
        given.reject(("check", "complete"), "with --skeleton", "run them one after the other")
        _print_json(_description(skeleton))
        return
    if check is None:
        given.reject(("complete",), "without --check", "give --check FILE too")
        _print_json(RECORD_SCHEMA)
        return
    say(check_records(check, complete=complete), "rtm schema")


def _description(name: str) -> dict[str, Any]:
    from rtmcli.skeletons import load_skeleton

    own = load_skeleton(name)
    return {
        "name": own.name,
        "keypoints": own.keypoints,
        "links": own.links,
        "flip": own.flip.tolist(),
        "sigmas": own.sigmas.tolist(),
        "parts": {part: list(indices) for part, indices in own.parts.items()},
    }


def _print_json(value: Any) -> None:
    import orjson

    from rtmcli.records.line_io import Sink

    with Sink("-") as out:
        out.write(orjson.dumps(value, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))
