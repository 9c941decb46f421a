"""`rtm convert`: records to and from other formats and skeletons, and to and from the parts of a body."""

from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Annotated, Literal

import typer

from rtmcli.cli.command import Given
from rtmcli.errors import UsageError
from rtmcli.records.frame import Frame

Format = Literal["records", "coco", "openpose", "mmpose", "csv"]


def main(
    given: Given,
    files: Annotated[
        list[str] | None,
        typer.Argument(help="Record files, or files of --from; standard input without.", show_default=False),
    ] = None,
    read: Annotated[
        Format,
        typer.Option("--from", help="What comes in; a folder is OpenPose's without it."),
    ] = "records",
    write: Annotated[Format, typer.Option("--to", help="What goes out.")] = "records",
    out: Annotated[
        str, typer.Option("-o", "--output", metavar="FILE", help="Where to; openpose needs a folder here.")
    ] = "-",
    skeleton: Annotated[
        str | None, typer.Option(metavar="NAME|FILE", help="Translate the points to this skeleton.")
    ] = None,
    source_skeleton: Annotated[
        str | None,
        typer.Option(metavar="NAME|FILE", help="The skeleton of what comes in, where it does not say."),
    ] = None,
    boxes_from: Annotated[
        str | None,
        typer.Option(
            metavar="PART[,PART]",
            help="Make each person the box of a part: lefthand, face, body, ...",
        ),
    ] = None,
    merge: Annotated[
        list[str] | None,
        typer.Option(
            metavar="FILE", help="Write the refined points of these records back into the whole bodies."
        ),
    ] = None,
    labels: Annotated[
        str | None, typer.Option(metavar="FILE", help="COCO labels that say which picture has which number.")
    ] = None,
) -> None:
    """Translate records to and from other formats and skeletons.

    A point that a skeleton has and its source has not is null. --boxes-from and --merge refine parts of a body with
    models of their own: hands and faces find their way back by id.

    Example:

      rtm convert out.jsonl --skeleton openpose25 --to openpose -o folder/
      rtm pose v.mp4 --model rtmw-m --track > whole.jsonl
      rtm convert --boxes-from lefthand,righthand whole.jsonl | rtm pose --model rtmpose-m-hand21 > hands.jsonl
      rtm convert --merge hands.jsonl whole.jsonl > refined.jsonl
    """
    if "coco" not in (read, write):
        given.reject(("labels",), "without --from coco or --to coco, whose images it numbers")
    _check(write=write, out=out, boxes_from=boxes_from, merge=merge)
    frames = _read(files, read, labels)
    if source_skeleton is not None:
        frames = _named(frames, source_skeleton)
    for refined in merge or ():
        from rtmcli.formats.parts import merge_frames
        from rtmcli.records.ndjson import read_frames

        frames = merge_frames(frames, read_frames(refined), name=refined)
    if boxes_from is not None:
        frames = _parts(frames, [part.strip() for part in boxes_from.split(",")], skeleton)
    elif skeleton is not None:
        frames = _mapped(frames, skeleton)
    _write(frames, write, out, labels)


def _check(
    *,
    write: str,
    out: str,
    boxes_from: str | None,
    merge: Sequence[str] | None,
) -> None:
    if write == "openpose" and out == "-":
        raise UsageError("OpenPose has a file for every frame; name a folder with -o FOLDER")
    if boxes_from is not None and merge:
        raise UsageError("--boxes-from takes bodies apart and --merge puts them together; give one of them")


def _read(files: Sequence[str] | None, read: Format, labels: str | None) -> Iterator[Frame]:
    if read == "records" and files and all(Path(file).is_dir() for file in files):
        read = "openpose"
    if read == "records":
        from rtmcli.cli.filter_verb import read_with_progress

        yield from read_with_progress(files or ["-"], "convert")
        return
    if not files and read != "csv":
        raise UsageError(f"--from {read} needs a file or folder by name")
    for file in files or ["-"]:
        if read == "coco":
            from rtmcli.formats.coco_reader import read_coco_records

            yield from read_coco_records(file, labels=labels)
        elif read == "openpose":
            from rtmcli.formats.openpose_reader import read_openpose

            yield from read_openpose(file)
        elif read == "mmpose":
            from rtmcli.formats.mmpose import read_mmpose

            yield from read_mmpose(file)
        else:
            from rtmcli.formats.csv_reader import read_table

            yield from read_table(file)


def _write(frames: Iterable[Frame], write: Format, out: str, labels: str | None) -> None:
    if write == "records":
        from rtmcli.records.ndjson import write_frames

        write_frames(frames, out)
    elif write == "coco":
        from rtmcli.formats.coco_writer import write_coco_results
        from rtmcli.terminal.messages import say

        write_coco_results(frames, out, labels=labels, note=partial(say, program="rtm convert"))
    elif write == "openpose":
        from rtmcli.formats.openpose_writer import write_openpose

        write_openpose(frames, out)
    elif write == "mmpose":
        from rtmcli.formats.mmpose import write_mmpose

        write_mmpose(frames, out)
    else:
        from rtmcli.formats.csv_writer import write_table

        write_table(frames, out)


def _named(frames: Iterable[Frame], skeleton: str) -> Iterator[Frame]:
    for frame in frames:
        if frame.skeleton is None and any(one.keypoints is not None for one in frame.instances):
            frame.skeleton = skeleton
        elif frame.skeleton not in (None, skeleton):
            raise UsageError(
                f"--source-skeleton {skeleton} has no effect: {frame.source}, frame {frame.frame} says that its "
                f"skeleton is {frame.skeleton}; leave it out"
            )
        yield frame


def _parts(frames: Iterable[Frame], parts: Sequence[str], keep: str | None) -> Iterator[Frame]:
    from rtmcli.formats.parts import part_boxes

    for frame in frames:
        yield part_boxes(frame, parts, keep=keep)


def _mapped(frames: Iterable[Frame], skeleton: str) -> Iterator[Frame]:
    change = None
    for frame in frames:
        if change is None:  # an empty stream costs no import
            from rtmcli.formats.parts import map_frame

            change = map_frame(skeleton)
        yield change(frame)
