"""The options of verbs that write a folder of files, with their help (docs/scale.md)."""

import os
from dataclasses import dataclass, field
from typing import Annotated

import typer

from rtmcli.errors import UsageError

RECORD_SUFFIXES = (".jsonl", ".ndjson", ".json")


@dataclass(frozen=True, kw_only=True, slots=True)
class JobOptions:
    """How a folder is filled."""

    name: Annotated[
        str | None,
        typer.Option(
            metavar="TEMPLATE",
            help="With -o FOLDER: names of the files, with {stem}, {name}, {folder}, {number} ({folder}/{stem}).",
        ),
    ] = None
    resume: Annotated[
        bool,
        typer.Option(
            "--resume",
            help="Continue a folder: skip what is finished, made with the same options and models.",
        ),
    ] = False
    stop_on_error: Annotated[
        bool,
        typer.Option("--stop-on-error", help="End at the first source that fails, not after the others."),
    ] = False


@dataclass(frozen=True, kw_only=True, slots=True)
class MediaJobOptions:
    """How `detect` and `pose` fill a folder."""

    common: JobOptions = field(default_factory=JobOptions)
    unit: Annotated[
        float,
        typer.Option(
            min=0, metavar="SECONDS", help="Do a long video in parts of so many seconds; 0: in one piece."
        ),
    ] = 60.0
    workers: Annotated[
        int,
        typer.Option(
            min=1,
            metavar="N",
            help="Processes that do units, each with its own networks and share of the CPUs.",
        ),
    ] = 1
    shard: Annotated[
        str | None,
        typer.Option(
            metavar="K/N|slurm",
            help="Do the K-th of N parts of the units, or that of a task of a Slurm job array; --resume joins them.",
        ),
    ] = None
    ray: Annotated[
        str | None,
        typer.Option(
            metavar="auto|ADDRESS",
            help="Do the units on this Ray cluster; local starts one. Needs rtmcli[ray].",
        ),
    ] = None
    cpus_per_worker: Annotated[
        float, typer.Option(min=0.1, metavar="N", help="With --ray: CPUs of each worker.")
    ] = 1.0
    gpus_per_worker: Annotated[
        float, typer.Option(min=0, metavar="N", help="With --ray: GPUs of each worker; 0.5 shares one.")
    ] = 0.0
    plan: Annotated[
        bool, typer.Option("--plan", help="Write job.json and end, before many shards begin.")
    ] = False


# Endings that no folder of records has.
_OTHER_FILES = (".gz", ".zst", ".zip", ".txt", ".csv", ".parquet", ".html", ".mp4", ".mkv", ".png", ".jpg")
# Options of how sources are reached.
CONNECTION_NAMES = ("live", "reconnect", "stall", "insecure")
RAY_NAMES = ("ray", "cpus_per_worker", "gpus_per_worker")
JOB_NAMES = ("name", "resume", "stop_on_error")
MEDIA_JOB_NAMES = (*JOB_NAMES, "unit", "workers", "shard", "plan", *RAY_NAMES)


def is_folder(output: str | None, suffixes: tuple[str, ...] = RECORD_SUFFIXES) -> bool:
    """Whether `-o` names a folder: one that exists, ends in a slash, or has none of these suffixes."""
    if output is None or output == "-":
        return False
    if "://" in output and not os.path.lexists(output):
        # Imported here: filters start without the readers of images and videos.
        from rtmcli.media.remote import is_remote

        if output.endswith(suffixes):
            raise UsageError(f"-o {output}: name a folder of the object store, not a file in it")
        if not is_remote(output):
            raise UsageError(
                f"-o {output}: expected a folder, or an address that begins with s3://, gs:// or az://"
            )
        return True
    if os.path.isdir(output) or output.endswith("/"):
        return True
    if os.path.exists(output):  # a file, a pipe, /dev/null
        if not output.endswith(suffixes) and os.path.isfile(output):
            raise UsageError(f"-o {output} is a file; name a folder, or a file that ends in {suffixes[0]}")
        return False
    if output.lower().endswith(_OTHER_FILES):
        raise UsageError(
            f"-o {output}: expected a file that ends in {suffixes[0]}, or a folder, whose name ends in / or has no "
            "such ending"
        )
    return not output.endswith(suffixes)
