"""Frames per second of the filters, beside a bare loop of orjson over the same lines. Prints JSON lines.

    python benchmarks/stream.py [--frames 2000] [--runs 5] [filter ...]

A stream of 5 people with 17 keypoints each, read from a file and written to a file. CPU time of this process, the
shortest of several runs; `ratio` is to the bare loop, which parses each line and writes it again. An hour at 30 frames
a second offline: `stream.py --frames 108000 --runs 1 track-offline smooth-offline`.
"""

import argparse
import json
import platform
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from importlib.metadata import version
from pathlib import Path

import numpy as np
import orjson

from rtmcli import (
    Frame,
    Instance,
    JointAngles,
    Smoother,
    Tracker,
    pose_nms,
    read_frames,
    smooth_offline,
    track_offline,
    write_frames,
)

_PEOPLE, _RATE = 5, 30.0


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("filters", nargs="*", metavar="filter", help=", ".join(FILTERS))
    parser.add_argument("--frames", type=int, default=2000)
    parser.add_argument("--runs", type=int, default=5)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        poses, tracked, out = (Path(folder, name) for name in ("poses.jsonl", "tracked.jsonl", "out.jsonl"))
        write_frames(walkers(options.frames), poses)
        write_frames(map(Tracker(), read_frames(poses)), tracked)
        bare = shortest(partial(bare_loop, tracked, out), options.runs)
        report("orjson alone", options.frames, bare, bare)
        for name in options.filters or USUAL:
            source = poses if name.startswith("track") else tracked
            seconds = shortest(partial(run, FILTERS[name], source, out), options.runs)
            report(name, options.frames, seconds, bare)


FILTERS: dict[str, Callable[[Iterator[Frame]], Iterable[Frame]]] = {
    "none": lambda frames: frames,
    "track": lambda frames: map(Tracker(), frames),
    "smooth": lambda frames: map(Smoother(), frames),
    "nms": lambda frames: map(pose_nms, frames),
    "angles": lambda frames: map(JointAngles(), frames),
    "track-offline": track_offline,
    "smooth-offline": smooth_offline,
}
# Without those that need more than numpy.
USUAL = ("none", "track", "smooth", "nms", "angles")


def walkers(count: int) -> Iterable[Frame]:
    """Frames in which people walk up and down beside each other, with noise."""
    rng = np.random.default_rng(0)
    body = rng.uniform(0, 1, (_PEOPLE, 17, 2)) * (120, 320)  # (P, K, 2) pixels in the box
    for number in range(count):
        left = 100 + 250 * np.arange(_PEOPLE) + 60 * np.sin(number / 40 + np.arange(_PEOPLE))
        origin = np.stack([left, np.full(_PEOPLE, 200.0)], axis=1)[:, None]  # (P, 1, 2)
        points = origin + body + rng.normal(0, 1.5, body.shape)
        scores = rng.uniform(0.4, 1, (_PEOPLE, 17, 1))
        yield Frame(
            source="walk.mp4", frame=number, frames=count, time=number / _RATE, width=1400, height=720,
            skeleton="coco17", model="rtmpose-t",
            instances=[
                Instance(
                    label="person",
                    box=np.float32([x, 200, x + 120, 520] + rng.normal(0, 1, 4)),
                    score=float(np.float32(rng.uniform(0.7, 0.95))),
                    keypoints=np.float32(np.concatenate(pose, axis=1)),
                )
                for x, *pose in zip(left, points, scores, strict=True)
            ],
        )  # fmt: skip


def run(change: Callable[[Iterator[Frame]], Iterable[Frame]], source: Path, out: Path) -> None:
    write_frames(change(read_frames(source)), out)


def bare_loop(source: Path, out: Path) -> None:
    with source.open("rb") as lines, out.open("wb") as file:
        for line in lines:
            file.write(orjson.dumps(orjson.loads(line), option=orjson.OPT_APPEND_NEWLINE))


def shortest(work: Callable[[], None], runs: int) -> float:
    """CPU seconds of the fastest run."""
    times = []
    for _ in range(runs):
        start = time.process_time()
        work()
        times.append(time.process_time() - start)
    return min(times)


def report(name: str, frames: int, seconds: float, bare: float) -> None:
    figures = {"frames_per_second": round(frames / seconds), "ratio": round(bare / seconds, 3)}
    machine = {"python": platform.python_version(), "numpy": version("numpy"), "machine": platform.machine()}
    print(json.dumps({"what": name, **figures, **machine}), flush=True)


if __name__ == "__main__":
    main()
