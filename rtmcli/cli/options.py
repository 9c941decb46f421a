"""The options of `detect` and `pose` as objects, with their help."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated

import typer

from rtmcli.cli.job_options import MediaJobOptions
from rtmcli.cli.source_options import SourceOptions

if TYPE_CHECKING:
    from rtmcli.media import Media


@dataclass(frozen=True, kw_only=True, slots=True)
class DetectorOptions:
    """Which detector finds the boxes, and which of them to keep."""

    detector: Annotated[
        str | None, typer.Option("--detector", metavar="NAME|FILE", help="The detector (rtmdet-nano).")
    ] = None
    score: Annotated[
        float | None,
        typer.Option(
            min=0,
            max=1,
            metavar="S",
            help="Keep boxes with a score above S (the card's threshold, else 0.3).",
        ),
    ] = None
    nms: Annotated[
        float | None,
        typer.Option(
            min=0, max=1, metavar="IOU", help="Remove a box whose overlap with a better one is above IOU."
        ),
    ] = None
    det_size: Annotated[
        str | None,
        typer.Option(
            metavar="WxH",
            help="The detector's input, where its file accepts any size or does not say it: 480, 640x384.",
        ),
    ] = None
    family: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="rtmdet or yolox, if the detector's file does not say it."),
    ] = None
    det_classes: Annotated[
        str | None,
        typer.Option(
            metavar="NAMES",
            help="Names of a custom detector's classes, in the order of its labels: ball,player.",
        ),
    ] = None
    tiles: Annotated[
        str | None,
        typer.Option(
            metavar="CxR", help="Detect in overlapping tiles too, columns x rows (2x2): for small people."
        ),
    ] = None


@dataclass(frozen=True, kw_only=True, slots=True)
class EngineOptions:
    """What runs the networks."""

    engine: Annotated[
        str,
        typer.Option(
            "--engine",
            metavar="NAME",
            help="onnxruntime, openvino, ncnn, torch, tensorrt; auto selects the fastest one installed "
            "(measured once).",
        ),
    ] = "onnxruntime"
    device: Annotated[str, typer.Option(metavar="NAME", help="cpu, cuda, cuda:1, ...")] = "cpu"
    precision: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="float32 (the default; auto may choose less), float16, bfloat16."),
    ] = None
    threads: Annotated[
        int | None,
        typer.Option(min=1, metavar="N", help="Threads of a network (1 for files, all CPUs for cameras)."),
    ] = None
    jobs: Annotated[
        int | None,
        typer.Option(
            min=1, metavar="N", help="Frames processed at once (all CPUs for files, 1 for cameras)."
        ),
    ] = None
    batch_frames: Annotated[
        int,
        typer.Option(
            min=1, metavar="N", help="Frames in one batch of the networks: for GPUs, and bfloat16 on CPUs."
        ),
    ] = 1

    @property
    def together(self) -> int | None:
        """Live sources whose newest frames share a batch: one on a CPU, where batches gain nothing; else all (None)."""
        return 1 if self.device.startswith("cpu") else None

    def threads_and_jobs(self, media: "Sequence[Media] | None") -> tuple[int, int]:
        """Threads of one run of a network, and frames worked on at once.

        A file: as many frames as CPUs with one thread each, which is faster on the CPUs than one frame on all threads.
        A camera or a single image: all threads for one frame.
        """
        from rtmcli.cpus import available_cpus

        cpus = available_cpus()
        jobs = self.jobs
        if jobs is None:
            one_at_a_time = media is not None and (
                any(one.live for one in media) or [one.total for one in media] == [1]
            )
            on_cpu = self.device.startswith("cpu")
            jobs = 1 if one_at_a_time or not on_cpu else max(1, cpus // (self.threads or 1))
        return self.threads or max(1, cpus // jobs), jobs


@dataclass(frozen=True, kw_only=True, slots=True)
class OutputOptions:
    """Where the records go, and what to draw beside them."""

    output: Annotated[
        str | None,
        typer.Option(
            "-o",
            "--output",
            metavar="FILE|FOLDER",
            help="Write records to out.jsonl, or to a folder: a file per source and a line per finished one on stdout.",
        ),
    ] = None
    draw: Annotated[
        str | None, typer.Option(metavar="FILE", help="Also draw the results into this video or image.")
    ] = None
    show: Annotated[bool, typer.Option("--show", help="Also show the frames in a window; q quits.")] = False
    browser: Annotated[
        bool,
        typer.Option(
            "--browser", help="Also show the frames in a browser, on a page of this machine (127.0.0.1)."
        ),
    ] = False

    report: Annotated[
        str | None,
        typer.Option(
            metavar="FILE",
            help="Append a JSON line per source every 10 s: frames, fps, people, dropped, memory.",
        ),
    ] = None

    @property
    def draws(self) -> bool:
        """Whether anything is drawn or shown."""
        return self.draw is not None or self.show or self.browser


@dataclass(frozen=True, kw_only=True, slots=True)
class DetectOptions:
    """The options of `rtm detect`."""

    detector: DetectorOptions = field(default_factory=DetectorOptions)
    classes: Annotated[
        str | None,
        typer.Option(metavar="NAMES", help="Classes to keep, separated by commas; all keeps every class."),
    ] = None
    source: SourceOptions = field(default_factory=SourceOptions)
    engine: EngineOptions = field(default_factory=EngineOptions)
    output: OutputOptions = field(default_factory=OutputOptions)
    job: MediaJobOptions = field(default_factory=MediaJobOptions)


@dataclass(frozen=True, kw_only=True, slots=True)
class PoseOptions:
    """The options of `rtm pose`."""

    model: Annotated[str | None, typer.Option(metavar="NAME|FILE", help="The pose model (rtmpose-t).")] = None
    boxes: Annotated[
        str | None,
        typer.Option(
            metavar="ANN.json",
            help="Use the boxes of COCO labels or detections; SOURCE is the folder of their images.",
        ),
    ] = None
    media: Annotated[
        str | None,
        typer.Option(
            metavar="FILE", help="Where the images of the records on stdin are, if they were moved."
        ),
    ] = None
    flip_test: Annotated[
        bool,
        typer.Option("--flip-test", help="Average with the mirrored crop: more accurate, twice the time."),
    ] = False
    det_every: Annotated[
        int,
        typer.Option(
            min=1, metavar="K", help="Detect on every K-th frame; between, boxes come from the last poses."
        ),
    ] = 1
    pose_nms: Annotated[
        str,
        typer.Option(
            metavar="T|none",
            help="Drop a pose whose OKS with a better one is above T, or that is the pose of a part of its person.",
        ),
    ] = "0.7"
    track: Annotated[
        bool,
        typer.Option(
            "--track",
            help="Give every person an id, as rtm track does; the camera's motion is measured in the images.",
        ),
    ] = False
    appearance: Annotated[
        bool,
        typer.Option(
            "--appearance",
            help="Add the colours of each person's clothes, by which rtm track knows people after a long gap.",
        ),
    ] = False
    skeleton: Annotated[
        str | None, typer.Option(metavar="NAME", help="The model's skeleton, if its file does not say it.")
    ] = None
    size: Annotated[
        str | None,
        typer.Option(metavar="WxH", help="Input size of the model, if its file does not fix it: 192x256."),
    ] = None
    detector: DetectorOptions = field(default_factory=DetectorOptions)
    source: SourceOptions = field(default_factory=SourceOptions)
    engine: EngineOptions = field(default_factory=EngineOptions)
    output: OutputOptions = field(default_factory=OutputOptions)
    job: MediaJobOptions = field(default_factory=MediaJobOptions)
