"""Run a pipeline and write its records; draw and show in passing."""

from collections.abc import Callable, Generator
from contextlib import ExitStack, closing
from typing import TYPE_CHECKING

from rtmcli.arrays import Image
from rtmcli.cli.options import OutputOptions
from rtmcli.cli.pipelines import Pipeline
from rtmcli.inference.pipeline import Item, run_pipeline
from rtmcli.records.frame import Frame
from rtmcli.records.ndjson import write_frames
from rtmcli.terminal.progress import progress
from rtmcli.terminal.run_report import run_report
from rtmcli.terminal.run_stats import RunStats

if TYPE_CHECKING:
    from rtmcli.cli.drawing import FrameDrawer


def write_records(open_pipeline: Callable[[], Pipeline], output: OutputOptions, *, label: str) -> None:
    """Write a line for each frame of the pipeline; `label` is the verb's name in the progress bar and the report.

    The pipeline is opened here: connecting to a camera may take long, and is reported too.
    """
    with ExitStack() as stack:
        stats = RunStats()
        stack.enter_context(run_report(stats, output.report, label=label))
        pipeline = open_pipeline()
        for media in pipeline.live_sources:
            stats.expect(media.source, media.live_source)
        items = stack.enter_context(closing(finished_items(pipeline)))
        bar = stack.enter_context(progress(pipeline.total, label=label))
        drawer = _drawer(output, pipeline.fps)
        if drawer is not None:
            stack.enter_context(drawer)

        def frames() -> Generator[Frame, None, None]:
            for item in items:
                yield item.frame
                people = len(item.frame.instances)
                bar.advance(people=people)
                _count(stats, item.frame, people)
                if drawer is not None and not drawer.draw(item.image, item.frame):
                    return

        write_frames(stack.enter_context(closing(frames())), output.output or "-", keep=pipeline.live)


def finished_items(pipeline: Pipeline) -> Generator[Item, None, None]:
    """The items of a pipeline with all that its options add to their frames."""
    from rtmcli.opencv import cv2

    # OpenCV's own threads would compete with the pipeline's, and crops are too small to share among them.
    cv2.setNumThreads(1)
    items = run_pipeline(
        pipeline.items, find=pipeline.find, pose=pipeline.pose, det_every=pipeline.det_every,
        jobs=pipeline.jobs, live=pipeline.live, batch=pipeline.batch,
    )  # fmt: skip
    track = track_with_camera() if pipeline.track else None
    with closing(items):
        for item in items:
            if pipeline.after is not None:
                item.frame = pipeline.after(item)
            if track is not None:
                item.frame = track(item.frame, item.image)
            yield item


def track_with_camera() -> Callable[[Frame, Image], Frame]:
    """Gives ids to the people of frames in order, which takes the motion of the camera from their images."""
    from rtmcli.inference.camera_motion import CameraMotion
    from rtmcli.tracking import Tracker

    tracker, camera = Tracker(), CameraMotion()
    return lambda frame, image: tracker(frame, camera(frame, image))


def _count(stats: RunStats, frame: Frame, people: int) -> None:
    """Count a finished frame; single images are counted together."""
    single = frame.frames == 1 and frame.time is None
    dropped, gap = frame.extra.get("dropped", 0), frame.extra.get("gap")
    stats.count(None if single else frame.source, people=people, at=frame.time, dropped=dropped, gap=gap)


def _drawer(output: OutputOptions, fps: float | None) -> "FrameDrawer | None":
    if not output.draws:
        return None
    from rtmcli.cli.drawing import FrameDrawer

    return FrameDrawer(out=output.draw, show=output.show, browser=output.browser, fps=fps)
