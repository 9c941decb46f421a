"""Run a pipeline and write its records to standard output; draw and show in passing."""

from collections.abc import Generator
from contextlib import ExitStack, closing
from typing import TYPE_CHECKING

from rtmcli.cli.options import OutputOptions
from rtmcli.cli.pipelines import Pipeline
from rtmcli.inference.pipeline import run_pipeline
from rtmcli.records.frame import Frame
from rtmcli.records.ndjson import write_frames
from rtmcli.terminal.progress import progress

if TYPE_CHECKING:
    from rtmcli.cli.drawing import FrameDrawer


def write_records(pipeline: Pipeline, output: OutputOptions, *, label: str) -> None:
    """Write a line for each frame of the pipeline; `label` names the progress bar."""
    from rtmcli.opencv import cv2

    # OpenCV's own threads would compete with the pipeline's, and crops are too small to share among them.
    cv2.setNumThreads(1)
    with ExitStack() as stack:
        items = run_pipeline(
            pipeline.items, find=pipeline.find, pose=pipeline.pose, det_every=pipeline.det_every,
            jobs=pipeline.jobs, live=pipeline.live, batch=pipeline.batch,
        )  # fmt: skip
        stack.enter_context(closing(items))
        bar = stack.enter_context(progress(pipeline.total, label=label))
        drawer = _drawer(output, pipeline.fps)
        if drawer is not None:
            stack.enter_context(drawer)

        def frames() -> Generator[Frame, None, None]:
            for item in items:
                frame = item.frame if pipeline.after is None else pipeline.after(item)
                yield frame
                bar.advance(people=len(frame.instances))
                if drawer is not None and not drawer.draw(item.image, frame):
                    return

        write_frames(stack.enter_context(closing(frames())), "-")


def _drawer(output: OutputOptions, fps: float | None) -> "FrameDrawer | None":
    if not output.draws:
        return None
    from rtmcli.cli.drawing import FrameDrawer

    return FrameDrawer(out=output.draw, show=output.show, fps=fps)
