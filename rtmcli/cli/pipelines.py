"""The pipelines of `detect` and `pose`, built from their options: sources and models are opened here."""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from typing import Literal

from rtmcli.arrays import Image
from rtmcli.cli import effects
from rtmcli.cli.command import Given
from rtmcli.cli.option_values import size_of, threshold_of, tiles_of, words
from rtmcli.cli.options import (
    DetectOptions,
    DetectorOptions,
    EngineOptions,
    OutputOptions,
    PoseOptions,
)
from rtmcli.cli.source_options import SourceOptions
from rtmcli.errors import UsageError
from rtmcli.inference.detector import Detector
from rtmcli.inference.detector_classes import classes_for, default_detector
from rtmcli.inference.onestage import OneStage
from rtmcli.inference.open_model import OpenModel, open_model
from rtmcli.inference.pipeline import Find, Item, Pose, items_of
from rtmcli.inference.tiled_detector import TiledDetector
from rtmcli.inference.topdown import TopDown
from rtmcli.media import Media, expand_sources
from rtmcli.records.frame import Frame
from rtmcli.terminal.messages import say, say_on_terminal
from rtmcli.zoo.card import Card
from rtmcli.zoo.resolve import DEFAULT_DETECTOR, DEFAULT_POSE, OFFICIAL_MODELS


@dataclass(frozen=True, kw_only=True, slots=True)
class Pipeline:
    """What `run_pipeline` needs, and what is done with its frames.

    Attributes:
        items, find, pose, det_every, jobs, live, batch: as for `run_pipeline`.
        card: of the model that the records name.
        after: makes the record of a finished frame, by itself.
        track: whether people then get ids, which go through the frames of a source.
        total: frames that will come, where that is known.
        fps: rate of the first source, where it has one.
        together: live sources whose newest frames share a batch, at most; None: all.
        live_sources: those that do not wait.
    """

    card: Card
    items: Iterable[Item] = ()
    find: Find | None = None
    pose: Pose | None = None
    det_every: int = 1
    jobs: int = 1
    live: bool = False
    batch: int = 1
    after: Callable[[Item], Frame] | None = None
    track: bool = False
    total: int | None = None
    fps: float | None = None
    together: int | None = None
    live_sources: tuple[Media, ...] = ()


def detect_pipeline(sources: Sequence[str], options: DetectOptions, given: Given) -> Pipeline:
    """The pipeline of `rtm detect`."""
    effects.check_engine(options.engine, given)
    media = _open_sources(sources, options.source, given)
    networks = detect_networks(options, *options.engine.threads_and_jobs(media))
    if not options.detector.detector:
        _note_bundled(networks.card, "yolox-m")
    return with_media(networks, media, options.output)


def detect_networks(options: DetectOptions, threads: int, jobs: int) -> Pipeline:
    """The pipeline of `rtm detect` without sources."""
    opened = _open_detector(options.detector, options.engine, threads)
    classes = "all" if options.classes == "all" else words(options.classes)
    detector = _detector(opened, options.detector, classes)
    engine = options.engine
    return Pipeline(
        card=opened.card, find=detector, jobs=jobs, batch=engine.batch_frames, together=engine.together
    )


def pose_pipeline(sources: Sequence[str], options: PoseOptions, given: Given) -> Pipeline:
    """The pipeline of `rtm pose`: from sources, or from boxes of a COCO file (`--boxes`) or of records on stdin."""
    boxes_given = options.boxes is not None or not sources
    media: list[Media] | None = None
    effects.check_engine(options.engine, given)
    if boxes_given:
        effects.check_given_boxes(given)
        if options.boxes is not None and len(sources) != 1:
            raise UsageError("--boxes needs one SOURCE: the folder its images lie in")
    else:
        media = _open_sources(sources, options.source, given)
    networks = pose_networks(options, *options.engine.threads_and_jobs(media), given, boxes_given=boxes_given)
    if not options.model:
        _note_bundled(networks.card, "rtmpose-m")
    if media is not None:
        return with_media(networks, media, options.output)
    return replace(networks, items=_items_with_boxes(sources, options, networks.card, given))


def pose_networks(
    options: PoseOptions, threads: int, jobs: int, given: Given, *, boxes_given: bool = False
) -> Pipeline:
    """The pipeline of `rtm pose` without sources."""
    engine = options.engine
    opened = open_model(
        options.model or DEFAULT_POSE, engine=engine.engine, device=engine.device, precision=engine.precision,
        threads=threads, size=size_of(options.size, "--size"), skeleton=options.skeleton,
    )  # fmt: skip
    card = opened.card
    pipeline = Pipeline(
        card=card, jobs=jobs, batch=engine.batch_frames, after=_after(options, card, boxes_given),
        track=options.track, together=engine.together,
    )  # fmt: skip
    if card.task == "onestage":
        if boxes_given:
            raise UsageError(
                f"{card.name} finds people by itself and takes no boxes; name a top-down model with --model, "
                "or a SOURCE instead of the boxes"
            )
        effects.check_onestage(given, card)
        found = OneStage(opened, score_threshold=options.detector.score, iou_threshold=options.detector.nms)
        return replace(pipeline, find=found)
    pipeline = replace(pipeline, pose=TopDown(opened, flip_test=options.flip_test))
    if boxes_given:
        return pipeline
    return replace(pipeline, find=_detector_for(card, options, threads), det_every=options.det_every)


