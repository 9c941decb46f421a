"""`rtm detect`: images in, boxes out."""

from typing import Annotated

import typer

from rtmcli.cli.command import Given
from rtmcli.cli.options import DetectOptions


def main(
    sources: Annotated[
        list[str],
        typer.Argument(
            metavar="SOURCE...",
            help="Images, folders, globs, lists, videos, camera numbers, URLs; - is stdin.",
        ),
    ],
    options: DetectOptions,
    given: Given,
) -> None:
    """Find people: images in, boxes out.

    One line per frame, even if empty. `rtm detect video.mp4 | rtm pose` is the same as `rtm pose video.mp4`.

    Example:

      rtm detect holiday/*.jpg --score 0.5 > boxes.jsonl
    """
    from rtmcli.cli.job_options import MEDIA_JOB_NAMES, is_folder

    if is_folder(options.output.output):
        from rtmcli.cli.media_job import run_media_job

        run_media_job(sources, options, given)
        return
    from rtmcli.cli.pipelines import detect_pipeline
    from rtmcli.cli.write_records import write_records

    given.reject(MEDIA_JOB_NAMES, "without -o FOLDER", "name a folder with -o, or leave it out")
    write_records(lambda: detect_pipeline(sources, options, given), options.output, label="detect")
