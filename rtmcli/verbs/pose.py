"""`rtm pose`: images (or boxes) in, poses out."""

from typing import Annotated

import typer

from rtmcli.cli.command import Given
from rtmcli.cli.options import PoseOptions


def main(
    options: PoseOptions,
    given: Given,
    sources: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[SOURCE...]",
            help="Images, folders, globs, lists, videos, camera numbers, URLs; - is a video on stdin. Without any, "
            "stdin is records with boxes, which get keypoints.",
        ),
    ] = None,
) -> None:
    """Find people and their keypoints: images (or boxes) in, poses out.

    One line per frame, even if empty. Several videos take turns. With a camera among them, the source that has
    waited longest is next, with its newest frame, and `dropped` counts the frames that came too fast. A list of
    cameras has a line for each: an address, or NAME = ADDRESS. Without a source, records with boxes come from
    stdin and get keypoints; their pixels come from where they say, or from --media.

    Example:

      rtm pose video.mp4 --det-every 5 | rtm smooth > out.jsonl
      rtm detect video.mp4 | grep -v '"instances":\\[\\]' | rtm pose > out.jsonl
    """
    from rtmcli.cli.job_options import MEDIA_JOB_NAMES, is_folder

    if is_folder(options.output.output):
        from rtmcli.cli.media_job import run_media_job

        run_media_job(sources or [], options, given)
        return
    from rtmcli.cli.pipelines import pose_pipeline
    from rtmcli.cli.write_records import write_records

    given.reject(MEDIA_JOB_NAMES, "without -o FOLDER", "name a folder with -o, or leave it out")
    write_records(lambda: pose_pipeline(sources or [], options, given), options.output, label="pose")
