"""`rtm detect`: pixels in, boxes out."""

from typing import Annotated

import typer

from rtmcli.cli import options as o


def main(
    sources: Annotated[
        list[str],
        typer.Argument(
            metavar="SOURCE...",
            help="Pictures, folders, globs, lists, videos, camera numbers, URLs; - is stdin.",
        ),
    ],
    detector: o.DetectorName = None,
    score: o.Score = None,
    nms: o.Nms = None,
    classes: Annotated[
        str | None,
        typer.Option(metavar="NAMES", help="Classes to keep, with commas between; all keeps every one."),
    ] = None,
    det_size: o.DetectorSize = None,
    family: o.Family = None,
    every: o.Every = 1,
    start: o.Start = None,
    end: o.End = None,
    max_frames: o.MaxFrames = None,
    on_error: o.OnError = "stop",
    fps: o.Fps = None,
    engine: o.EngineName = "onnxruntime",
    device: o.Device = "cpu",
    precision: o.Precision = None,
    threads: o.Threads = None,
    jobs: o.Jobs = None,
    batch_frames: o.BatchFrames = 1,
    draw: o.Draw = None,
    show: o.Show = False,
) -> None:
    """Find people: pixels in, boxes out.

    One line a frame, also where nobody is. `rtm detect video.mp4 | rtm pose` is the same as `rtm pose video.mp4`.

    Example:

      rtm detect holiday/*.jpg --score 0.5 > boxes.jsonl
    """
    from rtmcli.cli.inference_verb import (
        Output,
        open_sources,
        run_verb,
        say_what_the_default_scores,
        split_cpus,
        total_of,
        turn_of,
    )
    from rtmcli.inference.detector import Detector
    from rtmcli.inference.pipeline import items_of

    media = open_sources(
        sources, start=start, end=end, every=every, max_frames=max_frames, on_error=on_error, fps=fps
    )
    threads, jobs = split_cpus(media, threads, jobs, device)
    found = Detector(
        detector, engine=engine, device=device, precision=precision, threads=threads, score=score, nms=nms,
        classes=o.words(classes), size=o.size_of(det_size, "--det-size"), family=family,
    )  # fmt: skip
    if not detector:
        say_what_the_default_scores(found.card, "'rtm models pull yolox-m' fetches a better one")
    output = Output(draw=draw, show=show, fps=media[0].fps)
    run_verb(
        items_of(media, found.card, turn=turn_of(media, 1, output)),
        label="detect",
        total=total_of(media),
        find=found,
        jobs=jobs,
        live=any(one.live for one in media),
        batch=batch_frames,
        output=output,
    )
