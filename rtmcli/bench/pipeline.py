"""The time of each stage of a frame, and of the pipeline compared with its two networks alone.

Ratios are medians of pairs measured alternately, so that other load on the machine affects both sides alike.
"""

import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from itertools import islice
from statistics import median
from typing import Any

import numpy as np

from rtmcli.arrays import Float32Array, Image
from rtmcli.bench.timing import Lap, lap
from rtmcli.engines.base import Arrays, Engine
from rtmcli.inference.detector import Detector
from rtmcli.inference.open_model import OpenModel, open_model
from rtmcli.inference.pipeline import Item, items_of, run_pipeline
from rtmcli.inference.preprocess import Placement
from rtmcli.inference.topdown import TopDown
from rtmcli.media import open_media
from rtmcli.records.frame import Instance
from rtmcli.records.ndjson import encode_frame

PAIRS = 5


class Clock:
    """Seconds spent under each name."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)

    @contextmanager
    def __call__(self, name: str) -> Iterator[None]:
        start = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[name] += time.perf_counter() - start


class ClockedEngine:
    """An engine whose runs are timed and, while `keep` is set, whose inputs are kept for `replay`."""

    def __init__(self, engine: Engine, clock: Clock, name: str) -> None:
        self.card, self.inputs, self.outputs, self.facts = (
            engine.card,
            engine.inputs,
            engine.outputs,
            engine.facts,
        )
        self._engine, self._clock, self._name = engine, clock, name
        self.keep = False
        self.kept: list[tuple[Arrays, Sequence[str] | None]] = []

    def __call__(self, feeds: Arrays, names: Sequence[str] | None = None) -> Arrays:
        if self.keep:
            self.kept.append(({name: array.copy() for name, array in feeds.items()}, names))
        with self._clock(self._name):
            return self._engine(feeds, names)

    def replay(self) -> None:
        """The network alone, on all kept inputs."""
        for feeds, names in self.kept:
            self._engine(feeds, names)


class ClockedTopDown(TopDown):
    """`TopDown` that times its two steps: filling the batch, and running and decoding."""

    clock: Clock

    def _fill(self, images: Sequence[Image], boxes: Float32Array) -> list[Placement]:
        with self.clock("crop"):
            return super()._fill(images, boxes)

    def _decode(self, n: int) -> tuple[Float32Array, Float32Array | None, Float32Array]:
        with self.clock("pose and decode"):
            return super()._decode(n)


class PipelineBench:
    """One clip, one pair of networks, one engine.

    Args:
        video: the clip; frames: how many of it.
        detector, model: names or files.
        score_threshold: of the detector; engine, device, precision, threads: as for `open_engine`.
    """

    def __init__(
        self,
        video: str,
        *,
        frames: int = 100,
        detector: str | None = None,
        model: str | None = None,
        score_threshold: float | None = None,
        engine: str = "onnxruntime",
        device: str = "cpu",
        precision: str | None = None,
        threads: int = 1,
    ) -> None:
        from rtmcli.opencv import cv2
        from rtmcli.zoo.resolve import DEFAULT_DETECTOR, DEFAULT_POSE

        cv2.setNumThreads(1)
        self.video, self.frames, self.clock = video, frames, Clock()
        self._options: dict[str, Any] = {"engine": engine, "device": device, "precision": precision}
        self._names = (detector or DEFAULT_DETECTOR, model or DEFAULT_POSE)
        self._score_threshold = score_threshold
        self._find_engine, self.find, self._pose_engine, self.pose = self._open(threads)

    def stages(self) -> dict[str, Any]:
        """Milliseconds of every stage for each frame, one after the other on this thread; and people for each frame."""
        clock, self.clock.seconds = self.clock, defaultdict(float)
        people = 0
        with open_media(self.video, max_frames=self.frames) as media, closing(iter(media)) as pictures:
            start = time.perf_counter()
            count = sum(1 for _ in pictures)
            clock.seconds["decode"] = time.perf_counter() - start
        self._find_engine.keep = self._pose_engine.keep = True
        self._find_engine.kept, self._pose_engine.kept = [], []
        for item in self._items():
            with clock("detect"):
                found = self.find([item.image])
            with clock("pose"):
                item.frame.instances = self.pose([item.image], found)[0]
            with clock("write"):
                encode_frame(item.frame)
            people += len(item.frame.instances)
        self._find_engine.keep = self._pose_engine.keep = False
        ms = {name: 1000 * seconds / count for name, seconds in clock.seconds.items()}
        return {
            "decode": ms["decode"],
            "detector: network": ms["network: detector"],
            "detector: the rest": ms["detect"] - ms["network: detector"],
            "crop": ms["crop"],
            "pose: network": ms["network: pose"],
            "pose: decode": ms["pose and decode"] - ms["network: pose"],
            "pose: the rest": ms["pose"] - ms["pose and decode"] - ms["crop"],
            "write": ms["write"],
            "people": people / count,
            "frames": count,
        }

    def against_networks(self, pairs: int = PAIRS) -> dict[str, Any]:
        """The time of the whole pipeline, with decoding, divided by that of its networks alone on the same inputs."""
        if not self._find_engine.kept:
            self.stages()

        def networks() -> None:
            self._find_engine.replay()
            self._pose_engine.replay()

        count = len(self._find_engine.kept)
        return _over("pipeline", paired(lambda: self.run(jobs=1), networks, pairs), count)

    def latency(self, pairs: int = PAIRS, runs: int = 30) -> dict[str, Any]:
        """The time of one image from pixels to poses, after warm-up, divided by that of its networks alone."""
        image = next(self._items()).image

        def picture() -> list[list[Instance]]:
            return self.pose([image], self.find([image]))

        self._find_engine.kept, self._pose_engine.kept = [], []
        self._find_engine.keep = self._pose_engine.keep = True
        picture()
        self._find_engine.keep = self._pose_engine.keep = False

        def networks() -> None:
            for _ in range(runs):
                self._find_engine.replay()
                self._pose_engine.replay()

        laps = paired(lambda: [picture() for _ in range(runs)], networks, pairs)
        self._find_engine.kept, self._pose_engine.kept = [], []
        return _over("picture", laps, runs)

    def jobs(self, count: int = 2, pairs: int = PAIRS) -> dict[str, Any]:
        """`count` frames at once on one thread each, compared with one frame at a time on `count` threads."""
        _, find, _, pose = self._open(count)

        def together() -> None:
            list(run_pipeline(self._items(), find=find, pose=pose, jobs=1))

        laps = paired(lambda: self.run(jobs=count), together, pairs)
        frames = sum(1 for _ in self._items())
        return {
            "jobs": count,
            f"fps, {count} jobs of 1 thread": frames / median(a.wall for a, _ in laps),
            f"fps, 1 job of {count} threads": frames / median(b.wall for _, b in laps),
            "ratio": median(b.wall / a.wall for a, b in laps),
            "pairs": pairs,
        }

    def run(self, *, jobs: int) -> None:
        """The pipeline from file to encoded records."""
        for item in run_pipeline(self._items(), find=self.find, pose=self.pose, jobs=jobs):
            encode_frame(item.frame)

    def _items(self) -> Iterator[Item]:
        media = open_media(self.video, max_frames=self.frames)
        return islice(items_of([media], self.pose.card), self.frames)

    def _open(self, threads: int) -> tuple[ClockedEngine, Detector, ClockedEngine, ClockedTopDown]:
        detector, model = (open_model(name, threads=threads, **self._options) for name in self._names)
        finding = ClockedEngine(detector.engine, self.clock, "network: detector")
        posing = ClockedEngine(model.engine, self.clock, "network: pose")
        pose = ClockedTopDown(OpenModel(posing, model.card))
        pose.clock = self.clock
        return (
            finding,
            Detector(OpenModel(finding, detector.card), score_threshold=self._score_threshold),
            posing,
            pose,
        )


def paired(a: Callable[[], object], b: Callable[[], object], pairs: int) -> list[tuple[Lap, Lap]]:
    """Laps of both, run alternately `pairs` times after one warm-up run of each."""
    a()
    b()
    laps = []
    for number in range(pairs):
        if number % 2 == 0:
            first, second = lap(a), lap(b)
        else:
            second, first = lap(b), lap(a)
        laps.append((first, second))
    return laps


def _over(name: str, laps: list[tuple[Lap, Lap]], count: int) -> dict[str, Any]:
    """Medians for each frame, and of the ratios: by wall clock, and by CPU time, which other load hardly affects."""
    return {
        f"{name} ms": 1000 * median(whole.wall for whole, _ in laps) / count,
        "networks ms": 1000 * median(bare.wall for _, bare in laps) / count,
        "ratio": median(whole.wall / bare.wall for whole, bare in laps),
        f"{name} cpu ms": 1000 * median(whole.cpu for whole, _ in laps) / count,
        "networks cpu ms": 1000 * median(bare.cpu for _, bare in laps) / count,
        "cpu ratio": median(whole.cpu / bare.cpu for whole, bare in laps),
        "pairs": len(laps),
    }


def rounded(row: dict[str, Any]) -> dict[str, Any]:
    """The row with floats rounded to three decimals."""
    return {key: round(float(v), 3) if isinstance(v, float | np.floating) else v for key, v in row.items()}