def _open_sources(sources: Sequence[str], options: SourceOptions, given: Given) -> list[Media]:
    """The sources, of a list of cameras each one, opened."""
    expanded = expand_sources(sources, clip=options.fps is not None)
    effects.check_sources([one.source for one in expanded], given)
    media = options.open(expanded)
    effects.check_live(media, given)
    return media


def _items_with_boxes(
    sources: Sequence[str], options: PoseOptions, card: Card, given: Given
) -> Iterable[Item]:
    from rtmcli.cli.given_boxes import given_items, recorded_items

    if options.boxes is None:
        return recorded_items(
            options.media, card, stream=options.source.stream, insecure=options.source.insecure
        )
    return given_items(
        options.boxes, sources[0], card, score=options.detector.score, insecure=options.source.insecure, given=given
    )  # fmt: skip


def with_media(pipeline: Pipeline, media: Sequence[Media], output: OutputOptions) -> Pipeline:
    """The pipeline over the frames of opened sources."""
    # Several files take turns of one detection each; what is drawn comes one file after the other.
    turn = None if output.draws or len(media) == 1 else pipeline.det_every
    totals = [one.total for one in media]
    return replace(
        pipeline,
        items=items_of(media, pipeline.card, turn=turn, together=pipeline.together),
        live=any(one.live for one in media),
        total=None if None in totals else sum(total for total in totals if total is not None),
        fps=media[0].fps,
        live_sources=tuple(one for one in media if one.live),
    )


def _detector_for(pose: Card, options: PoseOptions, threads: int) -> Find:
    """The detector that finds what the pose model takes."""
    engine = options.engine
    if engine.engine == "ncnn" and options.detector.detector is None:
        # The bundled detector is an ONNX file, which ncnn cannot read.
        say("the bundled detector runs on onnxruntime; --detector FILE.param puts it on ncnn too")
        engine = replace(engine, engine="onnxruntime", device="cpu", precision=None)
    chosen = options.detector
    if chosen.detector is None and (name := default_detector(pose)) != DEFAULT_DETECTOR:
        say_on_terminal(f"{pose.name} needs another detector than the bundled one; using {name}")
        chosen = replace(chosen, detector=name)
    opened = _open_detector(chosen, engine, threads)
    return _detector(opened, options.detector, classes_for(pose, opened.card))


def _detector(
    opened: OpenModel, options: DetectorOptions, classes: Collection[str] | Literal["all"] | None
) -> Find:
    detector = Detector(opened, score_threshold=options.score, iou_threshold=options.nms, classes=classes)
    tiles = tiles_of(options.tiles)
    return detector if tiles is None else TiledDetector(detector, *tiles)


def _open_detector(options: DetectorOptions, engine: EngineOptions, threads: int) -> OpenModel:
    return open_model(
        options.detector or DEFAULT_DETECTOR, task="detector", engine=engine.engine, device=engine.device,
        precision=engine.precision, threads=threads, size=size_of(options.det_size, "--det-size"),
        family=options.family, classes=words(options.det_classes),
    )  # fmt: skip


def _after(options: PoseOptions, card: Card, boxes_given: bool) -> Callable[[Item], Frame] | None:
    """What is done with each frame by itself: one pose per person, where a detector gave the boxes; then colours."""
    threshold = threshold_of(options.pose_nms, "--pose-nms")
    steps: list[Callable[[Frame, Image], Frame]] = []
    if threshold is not None and not boxes_given and card.task == "topdown":
        from rtmcli.filters.nms import one_pose_per_person

        steps.append(lambda frame, _: one_pose_per_person(frame, threshold=threshold))
    if options.appearance:
        from rtmcli.inference.appearance import add_appearance

        steps.append(add_appearance)
    if not steps:
        return None
    return lambda item: reduce(lambda frame, step: step(frame, item.image), steps, item.frame)


def _note_bundled(card: Card, better: str) -> None:
    """On a terminal, say what the bundled model is and how to get the published model `better`."""
    score = next(
        (f"{name} {value}" for name, value in card.figures.items() if name != "command"), "not measured"
    )
    official = OFFICIAL_MODELS[card.name]
    say_on_terminal(
        f"using {card.name}, rtm's own small model ({score}), not the official {official}; "
        f"'rtm models pull {better}' downloads a better one"
    )
