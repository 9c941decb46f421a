"""A clip through the whole pipeline: every stage, the networks alone, one image, several frames at once."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rtmcli.bench.pipeline import PAIRS, PipelineBench, rounded


def bench_clip(
    video: str, *, detector: str, model: str, jobs: int = 2, pairs: int = PAIRS, **options: Any
) -> Iterator[dict[str, Any]]:
    """One row for each measurement, with the load of the machine.

    Args:
        video: the clip.
        detector, model: names or files.
        jobs: frames at once in the last row.
        options: as for `PipelineBench`.
    """
    bench = PipelineBench(video, detector=detector, model=model, **options)
    what = {
        "video": Path(video).name,
        "detector": bench.find.card.name,
        "model": bench.pose.card.name,
        "engine": options.get("engine", "onnxruntime"),
        "precision": options.get("precision", "float32"),
    }
    for name, measure in (
        ("ms a frame", bench.stages),
        ("pipeline over networks", lambda: bench.against_networks(pairs)),
        ("one picture over networks", lambda: bench.latency(pairs)),
        ("frames at once", lambda: bench.jobs(jobs, pairs)),
    ):
        yield {"what": name, **what, **rounded(measure()), "load": round(os.getloadavg()[0], 2)}


def parts(rows: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """The same values as one row each, for a table."""
    labels = {"what", "video", "detector", "model", "engine", "precision"}
    for row in rows:
        for key, value in row.items():
            if key not in labels:
                yield {"what": row["what"], "part": key, "value": value}
