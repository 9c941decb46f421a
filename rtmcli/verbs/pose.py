"""`rtm pose`: pixels (or boxes) in, poses out."""

from collections.abc import Callable
from typing import Annotated

import typer

from rtmcli.cli import options as o
from rtmcli.errors import UsageError
from rtmcli.terminal.messages import say


def main(
    sources: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[SOURCE...]",
            help="Pictures, folders, globs, lists, videos, camera numbers, URLs; - is a video on stdin. Without any, "
            "stdin is records with boxes, which get keypoints.",
        ),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(metavar="NAME|FILE", help="The pose model (rtmpose-t)."),
    ] = None,
    detector: o.DetectorName = None,
    score: o.Score = None,
    nms: o.Nms = None,
    boxes: Annotated[
        str | None,
        typer.Option(
            metavar="ANN.json", help="Take the boxes of COCO labels or detections; SOURCE is their folder."
        ),
    ] = None,
    media: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="Where the pixels of the records on stdin are, if they moved."),
    ] = None,
    flip_test: Annotated[
        bool,
        typer.Option("--flip-test", help="Average with the mirrored crop: better, twice the time."),
    ] = False,
    det_every: Annotated[
        int,
        typer.Option(
            min=1, metavar="K", help="Detect every K-th frame; boxes between come from the last poses."
        ),
    ] = 1,
    track: Annotated[
        bool, typer.Option("--track", help="Give every person an id, as rtm track does.")
    ] = False,
    skeleton: Annotated[
        str | None, typer.Option(metavar="NAME", help="The model's skeleton, where its file does not say it.")
    ] = None,
    size: Annotated[
        str | None,
        typer.Option(metavar="WxH", help="The model's input, where its file does not say it: 192x256."),
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
    """Find people and their keypoints: pixels (or boxes) in, poses out.

    One line a frame, also where nobody is. Several videos take turns; with a camera among them the newest picture of
    each goes through the networks together, and `dropped` counts those that came too fast. Without a source, records
    with boxes come from stdin and leave with keypoints; their pixels come from where they say, or from --media.

    Example:

      rtm pose video.mp4 --det-every 5 | rtm smooth > out.jsonl
      rtm detect video.mp4 | grep -v '"instances":\\[\\]' | rtm pose > out.jsonl
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
    from rtmcli.inference.detector_classes import classes_for
    from rtmcli.inference.onestage import OneStage
    from rtmcli.inference.open_model import check_task, open_model
    from rtmcli.inference.pipeline import items_of
    from rtmcli.inference.topdown import TopDown
    from rtmcli.records.frame import Frame
    from rtmcli.zoo.resolve import DEFAULT_DETECTOR, DEFAULT_POSE

    given = boxes is not None or not sources  # the boxes come from outside
    _check(sources, boxes=boxes, media=media, given=given, det_every=det_every, detector=detector)
    opened = None
    if sources and not given:
        opened = open_sources(
            sources, start=start, end=end, every=every, max_frames=max_frames, on_error=on_error, fps=fps
        )
    threads, jobs = split_cpus(opened, threads, jobs, device)
    chosen = open_model(
        model or DEFAULT_POSE, engine=engine, device=device, precision=precision, threads=threads,
        size=o.size_of(size, "--size"), skeleton=skeleton,
    )  # fmt: skip
    if not model:
        say_what_the_default_scores(chosen.card, "'rtm models pull rtmpose-m' fetches a better one")
    find: Detector | OneStage | None = None
    pose: TopDown | None = None
    if chosen.card.task == "onestage":
        _check_onestage(given=given, detector=detector, flip_test=flip_test, det_every=det_every)
        find = OneStage(chosen, score=score, nms=nms)
    else:
        pose = TopDown(chosen, flip_test=flip_test)
    if find is None and not given:
        if engine == "ncnn" and detector is None:  # the bundled one is an ONNX file, which ncnn cannot hold
            say("the bundled detector runs on onnxruntime; --detector FILE.param puts it on ncnn too")
            engine, device, precision = "onnxruntime", "cpu", None
        finder = open_model(
            detector or DEFAULT_DETECTOR, engine=engine, device=device, precision=precision, threads=threads,
            size=o.size_of(det_size, "--det-size"), family=family,
        )  # fmt: skip
        check_task(finder, "detector")
        find = Detector(finder, score=score, nms=nms, classes=classes_for(chosen.card, finder.card))
    output = Output(draw=draw, show=show, fps=opened[0].fps if opened else None)
    if opened is not None:
        items = items_of(opened, chosen.card, turn=turn_of(opened, det_every, output))
    elif boxes is not None:
        from rtmcli.cli.given_boxes import given_items

        items = given_items(boxes, str(sources[0]) if sources else "", chosen.card, score=score)
    else:
        from rtmcli.cli.given_boxes import recorded_items

        items = recorded_items(media, chosen.card)
    after: Callable[[Frame], Frame] | None = None
    if track:
        from rtmcli.tracking import Tracker

        after = Tracker()
    run_verb(
        items,
        label="pose",
        total=total_of(opened) if opened is not None else None,
        find=find,
        pose=pose,
        det_every=det_every,
        jobs=jobs,
        live=opened is not None and any(one.live for one in opened),
        after=after,
        batch=batch_frames,
        output=output,
    )


def _check(
    sources: list[str] | None,
    *,
    boxes: str | None,
    media: str | None,
    given: bool,
    det_every: int,
    detector: str | None,
) -> None:
    """Raises UsageError for options that do not go together."""
    if media is not None and (sources or boxes is not None):
        raise UsageError(
            "--media says where the pixels of records on stdin are; leave SOURCE and --boxes out"
        )
    if boxes is not None and (not sources or len(sources) != 1):
        raise UsageError("--boxes needs one SOURCE: the folder its pictures lie in")
    if given and det_every > 1:
        raise UsageError("--det-every skips detections, but the boxes are given here; leave it out")
    if given and detector is not None:
        raise UsageError("--detector finds boxes, but the boxes are given here; leave it out")


def _check_onestage(*, given: bool, detector: str | None, flip_test: bool, det_every: int) -> None:
    """Raises UsageError for options that a model without a detector has no use for."""
    wrong = {
        "boxes on stdin or --boxes": given,
        "--detector": detector is not None,
        "--flip-test": flip_test,
        "--det-every": det_every > 1,
    }
    for option, present in wrong.items():
        if present:
            raise UsageError(
                f"a one-stage model finds people by itself and has no use for {option}; leave it out"
            )
