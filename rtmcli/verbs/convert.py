"""`rtm convert`: records to and from other formats and skeletons, and to and from the parts of a body."""

from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from rtmcli.cli.command import Given
from rtmcli.cli.filter_verb import read_with_progress
from rtmcli.cli.job_options import JOB_NAMES, JobOptions
from rtmcli.cli.scale_options import ScaleOptions
from rtmcli.errors import DataError, UsageError
from rtmcli.formats.format import Conversion, Format
from rtmcli.formats.infer_format import format_of_input, format_of_output
from rtmcli.formats.losses import noting_losses
from rtmcli.formats.table import find_format, format_names
from rtmcli.records.frame import Frame
from rtmcli.terminal.messages import say

_NAMES = "|".join(format_names())
# Formats of coordinates in metres, without scores.
_IN_METRES = ("trc", "c3d")


def main(
    options: Given,
    scale: ScaleOptions,
    files: Annotated[
        list[str] | None,
        typer.Argument(
            help="Files or folders to read; without any, records from standard input.", show_default=False
        ),
    ] = None,
    read: Annotated[
        str | None,
        typer.Option(
            "--from",
            metavar=_NAMES,
            help="Format of what comes in. Default: by extension and content.",
            autocompletion=format_names,
        ),
    ] = None,
    write: Annotated[
        str | None,
        typer.Option(
            "--to",
            metavar=_NAMES,
            help="Format of what goes out. Default: by the extension of -o, else records.",
            autocompletion=format_names,
        ),
    ] = None,
    out: Annotated[
        str,
        typer.Option(
            "-o",
            "--output",
            metavar="FILE|FOLDER",
            help="File to write, or a folder: that of openpose, yolo, trc and c3d, or with --to a file per file read.",
        ),
    ] = "-",
    skeleton: Annotated[
        str | None, typer.Option(metavar="NAME|FILE", help="Translate the keypoints to this skeleton.")
    ] = None,
    source_skeleton: Annotated[
        str | None,
        typer.Option(metavar="NAME|FILE", help="The skeleton of what comes in, whatever it says itself."),
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
            metavar="FILE", help="Write the refined keypoints of these records back into the whole bodies."
        ),
    ] = None,
    labels: Annotated[
        str | None, typer.Option(metavar="FILE", help="COCO label file that gives images their ids.")
    ] = None,
    pixels: Annotated[
        bool,
        typer.Option(
            "--pixels", help="With --to trc or c3d: write pixels, as Sports2D's --load_trc_px reads."
        ),
    ] = False,
    min_score: Annotated[
        float,
        typer.Option(
            "--min-score",
            help="With --to trc, c3d or --height: a keypoint with a lower score counts as missing.",
        ),
    ] = 0.3,
    *,
    job: JobOptions,
) -> None:
    """Translate records to and from other formats and skeletons.

    A keypoint that a skeleton has and its source has not is null. --boxes-from and --merge refine parts of a body with
    models of their own: hands and faces are merged back by id.

    Example:

      rtm convert out.jsonl -o table.csv
      rtm convert out.jsonl -o poses.parquet
      rtm convert out.jsonl --to coco-labels -o labels.json
      rtm convert out.jsonl --skeleton halpe26 --to openpose -o folder/
      rtm convert tracked.jsonl --to trc --pixels -o folder/
      rtm convert tracked.jsonl --to trc --height 1.75 --floor-angle auto -o folder/
      rtm convert records/*.jsonl --to csv -o tables/
      rtm pose v.mp4 --model rtmw-m --track > whole.jsonl
      rtm convert --boxes-from lefthand,righthand whole.jsonl | rtm pose --model rtmpose-m-hand21 > hands.jsonl
      rtm convert --merge hands.jsonl whole.jsonl > refined.jsonl
    """
    if boxes_from is not None and merge:
        raise UsageError("--boxes-from takes bodies apart and --merge puts them together; give one of them")
    each = _writes_each(write, out, job)
    target = _output_format(write, job.name if each and job.name is not None else out, named=not each)
    sources = {format_of_input(file).name for file in files or ["-"]} if read is None else {read}
    if not {"coco", "alphapose"} & (sources | {target.name}):
        options.reject(("labels",), "without --from coco or --to coco, whose images it numbers")
    if target.name not in _IN_METRES:
        options.reject(("pixels",), f"without --to {' or '.join(_IN_METRES)}")
        if not scale.given():
            options.reject(("min_score",), f"without --to {' or '.join(_IN_METRES)}, or a scale in metres")
    note = partial(say, program="rtm convert")

    def frames_of(files: Sequence[str]) -> Iterator[Frame]:
        frames = _read(files, read, Conversion(note=note, labels=labels, skeleton=source_skeleton))
        if source_skeleton is not None:
            frames = _as_skeleton(frames, source_skeleton)
        for refined in merge or ():
            from rtmcli.formats.parts import merge_frames
            from rtmcli.records.ndjson import read_frames

            frames = merge_frames(frames, read_frames(refined), name=refined)
        if boxes_from is not None:
            frames = _parts(frames, [part.strip() for part in boxes_from.split(",")], skeleton)
        elif skeleton is not None:
            frames = _mapped(frames, skeleton)
        return noting_losses(scale.scaled(frames, min_score=min_score, program="rtm convert"), target, note)

    conversion = Conversion(labels=labels, skeleton=skeleton, note=note, pixels=pixels, min_score=min_score)
    assert target.write is not None
    if each:
        from rtmcli.cli.file_job import convert_each

        options.reject(("merge",), "with a file for each file", "convert the files one by one")
        convert_each(files or ["-"], frames_of, target, conversion, out, job, options)
    else:
        options.reject(
            JOB_NAMES, "where one file is written", "name a folder with -o, and the format with --to"
        )
        target.write(frames_of(files or ["-"]), out, conversion)


def _writes_each(write: str | None, out: str, job: JobOptions) -> bool:
    """Whether each file is converted to a file of its own, in the folder `out`."""
    if out == "-":
        return False
    into_folder = out.endswith("/") or Path(out).is_dir()
    return job.name is not None or (write is not None and into_folder and not find_format(write).folder)


def _read(files: Sequence[str], name: str | None, given: Conversion) -> Iterator[Frame]:
    """The frames of all files, each in the format named or its own."""
    for file in files:
        if file != "-" and not Path(file).exists():
            raise DataError(f"cannot read {file}: no such file or folder")
        chosen = format_of_input(file) if name is None else find_format(name)
        if chosen.name == "records":
            yield from read_with_progress([file], "convert")
        elif chosen.read is None:
            raise UsageError(f"rtm writes {chosen.name} and does not read it")
        elif file == "-" and not chosen.streams:
            raise UsageError(f"--from {chosen.name} needs a file or folder by name")
        else:
            yield from chosen.read(file, given)


def _output_format(name: str | None, out: str, *, named: bool) -> Format:
    """The format to write: `name`, or by the extension of `out`; `named` tells whether `out` is what is written."""
    chosen = format_of_output(out) if name is None else find_format(name)
    if chosen.write is None:
        raise UsageError(f"rtm reads {chosen.name} and does not write it")
    if named and out == "-" and not chosen.folder and chosen.extra:
        raise UsageError(f"--to {chosen.name} needs a file by name: -o FILE{(chosen.extensions or ('',))[0]}")
    if named and chosen.folder and out == "-":
        raise UsageError(f"{chosen.name} is a folder of files; name a folder with -o FOLDER")
    return chosen


def _as_skeleton(frames: Iterable[Frame], skeleton: str) -> Iterator[Frame]:
    """The frames with the skeleton that is said to be theirs."""
    from rtmcli.skeletons import load_skeleton

    own = load_skeleton(skeleton)
    for frame in frames:
        for one in frame.instances:
            if one.keypoints is None:
                continue
            if len(one.keypoints) != len(own):
                raise DataError(
                    f"{frame.source} frame {frame.frame} has {len(one.keypoints)} keypoints, "
                    f"--source-skeleton {skeleton} has {len(own)}"
                )
            frame.skeleton = skeleton
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
